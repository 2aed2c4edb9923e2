"""Messages that training leaves out."""

from firstline.store.messages import LEAST_NONE, Labelled


def left_out(data: Labelled) -> list[str]:
    """Notes on labelled messages that are no example of a class, and on unlabelled ones that are not read."""
    notes = []
    n_none = len(data.none)
    if n_none:
        messages = "message is" if n_none == 1 else "messages are"
        learned = "learned as such" if data.taught else f"left out: fewer than {LEAST_NONE} teach nothing"
        notes.append(f"{n_none:,} labelled {messages} of none of the classes, and {learned}")
    if data.n_disagreements:
        messages, are = ("message", "is") if data.n_disagreements == 1 else ("messages", "are")
        notes.append(f"{data.n_disagreements} {messages} with more than one label {are} left out until one is chosen")
    if data.n_not_read:
        drawn = len(data.unlabelled)
        notes.append(f"of {drawn + data.n_not_read:,} unlabelled messages, {drawn:,} are read, drawn at random")
    return notes
