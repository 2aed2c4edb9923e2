"""`firstline mask`."""

from firstline.cli.options import WorkspaceOption
from firstline.cli.output import print_text


def mask(workspace: WorkspaceOption = None) -> None:
    """Print a message from standard input as Firstline would store it: personal data masked. Stores nothing.

    A workspace's own patterns apply too, and its settings decide whether quoted replies and signatures are cut.
    """
    import sys

    from firstline.errors import UsageError, WorkspaceMissing
    from firstline.messages.importing import masker
    from firstline.settings import Settings
    from firstline.store.workspace import Workspace
    from firstline.text.emails import own_words

    try:
        settings = Workspace.find(workspace).settings
    except WorkspaceMissing:
        if workspace is not None:
            raise
        settings = Settings()
    if sys.stdin is None:
        raise UsageError("There is no standard input.", "For example: echo 'call 020 7946 0958' | firstline mask")
    text = sys.stdin.read()
    print_text(masker(settings)(own_words(text) if settings.emails.cut_quotes else text))
