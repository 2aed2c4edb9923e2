"""Load on a running service, and what came of it."""
