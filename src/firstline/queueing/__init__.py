"""Which messages to label next, where training libraries are installed."""
