"""Answers: over HTTP, and for whole files."""
