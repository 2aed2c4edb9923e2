"""Language models of 'en' for Firstline."""
