"""fastai's own predict on an AWD-LSTM classifier of given widths, in PyTorch eager: serving without an export."""

import time
import warnings
from collections.abc import Sequence
from typing import Any


def learner(
    texts: Sequence[str], n_embedding: int, n_hidden: int, n_layers: int, n_labels: int, *, backwards: bool = False
) -> Any:
    """A `TextLearner` on one thread. The weights are random: they do not change how long it takes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pandas
        import torch
        from fastai.text.all import AWD_LSTM, TextDataLoaders, awd_lstm_clas_config, text_classifier_learner

        torch.set_num_threads(1)
        frame = pandas.DataFrame({"text": texts, "label": [f"class {place % n_labels}" for place in range(len(texts))]})
        loaders = TextDataLoaders.from_df(
            frame, text_col="text", label_col="label", valid_pct=0.1, seed=0, n_workers=0, backwards=backwards
        )
        config = {**awd_lstm_clas_config, "emb_sz": n_embedding, "n_hid": n_hidden, "n_layers": n_layers}
        return text_classifier_learner(loaders, AWD_LSTM, backwards=backwards, config=config, pretrained=False)


def times_ms(texts: Sequence[str], n_embedding: int, n_hidden: int, n_layers: int, n_labels: int) -> list[float]:
    """Milliseconds a text, one direction, on one thread."""
    predicting, found = learner(texts, n_embedding, n_hidden, n_layers, n_labels), []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for place, text in enumerate(texts):
            started = time.perf_counter()
            with predicting.no_bar(), predicting.no_logging():
                predicting.predict(text)
            if place >= 10:
                found.append((time.perf_counter() - started) * 1000)
    return found
