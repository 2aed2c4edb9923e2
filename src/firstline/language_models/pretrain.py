"""`firstline pretrain`: makes a tokenizer and a language model from plain text.

A generator: it yields events and returns the language model; its caller draws or stops. Its work is saved in
`work_folder.WorkFolder`, so that a training that was stopped or killed can resume.
"""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

import torch

from firstline.errors import LanguageModelUnusable, TrainingError, UsageError
from firstline.language_models.card import FORMAT_VERSION, LANGUAGE_CODE, Card, Shape, SourceUsed
from firstline.language_models.corpus import Source, check_language, read_lines
from firstline.language_models.encoding import EncodedSource, digest_of, encode_source
from firstline.language_models.hardware import describe_hardware
from firstline.language_models.mix import Mix
from firstline.language_models.model import LanguageModel, load_weights, weights_of
from firstline.language_models.network import LANGUAGE_MODEL_DROPOUTS, LanguageNetwork
from firstline.language_models.perplexity import nats_per_token, perplexity
from firstline.language_models.pretrain_rounds import Chunks, Course, Pretraining, PretrainRound
from firstline.language_models.sampling import sample_lines
from firstline.language_models.sizes import SIZES
from firstline.language_models.tokenizer_training import train_tokenizer
from firstline.language_models.work_folder import WorkFolder
from firstline.steps import Note, Step, each_as
from firstline.text.rules import TextRules
from firstline.text.tokenizer import Tokenizer
from firstline.types import Direction

DEFAULT_TOKENS = 8_000_000
_ROWS = {"cpu": 64, "cuda": 256}
_NEGATIVES = {"cpu": 1_000, "cuda": 0}
"""Tokens that the softmax is sampled over while training; 0: all, which a GPU does as fast."""


@dataclass(frozen=True)
class PretrainSettings:
    """How a language model is made. None: by size, or by device."""

    language: str
    direction: Direction = "forward"
    size: str = "small"
    n_pieces: int | None = None
    """Of the tokenizer that is trained; `tokenizer`, a language model's folder, gives its own instead."""
    tokenizer: Path | None = None
    n_tokens: int | None = None
    minutes: float | None = None
    """How long this command trains; the first bound that is reached ends it. Both None: `DEFAULT_TOKENS`."""
    is_resumed: bool = False
    device: Literal["auto", "cpu", "cuda"] = "auto"
    n_rows: int | None = None
    row_tokens: int = 1_600
    rate: float = 4e-3
    dropout: float = 0.3
    """Times the dropouts of fastai: there is more text than can be read twice, so little to guard against."""
    seed: int = 0
    licences: Mapping[str, str] = field(default_factory=dict)
    command: str = ""
    shape: Shape | None = None
    checkpoint_s: float = 120.0
    validation_tokens: int = 200_000


PretrainEvent: TypeAlias = Note | Step | PretrainRound


def pretrain(
    settings: PretrainSettings, sources: Sequence[Source], folder: Path
) -> Generator[PretrainEvent, None, LanguageModel]:
    """Make a language model of `sources` in `folder`, or train the one that is there on.

    Raises `UsageError`, `CorpusUnusable`, and `TrainingError` with its kinds.
    """
    rules = TextRules.of_language(settings.language)
    device = _device(settings.device)
    given = _given_tokenizer(settings, rules)
    _check_settings(settings, sources)
    work = WorkFolder(folder, _purpose(settings, sources, device, given))
    work.check(settings.is_resumed)
    for source in sources:
        yield Step(f"checking {source.name}")
        check_language(read_lines(source), settings.language, str(source.path))
    with work.hold():
        tokenizer = yield from _tokenizer(settings, sources, rules, given, work)
        training = _pretraining(settings, tokenizer, device, work)
        encoded: list[EncodedSource] = []
        for source in sources:
            encoded.append((yield from _encode(source, rules, tokenizer, work)))
        mix = Mix(encoded, settings.seed, _n_rows(settings, device), settings.row_tokens + 1)
        chunks = Chunks(mix, settings.direction)
        chunks.validation(1)  # so that a lack of it is told before the training
        if settings.is_resumed and (n_rounds := training.n_rounds_done()):
            yield Note(f"resumes after {n_rounds * chunks.tokens_per_round:,} tokens")
        course = yield from training.run(chunks)
        yield Step("measuring perplexity")
        model = _language_model(settings, training, chunks, course, rules, device)
        model.save(folder)
        work.cool_down.unlink(missing_ok=True)
        return LanguageModel.load(folder)


