import subprocess
import sys

import pytest

import firstline
from firstline import api

LOADED = "import sys, firstline; print([name for name in sys.modules if name.startswith('firstline.')])"


def test_importing_firstline_loads_nothing_else() -> None:
    done = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, encoding="utf-8", check=True)
    assert done.stdout.strip() == "[]"


def test_the_names_of_firstline_are_those_of_the_api() -> None:
    assert sorted(firstline.__all__) == sorted([*api.__all__, "__version__"])
    assert [getattr(firstline, name) for name in api.__all__] == [getattr(api, name) for name in api.__all__]


def test_other_names_are_missing() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = firstline.nothing  # type: ignore[attr-defined]
