"""SetFit: its own contrastive fine-tuning and head, pairs bounded so that it ends on two cores."""

from collections.abc import Sequence
from tempfile import TemporaryDirectory

import torch
from datasets import Dataset
from measuring import Predict, run
from setfit import SetFitModel, Trainer, TrainingArguments

_MOST_STEPS = 300


def train(texts: Sequence[str], labels: Sequence[str], encoder: str) -> Predict:
    """Steps of 16 pairs; SetFit's own default would be every pair of labels once, some days here."""
    torch.manual_seed(0)
    names = sorted(set(labels))
    # e5 wants to know that it reads a question; SetFit would say so only when it answers.
    prompted = [f"query: {text}" for text in texts]
    model = SetFitModel.from_pretrained(encoder, labels=names)
    model.model_body.default_prompt_name = None
    model.model_body.max_seq_length = 128
    with TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder, batch_size=16, max_steps=_MOST_STEPS, seed=0, report_to="none", save_strategy="no"
        )
        data = Dataset.from_dict({"text": prompted, "label": [names.index(label) for label in labels]})
        Trainer(model=model, args=arguments, train_dataset=data).train()

    def predict(asked: Sequence[str]) -> list[str]:
        return [str(name) for name in model.predict([f"query: {text}" for text in asked], batch_size=32)]

    return predict


if __name__ == "__main__":
    run(train, lambda: torch.set_num_threads(1))
