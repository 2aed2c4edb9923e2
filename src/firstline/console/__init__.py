"""Pages for people: sign-in, import, labelling."""
