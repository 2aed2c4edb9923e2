"""Small notebooks for tests."""

import json
from pathlib import Path

TRAINS = (
    "import firstline\n"
    "made = firstline.Workspace(workspace).retrain('never', candidates, folds=folds, seed=seed, minutes=minutes)"
)


def write_notebook(file: Path, *cells: str) -> Path:
    """A notebook with a cell of parameters and these code cells."""
    sources: list[tuple[str, list[str]]] = [("workspace = '.'", ["parameters"]), *((cell, []) for cell in cells)]
    made: list[dict[str, object]] = [
        {
            "cell_type": "code",
            "execution_count": None,
            "id": f"cell-{number}",
            "metadata": {"tags": tags},
            "outputs": [],
            "source": source,
        }
        for number, (source, tags) in enumerate(sources)
    ]
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps({"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}), "utf-8")
    return file


def text_of(file: Path) -> str:
    """All that an executed notebook holds, without the escapes of JSON."""
    return json.dumps(json.loads(file.read_text("utf-8")), ensure_ascii=False)
