"""Language models of 'ru' for Firstline."""
