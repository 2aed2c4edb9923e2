"""A workspace in one archive: written while other commands work, and checked before anything is restored from it."""
