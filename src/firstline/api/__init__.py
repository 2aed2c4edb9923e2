"""The Python API: the same objects and functions that the commands use. See docs/python.md.

Loading and answering need no training library.
"""

from firstline.api.model import Model, load
from firstline.api.workspace import Workspace
from firstline.errors import FirstlineError
from firstline.types import Message

__all__ = ["FirstlineError", "Message", "Model", "Workspace", "load"]
