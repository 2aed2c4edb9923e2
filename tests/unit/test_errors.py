import ast
import builtins
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import firstline
from firstline import errors
from firstline.errors import FileUnreadable, FirstlineError, kind_of, trace_of

TEXT = "a message of somebody"


def raised() -> Exception:
    try:
        try:
            raise ValueError(TEXT)
        except ValueError as error:
            raise KeyError(TEXT) from error
    except KeyError as error:
        return error


def test_the_kind_of_an_error_has_its_place_and_not_its_text() -> None:
    told = kind_of(raised())
    assert told.startswith("KeyError in test_errors.py, line ")
    assert TEXT not in told


def test_an_error_that_was_never_raised_has_no_place() -> None:
    assert kind_of(ValueError(TEXT)) == "ValueError"


def test_a_trace_has_what_led_to_it_and_no_text() -> None:
    told = trace_of(raised())
    assert told.index("ValueError") < told.index("KeyError")
    assert "in raised" in told
    assert TEXT not in told


def test_a_trace_keeps_what_our_own_errors_say() -> None:
    assert "FileUnreadable: a.csv is empty." in trace_of(FileUnreadable("a.csv is empty."))


@dataclass(frozen=True)
class Entry:
    """An error as the tree in the docstring shows it, or as its class is."""

    name: str
    parent: str
    code: str


def tree() -> Iterator[tuple[Entry, str]]:
    """The entries of the docstring, each with what stands behind its code."""
    path: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        found = re.fullmatch(r"([│├└─ ]*)([A-Z]\w+) {2,}([a-z_]+)(?: {2,}(.*))?", line)
        if found:
            depth = len(found[1]) // 4
            path = [*path[:depth], found[2]]
            yield Entry(found[2], path[-2] if depth else "Exception", found[3]), found[4] or ""


def classes() -> dict[str, ast.ClassDef]:
    """Every class with a base in the whole source, by name; read, not imported, since some need an extra."""
    files = Path(firstline.__file__).parent.rglob("*.py")
    nodes = (node for file in files for node in ast.walk(ast.parse(file.read_text("utf-8"))))
    return {node.name: node for node in nodes if isinstance(node, ast.ClassDef) and node.bases}


def bases(name: str, known: dict[str, ast.ClassDef]) -> list[str]:
    """The chain of first bases, from the nearest."""
    if name not in known:
        return []
    base = ast.unparse(known[name].bases[0]).rpartition(".")[2].partition("[")[0]
    return [base, *(bases(base, known) if base != name else [])]


def own_code(node: ast.ClassDef) -> str:
    for line in node.body:
        target = line.targets[0] if isinstance(line, ast.Assign) else getattr(line, "target", None)
        if isinstance(target, ast.Name) and target.id == "code":
            return str(ast.literal_eval(line.value))  # type: ignore[attr-defined]
    return "no code of its own"


def test_every_error_stands_in_the_tree_at_its_place_with_its_code() -> None:
    known = classes()
    found = {
        Entry(name, bases(name, known)[0], own_code(node))
        for name, node in known.items()
        if name == "FirstlineError" or "FirstlineError" in bases(name, known)
    }
    assert {entry for entry, _ in tree()} == found


def test_codes_are_unique() -> None:
    codes = [entry.code for entry, _ in tree()]
    assert sorted(codes) == sorted(set(codes))


def test_the_tree_names_every_exit_code() -> None:
    for entry, words in tree():
        named = re.search(r"exit code (\d)", words)
        own = vars(getattr(errors, entry.name)).get("exit_code")
        assert (int(named[1]) if named else None) == own, entry.name


def test_exceptions_outside_the_tree_are_private_or_explained() -> None:
    known = classes()
    in_tree = {entry.name for entry, _ in tree()}
    explained = set(re.findall(r"`([A-Z]\w+)`", errors.__doc__ or ""))
    raisable = {
        name for name, one in vars(builtins).items() if isinstance(one, type) and issubclass(one, BaseException)
    }
    outside = {name for name in known if raisable & set(bases(name, known))} - in_tree
    assert {name for name in outside if not name.startswith("_")} == explained


@pytest.mark.parametrize(
    "code",
    # Programs may compare them: add to these, and change none.
    [
        *("error", "usage", "workspace", "workspace_missing", "workspace_exists", "workspace_busy"),
        *("settings_invalid", "store_unusable", "input", "file_unreadable", "format_unknown", "file_unwritable"),
        *("column_missing", "corpus_unusable", "bundle", "bundle_missing", "bundle_damaged", "bundle_version_unknown"),
        *("bundle_unwritable", "training", "labels_too_few", "pool_too_small", "language_model_unusable"),
        *("encoder_unusable", "checkpoint_unusable", "candidate_unknown", "extra_missing", "address_unusable"),
        *("request", "key_unusable", "source_unclear", "cluster_lost"),
    ],
)
def test_released_codes_stay(code: str) -> None:
    assert code in {entry.code for entry, _ in tree()}


def test_the_root_of_the_tree_is_the_root_of_the_classes() -> None:
    assert next(tree())[0].name == FirstlineError.__name__
