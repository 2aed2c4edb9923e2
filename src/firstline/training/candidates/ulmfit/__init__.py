"""ULMFiT: a language model fine-tuned on the messages, then a classifier on top of it."""
