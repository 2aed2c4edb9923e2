"""A challenger against the champion: compared on the same messages, promoted by gates."""
