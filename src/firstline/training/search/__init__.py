"""Comparing and searching: cross-validation, and where it runs."""
