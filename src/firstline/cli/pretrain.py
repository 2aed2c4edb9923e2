"""`firstline pretrain`."""

import shlex
import sys
import time
from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from firstline.cli.options import JsonOption, split_pairs
from firstline.cli.output import counted, duration, note, print_json, progress, say, size
from firstline.steps import run_to_end

if TYPE_CHECKING:
    from rich.progress import Progress

    from firstline.language_models.model import LanguageModel
    from firstline.language_models.pretrain import PretrainEvent
    from firstline.language_models.pretrain_rounds import PretrainRound

_SECONDS_BETWEEN_LINES = 30


class SizeName(StrEnum):
    """The sizes, without loading PyTorch; `ulmfit.sizes` says what they mean."""

    small = "small"
    base = "base"


class DirectionName(StrEnum):
    """The directions of reading."""

    forward = "forward"
    backward = "backward"


class DeviceName(StrEnum):
    """Where to train."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"


CorpusArgument = Annotated[
    list[Path],
    typer.Argument(
        help="Plain text, one paragraph per line: .txt, or .jsonl with a 'text', also as .xz; or folders of these."
    ),
]
OutputOption = Annotated[
    Path, typer.Option("--output", "-o", metavar="DIR", help="The folder to write the language model to.")
]
LanguageOption = Annotated[str, typer.Option(help="The language of the texts: ru, en, ...")]
SizeOption = Annotated[SizeName, typer.Option("--size", help="small: for processors without a GPU; base: for a GPU.")]
DirectionOption = Annotated[
    DirectionName, typer.Option(help="The direction of reading; a classifier can use a model of each.")
]
TokenizerOption = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="Use the tokenizer of this language model; the backward model must share the forward one's."
        " Default: train a new one.",
    ),
]
PiecesOption = Annotated[
    int | None, typer.Option(min=1, help="Pieces of a new tokenizer. Default: 16,000 for small, 20,000 for base.")
]
TokensOption = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="How many tokens to train on, rounded up to whole rounds of --rows by 1,600."
        " Default: 8,000,000, unless --minutes is given.",
    ),
]
MinutesOption = Annotated[
    float | None, typer.Option(min=0.01, help="How long to train, not counting reading and encoding the texts.")
]
WeightOption = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME=W", help="A source's weight, 1 by default; 0 leaves it out. Repeatable."),
]
LicenceOption = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME=TEXT", help="A source's licence, for the model's card. Repeatable."),
]
ResumeOption = Annotated[
    bool,
    typer.Option("--resume", help="Resume a stopped training, or train a finished language model further."),
]
DeviceOption = Annotated[DeviceName, typer.Option(help="auto: a CUDA GPU if there is one.")]
RowsOption = Annotated[
    int | None,
    typer.Option(min=1, help="Rows read at the same time; fewer need less memory. Default: 64, on a GPU 256."),
]
RateOption = Annotated[float, typer.Option(min=1e-6, max=1.0, help="The highest learning rate.")]
SeedOption = Annotated[int, typer.Option(min=0, max=2**32 - 1, help="The same texts and seed give the same model.")]


def pretrain(
    corpus: CorpusArgument,
    output: OutputOption,
    language: LanguageOption = "ru",
    size_name: SizeOption = SizeName.small,
    direction: DirectionOption = DirectionName.forward,
    tokenizer: TokenizerOption = None,
    pieces: PiecesOption = None,
    tokens: TokensOption = None,
    minutes: MinutesOption = None,
    weight: WeightOption = None,
    licence: LicenceOption = None,
    resume: ResumeOption = False,
    device: DeviceOption = DeviceName.auto,
    rows: RowsOption = None,
    rate: RateOption = 4e-3,
    seed: SeedOption = 0,
    as_json: JsonOption = False,
) -> None:
    """Train a language model on plain text: the tokenizer and the weights that a classifier starts from."""
    _require_fastai()
    from firstline.language_models.corpus import parse_sources

    sources = parse_sources(corpus, {name: _weight(name, text) for name, text in split_pairs("--weight", weight)})
    # After that, since PyTorch takes seconds to load.
    from firstline.language_models.pretrain import PretrainSettings
    from firstline.language_models.pretrain import pretrain as run

    settings = PretrainSettings(
        language=language,
        direction=direction.value,
        size=size_name.value,
        n_pieces=pieces,
        tokenizer=tokenizer,
        n_tokens=tokens,
        minutes=minutes,
        is_resumed=resume,
        device=device.value,
        n_rows=rows,
        rate=rate,
        seed=seed,
        licences=dict(split_pairs("--licence", licence)),
        command=shlex.join(["firstline", *sys.argv[1:]]),
    )
    try:
        with progress(as_json) as bar:
            model = run_to_end(run(settings, sources, output), _shower(bar))
    except KeyboardInterrupt:
        note("To resume, run the same command with --resume; at most the last two minutes are repeated.")
        raise
    if as_json:
        print_json(_as_json(model, output))
    else:
        _print_report(model, output)


def _require_fastai() -> None:
    """Raises `ExtraMissing` if fastai or PyTorch is not installed."""
    from importlib.util import find_spec

    from firstline.errors import ExtraMissing

    if any(find_spec(name) is None for name in ("torch", "fastai", "safetensors")):
        raise ExtraMissing("Pretraining", "train")


def _weight(name: str, text: str) -> float:
    from firstline.errors import UsageError

    try:
        return float(text)
    except ValueError:
        raise UsageError(
            f"The weight of '{name}' is '{text}', expected a number.", "For example: --weight chats=2"
        ) from None


def _shower(bar: "Progress") -> Callable[["PretrainEvent"], None]:
    """Draws the events: a bar in a terminal, otherwise a line now and then; perplexities always as lines."""
    from firstline.steps import Note, Step

    task = bar.add_task("starting", total=None)
    told = what = ""
    told_at = 0.0

    def show(event: "PretrainEvent") -> None:
        nonlocal told, what, told_at
        if isinstance(event, Note):
            note(event.text)
        elif isinstance(event, Step):
            if event.what != what:
                what = event.what
                bar.reset(task)
            bar.update(task, description=event.what, completed=event.done, total=event.total)
            if bar.disable and event.what != told:
                note(event.what)
                told = event.what
        else:
            if what:
                what = ""
                bar.reset(task)
            text = _round_text(event)
            phase = "cool-down" if event.is_cool_down else "training"
            bar.update(task, description=f"{phase}, {text}", completed=event.done, total=event.total)
            if event.perplexity is not None:
                note(f"perplexity {event.perplexity:,.0f} on a sample, after {event.n_tokens:,} tokens")
            is_late = time.monotonic() - told_at >= _SECONDS_BETWEEN_LINES
            if bar.disable and (is_late or phase != told or event.done == event.total):
                told, told_at = phase, time.monotonic()
                note(f"{phase}: round {event.done} of {event.total}, {text}, {duration(event.seconds_left)} left")

    return show


def _round_text(event: "PretrainRound") -> str:
    return f"{event.tokens_per_s:,.0f} tokens/s, loss {event.loss:.2f}"


def _print_report(model: "LanguageModel", folder: Path) -> None:
    card = model.card
    kept = size(_model_bytes(folder, list(card.files)))
    say(
        f"{folder}: a {card.direction} language model of '{card.language}',"
        f" {counted(model.tokenizer.n_pieces, 'piece')}, {kept}"
    )
    say(f"  {card.tokens_seen:,} tokens seen, from {_texts([(text.name, text.n_tokens) for text in card.sources])}")
    say(
        f"  perplexity on held-out text: {card.perplexity_per_token:,.1f} per token,"
        f" {card.perplexity_per_character:,.2f} per character"
    )
    say(f"To train it further, run the same command with --resume. Only that needs {folder / '.work'}.")
    if card.direction == "forward":
        say(f"Next: the same with --direction backward --tokenizer {shlex.quote(str(folder))} and another --output.")
    say("Once you have both: firstline languages pack DIR DIR -o OUT, or firstline adapt with --language-model twice.")


def _texts(sources: Sequence[tuple[str, int]]) -> str:
    return ", ".join(f"{name} ({n_tokens:,})" for name, n_tokens in sources)


def _model_bytes(folder: Path, files: Sequence[str]) -> int:
    return sum((folder / name).stat().st_size for name in files)


def _as_json(model: "LanguageModel", folder: Path) -> dict[str, object]:
    import msgspec

    card = msgspec.to_builtins(model.card)
    return {
        "folder": str(folder),
        "size_bytes": _model_bytes(folder, list(model.card.files)),
        "n_pieces": model.tokenizer.n_pieces,
        **{name: value for name, value in card.items() if name not in ("files", "format_version")},
    }
