"""Training: the only home of scikit-learn, torch, fastai, TPOT, DEAP and Dask."""


def require_training(*others: str) -> None:
    """Raises `ExtraMissing` if scikit-learn or one of `others` is not installed."""
    from importlib.util import find_spec

    from firstline.errors import ExtraMissing

    if not all(find_spec(name) for name in ("sklearn", "scipy", *others)):
        raise ExtraMissing("Training", "train")
