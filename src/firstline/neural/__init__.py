"""The training loop of networks, processes for several of them at once, and memory that runs out."""
