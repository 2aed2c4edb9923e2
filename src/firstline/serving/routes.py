"""The addresses of the service, and what a key must allow for each."""

from typing import Literal

from litestar.utils import normalize_path

Permission = Literal["classify", "explain", "feedback", "models", "metrics"]

OTHER = "other"
ROUTES: dict[str, Permission | None] = {
    "/v1/classify": "classify",
    "/v1/classify/batch": "classify",
    "/v1/models": "models",
    "/health/live": None,
    "/health/ready": None,
    "/schema": None,
    "/schema/openapi.json": None,
}
"""`None` needs no key."""


def route_of(path: str) -> str:
    """The address without what a client may put into it: `other` for one that the service does not have.

    Litestar finds `//v1/classify/` as well: if a spelling were not understood here, it would evade its scope.
    """
    if path in ROUTES:
        return path
    path = normalize_path(path)
    return path if path in ROUTES else OTHER
