"""From the text of a message to what a model reads: the one copy that training and serving share.

`masks` hides personal data before anything is stored; `rules` turn the masked text into
normalised text with special tokens; `ngrams` cut that into features.
"""
