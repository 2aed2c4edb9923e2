"""AutoIntent: its preset classic-medium (nearest neighbours, logistic regression, random forest) on the encoder."""

import logging
from collections.abc import Sequence
from tempfile import mkdtemp

import torch
from autointent import Dataset, Pipeline
from autointent.configs import LoggingConfig, SentenceTransformerEmbeddingConfig
from measuring import Predict, run

_PRESET = "classic-medium"


def train(texts: Sequence[str], labels: Sequence[str], encoder: str) -> Predict:
    """Its own search, then trained again on all labels."""
    logging.disable(logging.WARNING)
    names = sorted(set(labels))
    rows = [{"utterance": text, "label": names.index(label)} for text, label in zip(texts, labels, strict=True)]
    pipeline = Pipeline.from_preset(_PRESET)
    folder = mkdtemp()
    # The folder itself says that "query: " comes first.
    pipeline.set_config(
        SentenceTransformerEmbeddingConfig(model_name=encoder, device="cpu", tokenizer_config={"max_length": 128})
    )
    pipeline.set_config(LoggingConfig(project_dir=folder))
    pipeline.fit(Dataset.from_dict({"train": rows}), refit_after=True)

    def predict(asked: Sequence[str]) -> list[str]:
        found = pipeline.predict(list(asked))
        return ["" if place is None else names[int(place)] for place in found]  # type: ignore[arg-type]

    return predict


if __name__ == "__main__":
    run(train, lambda: torch.set_num_threads(1))
