"""History in: from a team's export to masked messages in the store."""
