"""A few labelled messages, clearly of three classes."""

import csv
from dataclasses import replace
from pathlib import Path

from firstline.store.messages import Labelled
from firstline.types import Message

_TEXTS = {
    "Банкомат": (
        "Банкомат съел карту",
        "банкомат не выдал деньги",
        "БАНКОМАТ зажевал купюры, верните",
        "где ближайший банкомат?",
        "Банкомат завис и не отдаёт карту!!!",
        "банкомат выдал меньше чем надо",
        "Внесла наличные через банкомат, денег нет",
        "сломан банкомат на вокзале",
    ),
    "Вход": (
        "не могу войти в приложение",
        "Забыл пароль от приложения",
        "как восстановить логин",
        "Пароль не подходит, войти нельзя",
        "ВХОД В ПРИЛОЖЕНИЕ НЕ РАБОТАЕТ",
        "логин забыла, помогите войти",
        "новый телефон, как войти?",
        "вход заблокирован после трёх попыток",
    ),
    "Перевод": (
        "перевод не дошёл до получателя",
        "Где мой перевод?",
        "отправил деньги на <PHONE>, не пришли",
        "Перевод завис, верните деньги",
        "перевела не тому человеку",
        "деньги не пришли, перевод вчера",
        "перевод по номеру <PHONE> не зачислен",
        "сколько идёт перевод в другой банк",
    ),
}


def examples() -> Labelled:
    """24 labelled messages of three classes and six without a label."""
    pairs = [
        (Message(text, "customer" if place % 3 else "lead"), label)
        for label, texts in _TEXTS.items()
        for place, text in enumerate(texts)
    ]
    return Labelled(
        messages=[message for message, _ in pairs],
        labels=[label for _, label in pairs],
        unlabelled=[Message(text) for text in ("спасибо", "оператор", "алло", "добрый день", "ау", "не понял")],
        n_disagreements=0,
    )


def with_outsiders() -> Labelled:
    """The same with eight messages of none of the classes."""
    texts = (
        "продам гараж недорого",
        "какая завтра погода",
        "Куплю щенка таксы",
        "погода на выходные в Сочи",
        "продам велосипед и самокат",
        "ищу попутчиков до Казани",
        "куплю гараж или дачу",
        "погода испортилась, дождь",
    )
    return replace(examples(), none=[Message(text) for text in texts])


def write_examples(path: Path) -> None:
    """The same as a CSV with the columns text, segment, label."""
    data = examples()
    labels = [*data.labels, *[""] * len(data.unlabelled)]
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(("text", "segment", "label"))
        for message, label in zip([*data.messages, *data.unlabelled], labels, strict=True):
            table.writerow((message.text, message.segment or "", label))
