"""Whether another machine trains as this one does: the same code, and the same versions."""

from collections.abc import Mapping

from firstline.errors import MachineDiffers
from firstline.training.provenance import code_digest, installed

_SEARCH = ("dask", "distributed", "deap", "tpot", "skl2onnx")
_CODE = "code"


def identity() -> dict[str, str]:
    """What two machines must have in common to train the same: code, Python, and libraries that both have."""
    return {**installed(), **installed(_SEARCH), _CODE: code_digest()}


def check_same(here: Mapping[str, str], there: Mapping[str, str], address: str) -> None:
    """Raises `MachineDiffers` where the machine at `address` has another version of something than this one."""
    other = [name for name in here if there.get(name, here[name]) != here[name] and name != _CODE]
    said = ", ".join(f"{name} {there[name]} instead of {here[name]}" for name in other)
    if said or there.get(_CODE) != here.get(_CODE):
        raise MachineDiffers(f"{address} has {said or 'other code of Firstline'}")
