"""FastAPI around scikit-learn: TF-IDF of words 1-2 and characters 2-4, and logistic regression, like `linear.v1`."""

import threadpoolctl
from fastapi import FastAPI
from pydantic import BaseModel
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline, make_union

from benchmarks.peers.served import labelled, serve


class Asked(BaseModel):
    text: str


class Ranked(BaseModel):
    label: str
    confidence: float


class Answer(BaseModel):
    label: str
    confidence: float
    ranking: list[Ranked]


def main() -> None:
    threadpoolctl.threadpool_limits(1)
    texts, labels = labelled()
    pipeline = make_pipeline(
        make_union(
            TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True),
            TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), sublinear_tf=True),
        ),
        LogisticRegression(C=30, class_weight="balanced", max_iter=300, tol=1e-3),
    ).fit(texts, labels)
    classes = [str(name) for name in pipeline.classes_]
    app = FastAPI()

    # In the event loop: a thread for each request, which plain `def` would take, answers fewer on one core.
    @app.post("/predict")
    async def predict(asked: Asked) -> Answer:
        found = pipeline.predict_proba([asked.text])[0]
        ranking = [Ranked(label=classes[place], confidence=float(found[place])) for place in (-found).argsort()]
        return Answer(label=ranking[0].label, confidence=ranking[0].confidence, ranking=ranking)

    serve(app)


if __name__ == "__main__":
    main()
