"""Training: the only home of scikit-learn, torch, fastai, TPOT, DEAP and Dask."""
