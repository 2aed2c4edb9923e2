"""How large the house is: `python -m tests.house_figures` prints the lines of its rooms, the longest functions, the
imports of a module of `training/`, and the words of the README. `tests/unit/test_house.py` holds the limits.
"""

import ast
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import firstline

SOURCE = Path(firstline.__file__).parent
ROOT = SOURCE.parent.parent
ROOMS = ("training", "language_models", "search", "neural")
_N_LONGEST = 10


def lines_of(*rooms: str) -> int:
    """Lines of all modules in these rooms."""
    return sum(_n_lines(path) for room in rooms for path in _modules(room))


def functions() -> list[tuple[int, str]]:
    """Lines of each function, with its place; the longest first."""
    found = [
        (node.end_lineno - node.lineno + 1, f"{path.relative_to(SOURCE)}:{node.lineno} {node.name}")
        for path in _modules(".")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno
    ]
    return sorted(found, reverse=True)


def imports(room: str) -> dict[str, int]:
    """By module of a room, how many modules of Firstline it imports, wherever in the file."""
    return {str(path.relative_to(SOURCE)): len(set(_imported(path))) for path in _modules(room)}


def main() -> None:
    for room in ROOMS:
        print(f"{room}/ {lines_of(room):,} lines")
    three = ROOMS[:3]
    print(f"{', '.join(three)} together {lines_of(*three):,} lines")
    print(f"training/train.py {_n_lines(SOURCE / 'training' / 'train.py')} lines")
    found = imports("training")
    most = max(found, key=lambda name: found[name])
    print(f"imports of a module in training/: median {median(found.values()):g}, at most {found[most]} ({most})")
    print(f"README {len((ROOT / 'README.md').read_text('utf-8').split()):,} words")
    print("the longest functions:")
    for n_lines, place in functions()[:_N_LONGEST]:
        print(f"  {n_lines} {place}")


def _modules(room: str) -> list[Path]:
    return sorted((SOURCE / room).rglob("*.py"))


def _n_lines(path: Path) -> int:
    return len(path.read_text("utf-8").splitlines())


def _imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        yield from (name for name in names if name.split(".")[0] == "firstline")


if __name__ == "__main__":
    main()
