"""Exports that people have of other tools, one file each: known by their shape, so that nothing has to be named."""
