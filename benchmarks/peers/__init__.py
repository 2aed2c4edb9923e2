"""Other people's classifiers on the same files, machine and encoder: python -m benchmarks.peers.compare --help"""
