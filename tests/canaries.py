"""Files with canaries in every place: personal data, and plain words that no message may repeat.

A plain column name may be shown, so the names of columns hold personal data only; files without a header have
both kinds in their first line.
"""

import csv
import json
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path

import polars as pl

from tests.examples import examples

ENDINGS = ("csv", "tsv", "jsonl", "json", "parquet", "xlsx")
PERSONAL = {
    "phone": "+7 916 555-01-02",
    "email": "kanareika@pochta-primer.ru",
    "card": "4276 5500 1234 5677",
    "account": "40817810099910004312",
    "passport": "4510 987654",
    "snils": "112-233-445 95",
}
_SIGNS = ("916 555", "9165550102", "kanareika", "5500 1234", "4276550012345677", "40817810099910004312")
_SIGNS_OF_DOCUMENTS = ("4510 987654", "4510987654", "112-233-445", "11223344595")
WORD = "капибар"
"""Each place has a word of its own that begins like this: `капибартекст`."""

CONVERSATION = ("--conversation", "chat", "--author", "from", "--agent-values", "agent", "--sent-at", "time")
_HISTORY_PLACES = ("text", "id", "label", "segment", "sent_at")
_CHAT_PLACES = ("text", "chat", "from", "time", "label", "segment")

Row = dict[str, str]


def leaks(content: bytes, words: bool = True) -> list[str]:
    """What stands in `content` that must not: personal data, and plain words if they must not either."""
    signs = (*_SIGNS, *_SIGNS_OF_DOCUMENTS, *((WORD, json.dumps(WORD).strip('"')) if words else ()))
    return [sign for sign in signs if sign.encode() in content]


def leaks_in(folder: Path) -> dict[str, list[str]]:
    """Personal data in the files below a folder, and plain words in those that tell people of an import."""
    found = {}
    for path in folder.rglob("*"):
        if path.is_file():
            is_told = path.name.endswith(".rejects.csv")
            found[str(path)] = leaks(path.read_bytes(), words=is_told) + leaks(str(path).encode())
    for path in folder.rglob("*.db"):
        with closing(sqlite3.connect(path)) as database:
            found[f"{path} dumped"] = leaks("\n".join(database.iterdump()).encode(), words=False)
    return {name: signs for name, signs in found.items() if signs}


def history() -> list[Row]:
    """Labelled messages, and one with a canary in each place of a table."""
    data = examples()
    rows = [
        {"text": message.text, "id": str(place), "label": label, "segment": message.segment or "", "sent_at": ""}
        for place, (message, label) in enumerate(zip(data.messages, data.labels, strict=True))
    ]
    rows += [{**rows[0], "label": "Вход"}, {**rows[0], "text": f"спор {WORD}спор"}]
    rows += [{**rows[-1], "label": "Вход"}]
    for place, canary in _places(_HISTORY_PLACES):
        rows.append({**rows[len(rows) % 20], "text": f"сообщение {len(rows)}", place: canary})
    return [_with_columns(row) for row in rows]


def chats() -> list[Row]:
    """Conversations of two lines, and one with a canary in each place of an export."""
    rows = []
    for number, (place, canary) in enumerate([*_places(_CHAT_PLACES), *[("text", f"вопрос {n}") for n in range(4)]]):
        time = f"2026-01-02 10:{number % 60:02}"
        common = {"chat": f"c{number}", "time": time, "label": "Перевод", "segment": "lead"}
        asked = {**common, "from": "client", "text": f"вопрос {number}", place: canary}
        rows += [asked, {**common, "chat": asked["chat"], "from": "agent", "text": f"ответ {canary}"}]
    return [_with_columns(row) for row in rows]


def _places(names: Iterable[str]) -> list[tuple[str, str]]:
    return [(name, value) for name in names for value in (*PERSONAL.values(), WORD + name)]


def _with_columns(row: Row) -> Row:
    return {**row, f"столбец {PERSONAL['phone']}": PERSONAL["email"], "прочее": f"{WORD}ячейка"}


def write(path: Path, rows: Sequence[Row]) -> None:
    """A table in the format of its ending."""
    match path.suffix:
        case ".csv" | ".tsv":
            with path.open("w", encoding="utf-8", newline="") as file:
                table = csv.DictWriter(file, list(rows[0]), delimiter="\t" if path.suffix == ".tsv" else ",")
                table.writeheader()
                table.writerows(rows)
        case ".jsonl":
            path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), "utf-8")
        case ".json":
            path.write_text(json.dumps(rows, ensure_ascii=False), "utf-8")
        case ".parquet":
            pl.DataFrame(rows).write_parquet(path)
        case ".xlsx":
            pl.DataFrame(rows).write_excel(path)


def write_broken(folder: Path, rows: Sequence[Row]) -> list[Path]:
    """Each format cut off in the middle; rows that break the format; a table without a header."""
    made = []
    canary = f"{WORD}обрыв {PERSONAL['card']} {PERSONAL['email']}"
    for ending in ENDINGS:
        write(folder / f"cut.{ending}", rows)
        content = (folder / f"cut.{ending}").read_bytes()
        (folder / f"cut.{ending}").write_bytes(content[: len(content) * 2 // 3])
        made.append(folder / f"cut.{ending}")
    headerless = f"1;{canary}, когда его вернут?;{WORD}класс\n2;{canary};{WORD}класс\n"
    contents = {
        "quote.csv": f'text,label\nраз,Вход\n"{canary},Вход\n',
        "width.tsv": f"text\tlabel\nраз\tВход\n{canary}\t{canary}\t{canary}\t{canary}\n",
        "line.jsonl": f'{{"text": "раз"}}\n{{"text": "{canary}", "x": {WORD}}}\n["{canary}"]\n',
        "item.json": f'[{{"text": "раз"}}, "{canary}"]',
        "value.json": f'[{{"text": "{canary}", "label": NaN}}]',
        "headerless.csv": headerless,
        "headerless.tsv": headerless.replace(";", "\t"),
        "no-text.jsonl": json.dumps({f"{PERSONAL['phone']}": canary, "x": 1}, ensure_ascii=False),
        "not-a-table.parquet": canary,
        "not-a-table.xlsx": canary,
        "byte.csv": f"text,label\n{canary},\0\n",
    }
    for name, content_text in contents.items():
        (folder / name).write_text(content_text, "utf-8")
        made.append(folder / name)
    return made
