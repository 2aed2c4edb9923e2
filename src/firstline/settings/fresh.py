"""The `firstline.toml` of a new workspace: what a team decides, at its default."""

from pydantic import TypeAdapter, ValidationError

from firstline.errors import UsageError
from firstline.settings.model import Language

_TEXT = """\
# The settings that a team usually changes. docs/settings.md describes all of them.
# Environment variables override this file, for example FIRSTLINE_TRAINING__SEED=7.

# The language of most messages, in two or three letters: ru, en, ...
language = "{language}"

[columns]
# `firstline import` saves the column names of your export here.

[classes]
# Your classes. If the list is empty, every label is a class; otherwise a row with another label is rejected.
fixed = []
# Labels that mean "none of these", such as ["Другое"]. Models learn them, and never answer them.
none = []
# Whether to learn the name of each class as one more message of it. Switch this off if the names mislead.
names_teach = true

[emails]
# Whether to cut quoted replies, forwarded messages and signatures from e-mails, at import and before an answer.
cut_quotes = true

[masking]
# Personal data is masked before a message is stored. Add your own patterns here: a name and a regular expression.
# For example: patterns = [{{ kind = "POLICY", pattern = "ОСАГО-\\\\d{{6}}" }}]
patterns = []

[training]
# The candidates that `firstline train` compares; "auto" means all that suit your data and this machine.
candidates = ["auto"]
# How many minutes the comparison may take; 0 means no limit. With a large history the best take an hour or two.
minutes = 5.0
# How many milliseconds an answer may take on one core, at the 99th percentile; 0 means no limit.
latency_ms = 0.0
# The same data and the same seed give the same model.
seed = 0

[decisions]
# Classes whose messages always go to a person, such as ["Угрозы"].
always_review = []

[encoder]
# The sentence encoder that some candidates need; "auto" takes an installed one, and "none" switches them off.
name = "auto"

[serving]
# The HTTP service refuses longer texts.
max_text_chars = 10000

[candidates]
# `firstline search --apply` saves settings of candidates here, for example C = 12.5 in [candidates."linear.v1"].
"""


def settings_text(language: str) -> str:
    """The file as it begins. Raises `UsageError` if the language is not a code."""
    try:
        TypeAdapter(Language).validate_python(language)
    except ValidationError:
        raise UsageError(
            f"'{language}' is not a language code of two or three lower-case letters.", "For example: --language ru"
        ) from None
    return _TEXT.format(language=language)
