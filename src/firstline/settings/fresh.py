"""The `firstline.toml` of a new workspace: what a team decides, at its default."""

from pydantic import TypeAdapter, ValidationError

from firstline.errors import UsageError
from firstline.settings.model import Language

_TEXT = """\
# The settings of this workspace that a team decides; docs/settings.md describes all settings.
# An environment variable wins over this file, for example FIRSTLINE_TRAINING__SEED=7.

# The language of most messages is written in two or three letters: ru, en, ...
language = "{language}"

[columns]
# `firstline import` writes here which column of your export holds what.

[classes]
# If you list your classes here, a row with another label is rejected; an empty list takes any label as a class.
fixed = []
# Labels that mean "none of these", such as ["Другое"], are stored, but never learned or answered.
none = []
# The name of a class is learned as one more message of it; switch this off if names mislead.
names_teach = true

[emails]
# Quoted replies, forwarded messages and signatures are cut from e-mails, at import and in every answer.
cut_quotes = true

[masking]
# Personal data is masked before a message is stored; add your own patterns, each a name and a regular expression.
# For example: patterns = [{{ kind = "POLICY", pattern = "ОСАГО-\\\\d{{6}}" }}]
patterns = []

[training]
# `firstline train` compares these candidates; "auto" takes all that suit your data.
candidates = ["auto"]
# The comparison may take this many minutes; 0 sets no limit, and the best of a large history takes an hour or two.
minutes = 5.0
# An answer may take this many milliseconds on one core, at the 99th percentile; 0 sets no limit.
latency_ms = 0.0
# The same data and the same seed give the same model.
seed = 0

[encoder]
# Some candidates read with this sentence encoder; "auto" takes one that is installed, and "none" switches them off.
name = "auto"

[serving]
# The HTTP service refuses a text that has more characters.
max_text_chars = 10000

[candidates]
# `firstline search --apply` writes settings of candidates here, for example [candidates."linear.v1"] with C = 12.5.
"""


def settings_text(language: str) -> str:
    """The file as it begins. Raises `UsageError` if the language is not a code."""
    try:
        TypeAdapter(Language).validate_python(language)
    except ValidationError:
        raise UsageError(
            f"'{language}' is not a language code of two or three small letters.", "For example: --language ru"
        ) from None
    return _TEXT.format(language=language)
