"""`firstline languages`, `firstline languages pack`."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from firstline.cli.options import JsonOption
from firstline.cli.output import note, print_json, print_table, say, size

if TYPE_CHECKING:
    from firstline.language_models.card import Card
    from firstline.language_models.installed import Language

app = typer.Typer(help="Pretrained language models on this machine.", invoke_without_command=True)


@app.callback()
def languages(context: typer.Context, as_json: JsonOption = False) -> None:
    """List the language models that are installed; training starts from the one of the workspace's language."""
    if context.invoked_subcommand is not None:
        return
    from firstline.language_models.installed import installed_languages

    found, problems = installed_languages()
    for problem in problems:
        note(f"{problem.message} {problem.next_step}")
    if as_json:
        print_json([_as_json(language) for language in found])
        return
    if not found:
        say("No language model is installed. Training learns from the messages alone.")
        say("To make one: firstline pretrain --help, then firstline languages pack --help.")
        return
    print_table(
        ("language model", "version", "language", "direction", "tokens seen", "perplexity a token", "size"),
        [
            (
                language.name,
                language.version,
                language.language,
                direction,
                f"{card.tokens_seen:,}",
                f"{card.perplexity_per_token:,.1f}" if card.perplexity_per_token else "",
                size(_n_bytes(language.folders[direction], card)),
            )
            for language in found
            for direction, card in language.cards().items()
        ],
        right=("tokens seen", "perplexity a token", "size"),
    )


@app.command()
def pack(
    folders: Annotated[
        list[Path],
        typer.Argument(metavar="DIR...", help="What firstline pretrain made; one folder for each direction."),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="Where the project, with its wheel in dist, is put.")
    ],
    name: Annotated[str | None, typer.Option(help="Of the distribution. Default: firstline- and the language.")] = None,
    version: Annotated[str, typer.Option(help="Of the distribution.")] = "1.0.0",
    as_json: JsonOption = False,
) -> None:
    """Make a wheel of pretrained language models: pip installs it offline, and firstline finds it by name."""
    from firstline.cli.before_training import require_training

    require_training("torch", "fastai", "safetensors")
    from firstline.language_models.packing import pack as run

    packed = run(folders, output, name, version)
    n_bytes = packed.wheel.stat().st_size
    if as_json:
        print_json(
            {"name": packed.name, "project": str(packed.project), "wheel": str(packed.wheel), "size_bytes": n_bytes}
        )
        return
    say(f"{packed.wheel}: {packed.name} {version}, {size(n_bytes)}; its project is {packed.project}")
    say(f"Next, on every machine that trains: pip install {shlex.quote(str(packed.wheel))}")


def _n_bytes(folder: Path, card: "Card") -> int:
    return sum((folder / name).stat().st_size for name in card.files if (folder / name).is_file())


def _as_json(language: "Language") -> dict[str, object]:
    import msgspec

    return {
        "name": language.name,
        "version": language.version,
        "language": language.language,
        "models": {direction: msgspec.to_builtins(card) for direction, card in language.cards().items()},
    }
