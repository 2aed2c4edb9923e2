"""The training loop of networks, several of them in parallel processes, and recognising out-of-memory errors."""