def _check_settings(settings: PretrainSettings, sources: Sequence[Source]) -> None:
    if not LANGUAGE_CODE.fullmatch(settings.language):
        raise UsageError(f"'{settings.language}' is not a language code.", "Two or three letters: ru, en, ...")
    if settings.size not in SIZES:
        raise UsageError(f"There is no size '{settings.size}'.", f"The sizes: {', '.join(SIZES)}")
    for what, value in (("tokens", settings.n_tokens), ("minutes", settings.minutes), ("rows", settings.n_rows)):
        if value is not None and not value > 0:
            raise UsageError(f"The number of {what} is {value}, expected more than 0.")
    for name in settings.licences:
        if name not in (names := [source.name for source in sources]):
            raise UsageError(
                f"A licence is given for '{name}', but no source has that name.", f"The sources: {', '.join(names)}"
            )


def _device(name: str) -> torch.device:
    if name == "cuda" and not torch.cuda.is_available():
        raise TrainingError("PyTorch finds no CUDA GPU on this machine.", "Leave out --device, or use --device cpu.")
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)


def _given_tokenizer(settings: PretrainSettings, rules: TextRules) -> Tokenizer | None:
    folder = settings.tokenizer
    if folder is None:
        return None
    if settings.n_pieces is not None:
        raise UsageError("An existing tokenizer has its own pieces.", "Leave out --pieces or --tokenizer.")
    model = LanguageModel.load(folder)
    if model.card.text_rules != rules.names:
        raise LanguageModelUnusable(
            f"The tokenizer in {folder} is for the language '{model.card.language}', but --language is"
            f" '{settings.language}'.",
            "Use the tokenizer of a language model for that language, or leave out --tokenizer.",
        )
    return model.tokenizer


def _purpose(
    settings: PretrainSettings, sources: Sequence[Source], device: torch.device, given: Tokenizer | None
) -> dict[str, str | int | float]:
    """What must be the same for a training to resume; each value as an error would show it."""
    shape = _shape(settings)
    n_pieces = settings.n_pieces or SIZES[settings.size].n_pieces
    texts = (f"{source.name} ({source.path.stat().st_size} bytes, weight {source.weight:g})" for source in sources)
    return {
        "language": settings.language,
        "direction": settings.direction,
        "size": f"{settings.size} ({shape.n_embedding}/{shape.n_hidden} x {shape.n_layers})",
        "tokenizer": f"given ({digest_of(given)[:12]})" if given else f"its own, of {n_pieces} pieces",
        "text": ", ".join(texts),
        "seed": settings.seed,
        "device": device.type,
        "number of rows": _n_rows(settings, device),
        "number of tokens in a row": settings.row_tokens,
        "learning rate": settings.rate,
        "dropout": settings.dropout,
    }


def _shape(settings: PretrainSettings) -> Shape:
    return settings.shape or SIZES[settings.size].shape


def _n_rows(settings: PretrainSettings, device: torch.device) -> int:
    return settings.n_rows or _ROWS[device.type]


