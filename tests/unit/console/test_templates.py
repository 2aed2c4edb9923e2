"""What Jinja would pass over in silence."""

import re
from importlib.resources import files
from pathlib import Path

_CONSOLE = Path(str(files("firstline.console")))


def test_no_template_gets_a_value_that_is_named_like_a_constant() -> None:
    """Jinja reads `none`, `true` and `false` as constants, whatever the page gives."""
    sources = {path.name: path.read_text("utf-8") for path in (_CONSOLE / "pages").glob("*.py")}
    assert len(sources) > 5
    assert [name for name, text in sources.items() if re.search(r"\b(none|true|false)=", text)] == []
