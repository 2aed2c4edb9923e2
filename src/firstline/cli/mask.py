"""`firstline mask`."""

from firstline.cli.options import WorkspaceOption
from firstline.cli.output import say


def mask(workspace: WorkspaceOption = None) -> None:
    """Show what becomes of a text from standard input, as a message: personal data as masks. Stores nothing.

    With a workspace, its own patterns count as well.
    """
    import sys

    from firstline.errors import WorkspaceMissing
    from firstline.messages.importing import masker
    from firstline.settings import Settings
    from firstline.store.workspace import Workspace

    try:
        settings = Workspace.find(workspace).settings
    except WorkspaceMissing:
        if workspace is not None:
            raise
        settings = Settings()
    say(masker(settings)(sys.stdin.read()))