def _tokenizer(
    settings: PretrainSettings, sources: Sequence[Source], rules: TextRules, given: Tokenizer | None, work: WorkFolder
) -> Generator[PretrainEvent, None, Tokenizer]:
    if work.has_work:
        return work.tokenizer()
    tokenizer = given
    if tokenizer is None:
        sampling = sample_lines(sources, rules, settings.seed)
        lines = yield from each_as(sampling, lambda name: Step(f"reading {name} for the tokenizer"))
        yield Step(f"training the tokenizer on {len(lines):,} lines")
        n_pieces = settings.n_pieces or SIZES[settings.size].n_pieces
        tokenizer = train_tokenizer(lines, n_pieces, settings.seed)
        if tokenizer.n_pieces < n_pieces:
            yield Note(f"the text has only {tokenizer.n_pieces:,} pieces instead of {n_pieces:,}")
    work.keep_tokenizer(tokenizer)
    return tokenizer


def _encode(
    source: Source, rules: TextRules, tokenizer: Tokenizer, work: WorkFolder
) -> Generator[PretrainEvent, None, EncodedSource]:
    total = None if source.path.suffix == ".xz" else source.path.stat().st_size
    encoding = encode_source(source, rules, tokenizer, work.tokens)
    return (yield from each_as(encoding, lambda n_bytes: Step(f"encoding {source.name}", n_bytes, total)))


def _pretraining(
    settings: PretrainSettings, tokenizer: Tokenizer, device: torch.device, work: WorkFolder
) -> Pretraining:
    is_unbounded = settings.n_tokens is None and settings.minutes is None
    torch.manual_seed(settings.seed)
    return Pretraining(
        network=LanguageNetwork(_shape(settings), tokenizer.n_tokens, LANGUAGE_MODEL_DROPOUTS.times(settings.dropout)),
        tokenizer=tokenizer,
        work=work,
        purpose={**work.purpose, "vocabulary": digest_of(tokenizer)[:12]},
        device=device,
        n_tokens=DEFAULT_TOKENS if is_unbounded else settings.n_tokens,
        limit_s=None if settings.minutes is None else 60 * settings.minutes,
        rate=settings.rate,
        n_negatives=_NEGATIVES[device.type],
        seed=settings.seed,
        checkpoint_s=settings.checkpoint_s,
    )


def _language_model(
    settings: PretrainSettings,
    training: Pretraining,
    chunks: Chunks,
    course: Course,
    rules: TextRules,
    device: torch.device,
) -> LanguageModel:
    """The language model with its card; perplexity is that of the float16 weights that will be saved."""
    weights = {name: tensor.half().float() for name, tensor in weights_of(training.network).items()}
    load_weights(training.network, weights)
    rows, n_chars = chunks.validation(settings.validation_tokens)
    nats = nats_per_token(training.network, rows)
    texts = [
        SourceUsed(
            source.name, settings.licences.get(source.name, "not stated"), source.weight, source.training.n_tokens
        )
        for source in chunks.mix.sources
    ]
    card = Card(
        format_version=FORMAT_VERSION,
        language=settings.language,
        direction=settings.direction,
        shape=_shape(settings),
        text_rules=rules.names,
        sources=tuple(texts),
        tokens_seen=course.n_rounds * chunks.tokens_per_round,
        perplexity_per_token=perplexity(nats),
        perplexity_per_character=perplexity(nats * rows.size / max(n_chars, 1)),
        hardware=describe_hardware(device),
        command=settings.command,
        settings=_card_settings(settings, training, chunks, course, device),
    )
    return LanguageModel(card, training.tokenizer, weights)


def _card_settings(
    settings: PretrainSettings, training: Pretraining, chunks: Chunks, course: Course, device: torch.device
) -> dict[str, int | float | str | bool]:
    return {
        "size": settings.size,
        "n_pieces": training.tokenizer.n_pieces,
        "tokenizer_is_given": settings.tokenizer is not None,
        "device": device.type,
        "n_rows": chunks.mix.n_rows,
        "row_tokens": settings.row_tokens,
        "rate": settings.rate,
        "dropout": settings.dropout,
        "n_negatives": training.n_negatives,
        "seed": settings.seed,
        "n_validation_tokens": int(chunks.validation(settings.validation_tokens)[0].size),
        "trunk_rounds": course.n_trunk,
        "rounds": course.n_rounds,
        "seconds_of_the_last_stretch": round(course.seconds),
    }
