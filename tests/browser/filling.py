"""A workspace for the browser tests: users, classes, messages without a label, a queue with each reason, and clusters.

Models are added apart, because the pages tell what leads to a first one.
"""

from pathlib import Path

from sqlalchemy import Connection, select

from firstline.bundle.registry import promote
from firstline.evaluation.held_out import HeldOut, held_out_file
from firstline.store.clusters import Clustered, write_clusters
from firstline.store.database import writing, writing_rows
from firstline.store.jobs import add_job, claim_job, finish_job
from firstline.store.labelling import Suggested, write_queue
from firstline.store.messages import StoredMessage
from firstline.store.schema import classes, in_force, labels, messages
from firstline.store.workspace import Workspace
from tests.bundles import make_bundle
from tests.console import with_user
from tests.reports import answers
from tests.unit.store.filling import take_in

N_WAITING = 60
N_ALIKE = 10
"""How many messages each cluster has."""
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
        queue = _queue(connection)
        write_queue(connection, queue)
        write_clusters(connection, _clusters([one.message_id for one in queue[-2 * N_ALIKE :]], _class(connection)))
    return place


def with_models(place: Workspace) -> tuple[str, str]:
    """A champion and a challenger that failed one check, both with answers to the same 120 messages; their ids."""
    champion, challenger = make_bundle(place.models, 4.0).id, make_bundle(place.models, 5.0).id
    promote(place.models, champion)
    folder = place.runs / "run-1"
    folder.mkdir(parents=True)
    (folder / "run.json").write_text('{"id": "run-1", "started_at": "2026-01-01"}', "utf-8")
    for seed, model in enumerate((champion, challenger)):
        found, named = answers(seed=seed)
        kept = HeldOut(model, found.labels, found.keys, found.truth, found.probabilities, found.novelty)
        kept.save(held_out_file(folder, model))
    take_in(place.database, *(StoredMessage(one.text, label=one.labels[0]) for one in named.values()))
    checks = {"macro_f1": (True, []), "classes": (False, ["Перевод"]), "latency": (True, [])}
    gates = [
        {"gate": name, "passed": passed, "figure": 1.0, "limit": 2.0, "words": "", "classes": worse}
        for name, (passed, worse) in checks.items()
    ]
    told = {"challenger": challenger, "champion": champion, "promoted": False, "reason": "", "gates": gates}
    overlap = {"label": "Кредит", "other": "Карта", "n_taken": 7, "n_messages": 12}
    new = {"label": "Кредит", "n_labels": 12, "recall": 5 / 12, "overlap": overlap}
    told |= {"new_classes": [new], "warnings": [], "run": "run-1"}
    with writing_rows(place.database) as connection:
        add_job(connection, "retrain", {}, "lena")
        job = claim_job(connection, "long", "host:1")
        assert job is not None
        finish_job(connection, job, "done", result=told)
    return champion, challenger


def _class(connection: Connection) -> int:
    return int(connection.execute(select(classes.c.id).where(classes.c.name == "Банкомат")).scalar_one())


def _clusters(alike: list[int], class_id: int) -> list[Clustered]:
    """Two clusters, one with a suggested class and one without."""
    halves = [[(one, 0.9 - place / 100) for place, one in enumerate(alike[half::2])] for half in range(2)]
    return [
        Clustered(0, halves[0], class_id, 0.83, ["банкомат", "карта"]),
        Clustered(1, halves[1], None, None, []),
    ]


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
