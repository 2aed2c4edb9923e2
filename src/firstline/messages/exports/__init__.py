"""Exports of other tools, one file each; they are recognised by their shape, so that no column has to be named."""
