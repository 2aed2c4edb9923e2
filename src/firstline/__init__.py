"""Firstline sorts support messages into a team's own classes; `Workspace` and `load` are its Python API.

`import firstline` loads nothing else: each name is imported when it is first used.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from firstline.api import FirstlineError, Message, Model, Workspace, load
else:

    def __getattr__(name: str) -> object:
        if name not in __all__:
            raise AttributeError(f"module 'firstline' has no attribute '{name}'")
        from firstline import api

        return getattr(api, name)


__version__ = "0.2.0"
__all__ = ["FirstlineError", "Message", "Model", "Workspace", "__version__", "load"]
