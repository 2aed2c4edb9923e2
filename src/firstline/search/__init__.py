"""Looking for better settings of a candidate, and where tasks run: processes here, or a Dask cluster."""
