"""The pages themselves, one file per address. `console/app.py` lists them."""
