"""A sentence encoder that is fine-tuned on the labels."""
