"""Searches for better settings of a candidate, and runs tasks in local processes or on a Dask cluster."""
