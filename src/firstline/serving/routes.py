"""The addresses of the service, and what a key must allow for each."""

from typing import Literal

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
    """The address without what a client may put into it: `other` for one that the service does not have."""
    return path if path in ROUTES else OTHER
