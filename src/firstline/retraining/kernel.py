"""Runs the cells of a notebook in a kernel of its own: a process that ends with this one.

What the kernel and Jupyter write goes to the workspace's temporary folder. The two talk over the loopback interface,
encrypted, since what cells print may quote messages.
"""

import os
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from firstline.errors import NotebookFailed
from firstline.steps import Step
from firstline.store.private import temporary_folder

if TYPE_CHECKING:
    from nbclient import NotebookClient
    from nbformat import NotebookNode

_START_S = 180
_OPTIONS = ["--HistoryManager.enabled=False"]
_FOLDERS = {
    name: name.lower() for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR")
}
INJECTED = "injected-parameters"
"""The tag of the cell that sets the parameters; it is not in the file."""
_MORE_MEMORY = "Close other programs, or use a machine with more memory."


def run_cells(notebook: "NotebookNode", folder: Path, room: Path) -> Generator[Step, None, None]:
    """Run all code cells in `folder`, one after the other. Their outputs are in `notebook` afterwards, also after an
    error. Temporary files go to `room`.

    Raises `NotebookFailed` if a cell fails or the kernel dies. The error has the number of the code cell and the kind
    of the exception, but not its text, which may quote a message.
    """
    cells = [(place, cell) for place, cell in enumerate(notebook.cells) if cell.cell_type == "code"]
    for _, cell in cells:
        cell.outputs, cell.execution_count = [], None
    with temporary_folder(room) as own, _kernel(notebook, folder, own) as client:
        number = 0
        for done, (place, cell) in enumerate(cells):
            # The cell of parameters is not in the team's own file, so it has no number.
            number += INJECTED not in cell.metadata.get("tags", ())
            yield Step(f"cell {done + 1} of {len(cells)}", done, len(cells))
            _run(client, cell, place, number)


@contextmanager
def _kernel(notebook: "NotebookNode", folder: Path, own: Path) -> "Iterator[NotebookClient]":
    from ipykernel.kernelspec import get_kernel_dict
    from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
    from jupyter_client.manager import AsyncKernelManager
    from nbclient import NotebookClient

    class _ThisPython(KernelSpecManager):
        """The kernel of this very Python, whatever kernels are installed for the user."""

        def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
            return KernelSpec(**get_kernel_dict(extra_arguments=_OPTIONS))

    manager = AsyncKernelManager(
        connection_file=str(own / "kernel.json"),
        kernel_spec_manager=_ThisPython(),
        transport_encryption="required",
    )
    client = NotebookClient(
        notebook, km=manager, timeout=None, startup_timeout=_START_S, shutdown_kernel="immediate", record_timing=False
    )
    places = {name: str(own / value) for name, value in _FOLDERS.items()}
    quiet = os.open(os.devnull, os.O_RDWR)
    try:
        started = client.setup_kernel(
            cleanup_kc=True,
            cwd=str(folder),
            env={**os.environ, **places, "TMPDIR": str(own)},
            stdout=quiet,
            stderr=quiet,
        )
        try:
            started.__enter__()
        except RuntimeError:
            raise NotebookFailed("The notebook's kernel did not start.", _MORE_MEMORY) from None
        try:
            yield client
        finally:
            started.__exit__(None, None, None)
    finally:
        os.close(quiet)


def _run(client: "NotebookClient", cell: "NotebookNode", place: int, number: int) -> None:
    from nbclient.exceptions import CellExecutionError, DeadKernelError

    try:
        client.execute_cell(cell, place)
    except CellExecutionError as error:
        raise _failed(number, error.ename) from None
    except DeadKernelError:
        raise NotebookFailed(
            f"The notebook's kernel was killed in code cell {number}; it may have run out of memory.", _MORE_MEMORY
        ) from None


def _failed(number: int, name: str) -> NotebookFailed:
    """Only the error's name is shown: its text may quote a message, and is in the executed notebook."""
    if name == "MemoryError":
        return NotebookFailed(f"Code cell {number} of the notebook ran out of memory.", _MORE_MEMORY)
    return NotebookFailed(f"Code cell {number} of the notebook failed: {name}.")
