"""Speed and memory, measured: each module is a command that prints a small table."""
