"""A workspace for the browser tests: users, classes, messages without a label, and a queue with each reason.

A page that needs more, such as clusters or a model, adds it here, so that every test sees the same workspace.
"""

from pathlib import Path

from sqlalchemy import Connection, select

from firstline.store.database import writing, writing_rows
from firstline.store.labelling import Suggested, write_queue
from firstline.store.messages import StoredMessage
from firstline.store.schema import classes, in_force, labels, messages
from firstline.store.workspace import Workspace
from tests.console import with_user
from tests.unit.store.filling import take_in

N_WAITING = 60
NONE = "Не наше"
CLASSES = {
    "Банкомат": "Снятие и внесение наличных, задержанные карты.",
    "Вход в приложение": "Пароли, коды, отпечаток пальца.",
    "Доставка карты": "Где карта, и когда её привезут.",
    "Перевод": "Переводы людям и компаниям.",
    "Кредит": "Условия, платежи и просрочки.",
    NONE: "",
} | {f"Услуга {number}": "" for number in range(1, 20)}
DISPUTED = ("Карта осталась в банкомате, а перевод не пришёл", ("Банкомат", "Перевод"))
"""A message, and the classes that two imports gave it."""
_REASONS = ("typical", "close_call", "unstable", "random")
_WAITING = (
    "Банкомат на Невском <PERSON> не вернул карту, второй день жду ответа. Номер {}",
    "Не приходит код на <PHONE>, в приложение не попасть. Обращение {}",
    "My card should have arrived on Monday, where is it? Ticket {}",
    "Перевёл деньги, а получатель их не видит: <CARD>. Операция {}",
)


def filled_workspace(folder: Path) -> Workspace:
    """A new workspace with the users ada (admin), lena (lead) and anton (annotator)."""
    place = Workspace.create(folder, "ru")
    written = place.settings_file.read_text("utf-8")
    place.settings_file.write_text(written.replace("none = []", f'none = ["{NONE}"]'), "utf-8")
    place = Workspace.find(folder)
    with_user(place, "ada", "admin")
    with_user(place, "lena", "lead")
    with_user(place, "anton", "annotator")
    take_in(place.database, *(StoredMessage(f"{name}: обращение", label=name) for name in CLASSES))
    take_in(
        place.database,
        *(StoredMessage(_WAITING[number % len(_WAITING)].format(number), "client") for number in range(N_WAITING)),
    )
    for name in DISPUTED[1]:
        take_in(place.database, StoredMessage(DISPUTED[0], label=name))
    with writing(place.database) as connection:
        for name, description in CLASSES.items():
            connection.execute(classes.update().where(classes.c.name == name).values(description=description))
    with writing_rows(place.database) as connection:
        write_queue(connection, _queue(connection))
    return place


def _queue(connection: Connection) -> list[Suggested]:
    """All messages without a label; those of one kind have the same class first."""
    ids = {name: place for place, name in connection.execute(select(classes.c.id, classes.c.name))}
    likely = [ids[name] for name in CLASSES][: len(_WAITING)]
    is_labelled = select(labels.c.id).where(labels.c.message_id == messages.c.id, in_force).exists()
    unlabelled = connection.execute(select(messages.c.id).where(~is_labelled).order_by(messages.c.id)).scalars()
    queue = []
    for rank, message in enumerate(unlabelled):
        turned = likely[rank % len(likely) :] + likely[: rank % len(likely)]
        reason = _REASONS[rank % len(_REASONS)]
        guesses = list(zip(turned, (0.55, 0.3, 0.1, 0.05), strict=True))
        queue.append(Suggested(message, rank, reason, guesses, is_random=reason == "random"))
    return queue
