"""The workspace: its folder, its database, and who may write to it."""
