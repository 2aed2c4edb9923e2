"""The workspace: its folder, its database, and its locks."""
