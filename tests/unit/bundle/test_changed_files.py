"""A loaded model answers alike, to the byte, whatever happens to its files."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from firstline.bundle.files import write_bundle
from firstline.bundle.manifest import FILE_NAME
from firstline.bundle.parts.head import Head
from firstline.bundle.parts.pipeline import PipelineGraph, TfidfPipeline
from firstline.bundle.parts.word_vectors import WordTable, WordVectors
from firstline.bundle.predictor import Predictor
from firstline.types import Message
from tests.bundles import hand_made_part, manifest
from tests.unit.bundle.parts.test_forest import two_trees
from tests.unit.bundle.parts.test_pipeline import N_COMPONENTS, N_LABELS, TFIDF, TO_COMPONENTS, graph

MESSAGES = [Message("моя карта"), Message("где перевод", "lead"), Message("неведомое")]


def linear(folder: Path) -> str:
    hand_made_part().save(folder)
    return "tfidf_linear.v1"


def forest(folder: Path) -> str:
    two_trees().save(folder)
    return "tfidf_forest.v1"


def pipeline(folder: Path) -> str:
    TfidfPipeline(TFIDF, TO_COMPONENTS, PipelineGraph(graph(), N_COMPONENTS, N_LABELS)).save(folder)
    return "tfidf_pipeline.v1"


def vectors(folder: Path) -> str:
    table = WordTable(["карта"], np.array([[7, -9]], np.int8), np.ones(1, np.float32), np.ones(1, np.float32))
    head = Head(np.array([[1, 0, -1], [0, 1, 0]], np.float32), np.zeros(3, np.float32))
    WordVectors(table, head).save(folder)
    return "word_vectors.v1"


def overwritten(file: Path) -> None:
    with file.open("r+b") as opened:
        opened.write(b"\xff" * file.stat().st_size)


def emptied(file: Path) -> None:
    os.truncate(file, 0)


@pytest.mark.parametrize("change", [overwritten, emptied, Path.unlink])
@pytest.mark.parametrize("export", [linear, forest, pipeline, vectors])
def test_answers_stay_when_files_change(
    tmp_path: Path, export: Callable[[Path], str], change: Callable[[Path], None]
) -> None:
    written = write_bundle(tmp_path, manifest(), export)
    predictor = Predictor.load(tmp_path / written.id)
    before = predictor.predict_proba(MESSAGES).tobytes()
    files = [file for file in (tmp_path / written.id).iterdir() if file.name != FILE_NAME]
    assert len(files) >= 5 or export is forest
    for file in files:
        change(file)
    assert predictor.predict_proba(MESSAGES).tobytes() == before
