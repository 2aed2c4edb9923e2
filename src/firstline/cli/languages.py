"""`firstline languages`, `firstline languages pack`."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from firstline.cli.commands import Command, Group
from firstline.cli.options import JsonOption
from firstline.cli.output import note, print_json, print_table, say, size
from firstline.errors import install_hint

if TYPE_CHECKING:
    from firstline.language_models.card import Card
    from firstline.language_models.installed import Language

app = typer.Typer(cls=Group, help="Pretrained language models on this machine.", invoke_without_command=True)


@app.callback()
def languages(context: typer.Context, as_json: JsonOption = False) -> None:
    """List installed language models. Training starts from the one for the workspace's language."""
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
        say("No language model is installed, so training learns from the messages alone.")
        say(f"To install one, such as firstline-ru or firstline-en: {install_hint('firstline-ru')}.")
        say("To make one: firstline pretrain --help, then firstline languages pack --help.")
        return
    print_table(
        ("name", "version", "language", "direction", "tokens seen", "perplexity\na token", "size"),
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
        right=("tokens seen", "perplexity\na token", "size"),
    )


@app.command(cls=Command)
def pack(
    folders: Annotated[
        list[Path],
        typer.Argument(metavar="DIR", help="Folders that firstline pretrain wrote, one for each direction."),
    ],
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="DIR", help="The folder for the project; its wheel is in dist there."),
    ],
    name: Annotated[str | None, typer.Option(help="The distribution's name. Default: firstline-LANGUAGE.")] = None,
    version: Annotated[str, typer.Option(help="The distribution's version.")] = "1.0.0",
    as_json: JsonOption = False,
) -> None:
    """Pack pretrained language models as a wheel. Pip installs it offline, and Firstline finds it by name."""
    from firstline.training import require_training

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
    say(f"Next, on each machine that trains: pip install {shlex.quote(str(packed.wheel))}")


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
