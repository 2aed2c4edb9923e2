"""A pipeline that TPOT finds."""
