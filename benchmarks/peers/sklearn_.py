"""scikit-learn's own pipelines over TF-IDF, the best by its grid search with five folds."""

from collections.abc import Sequence

from joblib.externals.loky import get_reusable_executor
from measuring import Predict, run
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_union
from sklearn.svm import LinearSVC


def train(texts: Sequence[str], labels: Sequence[str], encoder: str) -> Predict:
    """Words and parts of words; logistic regression, linear SVM and random forest compete."""
    features = make_union(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True),
        TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True, max_features=100_000),
    )
    grid = [
        {"model": [LogisticRegression(max_iter=300)], "model__C": [3, 30, 100]},
        {"model": [LinearSVC()], "model__C": [0.3, 1, 3]},
        {"model": [RandomForestClassifier(500, n_jobs=1, random_state=0)]},
    ]
    pipeline = Pipeline([("features", features), ("model", LinearSVC())])
    search = GridSearchCV(pipeline, grid, cv=5, n_jobs=2).fit(list(texts), list(labels))
    # Its idle workers would hold what this process prints to for minutes after its end.
    get_reusable_executor().shutdown(wait=True)
    return lambda asked: [str(guess) for guess in search.predict(list(asked))]


if __name__ == "__main__":
    run(train)
