"""The addresses of the service, and what a key must allow for each."""

import re
from typing import Literal

from litestar.utils import normalize_path

Permission = Literal["classify", "explain", "models", "metrics"]

OTHER = "other"
LABEL_STUDIO = "/label-studio"
ROUTES: dict[str, Permission | None] = {
    "/v1/classify": "classify",
    "/v1/classify/batch": "classify",
    "/v1/models": "models",
    "/health/live": None,
    "/health/ready": None,
    "/metrics": "metrics",
    "/v2": "models",
    "/v2/health/live": None,
    "/v2/health/ready": None,
    "/v2/models/firstline": "models",
    "/v2/models/firstline/ready": None,
    "/v2/models/firstline/infer": "classify",
    "/v2/models/firstline/versions/{version}": "models",
    "/v2/models/firstline/versions/{version}/ready": None,
    "/v2/models/firstline/versions/{version}/infer": "classify",
    "/label-studio/health": None,
    "/label-studio/setup": "classify",
    "/label-studio/predict": "classify",
    "/schema": None,
    "/schema/openapi.json": None,
}
"""`None` needs no key."""
PROBES = frozenset({"/metrics", *(route for route in ROUTES if route.endswith(("/live", "/ready")))})
"""What machines ask for all the time."""

_VERSIONED = re.compile(r"(/v2/models/firstline/versions/)[^/]+((?:/ready|/infer)?)")


def route_of(path: str) -> str:
    """The address without what a client may put into it: `other` for one that the service does not have."""
    if path in ROUTES:
        return path
    # Litestar answers /v1//models/ as /v1/models: a key must allow both.
    asked = normalize_path(path)
    versioned = _VERSIONED.fullmatch(asked)
    if versioned:
        return f"{versioned[1]}{{version}}{versioned[2]}"
    return asked if asked in ROUTES else OTHER
