"""`firstline adapt`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from firstline.cli.options import JsonOption, WorkspaceOption
from firstline.cli.output import (
    counted,
    next_command,
    note,
    print_json,
    progress,
    say,
    says_how_to_go_on,
    stages,
)
from firstline.errors import install_hint
from firstline.steps import run_to_end

if TYPE_CHECKING:
    from firstline.language_models.model import LanguageModel
    from firstline.training.candidates.base import Context


def adapt(
    language_model: Annotated[
        list[Path] | None,
        typer.Option(
            "--language-model",
            metavar="DIR",
            help="A pretrained model to start from; give one for each direction."
            " Default: the installed one for the workspace's language (firstline languages).",
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Adapt again, even if the messages have hardly changed.")
    ] = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Adapt the language model to all messages, labelled or not.

    `firstline train` does this by itself if it is needed. Use this command to do it beforehand, or to start from
    another pretrained model.
    """
    from firstline.messages.masked_again import mask_again
    from firstline.store.messages import read_for_training
    from firstline.store.workspace import Workspace
    from firstline.training import require_training

    place = Workspace.find(workspace)
    require_training("torch", "fastai", "safetensors")
    from firstline.training.candidates.base import Context
    from firstline.training.candidates.class_names import all_messages
    from firstline.training.candidates.ulmfit.settings import NAME
    from firstline.training.candidates.ulmfit.shared_inputs import gather

    settings = place.settings
    with place.hold("models", "adapt"), says_how_to_go_on(), progress(as_json) as bar:
        mask_again(place)
        data = read_for_training(place.database, place.none_classes)
        seed = settings.training.seed
        context = Context.of(settings, seed, place.language_models, place.folder, stages(bar))
        bases = _bases(language_model, context) if language_model else None
        shared = run_to_end(gather(context, all_messages(context, data), bases, is_forced=force), stages(bar))
    if not any(model.card.base for model in shared.language_models):
        note("no pretrained language model is installed, so this one learned from the messages alone")
        note(f"To start from one, such as firstline-ru or firstline-en: {install_hint('firstline-ru')}")
    n_messages = len(data.learned[0]) + len(data.unlabelled)
    if as_json:
        print_json([_as_json(model) for model in shared.language_models])
        return
    for model in shared.language_models:
        found = model.card.perplexity_per_token
        if found is None:
            say(f"The {model.card.direction} language model was not adapted, because adaptation_epochs is 0.")
            continue
        say(
            f"The {model.card.direction} language model is adapted to {counted(n_messages, 'message')};"
            f" perplexity {found} on held-out messages (lower is better)."
        )
    can_train = len(set(data.labels)) > 1
    say(f"Next: {next_command(workspace, f'train --candidates {NAME},linear.v1' if can_train else 'status')}")


def _bases(folders: list[Path], context: "Context") -> dict[str, "LanguageModel"]:
    """The pretrained models, one for each direction that the workspace uses."""
    from firstline.errors import UsageError
    from firstline.language_models.model import LanguageModel
    from firstline.training.candidates.ulmfit.settings import NAME, settings_of

    bases: dict[str, LanguageModel] = {}
    for folder in folders:
        model = LanguageModel.load(folder)
        if model.card.language != context.language:
            raise UsageError(
                f"{folder} is a language model for '{model.card.language}', but the workspace's language is"
                f" '{context.language}'.",
                "Name another, or set the language in firstline.toml.",
            )
        if model.card.direction in bases:
            raise UsageError(f"Two language models read {model.card.direction}.", "Name one for each direction.")
        bases[model.card.direction] = model
    expected = settings_of(context).directions
    if set(bases) != set(expected):
        raise UsageError(
            f"The workspace reads {' and '.join(expected)}, but these language models read {' and '.join(bases)}.",
            f'Name one for each direction, or set directions in [candidates."{NAME}"] of firstline.toml.',
        )
    return bases


def _as_json(model: "LanguageModel") -> dict[str, object]:
    return {
        "direction": model.card.direction,
        "tokens_seen": model.card.tokens_seen,
        "perplexity_per_token": model.card.perplexity_per_token,
        "n_pieces": model.tokenizer.n_pieces,
        "pretrained": bool(model.card.base),
    }
