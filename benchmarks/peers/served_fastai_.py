"""FastAPI around fastai's `learn.predict`, with both directions of an AWD-LSTM of given widths, in PyTorch eager.

The weights are random: they do not change how long it takes.
"""

import sys

from fastapi import FastAPI
from pydantic import BaseModel

from benchmarks.fastai_predict import learner
from benchmarks.peers.served import labelled, serve


class Asked(BaseModel):
    text: str


class Answer(BaseModel):
    label: str
    confidence: float
    ranking: dict[str, float]


def main() -> None:
    texts, labels = labelled()
    n_embedding, n_hidden, n_layers = map(int, sys.argv[2:5])
    classes = sorted(set(labels))
    directions = [
        learner(texts, n_embedding, n_hidden, n_layers, len(classes), backwards=backwards)
        for backwards in (False, True)
    ]
    app = FastAPI()

    @app.post("/predict")
    async def predict(asked: Asked) -> Answer:
        found = []
        for direction in directions:
            with direction.no_bar(), direction.no_logging():
                found.append(direction.predict(asked.text)[2])
        mean = (sum(found) / len(found)).tolist()
        ranking = dict(sorted(zip(classes, mean, strict=True), key=lambda pair: -pair[1]))
        label = next(iter(ranking))
        return Answer(label=label, confidence=ranking[label], ranking=ranking)

    serve(app)


if __name__ == "__main__":
    main()
