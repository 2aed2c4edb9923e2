"""The framework alone: a Litestar route that reads a message and returns the same answer whatever it says."""

from typing import Any

from litestar import Litestar, post
from msgspec import Struct

from benchmarks.peers.served import serve

_N_CLASSES = 25


class Asked(Struct):
    text: str
    segment: str | None = None


def main() -> None:
    ranking = [{"label": f"the name of class {place}", "confidence": 0.012345} for place in range(_N_CLASSES)]
    answer = {"model": "none", "label": "a class", "confidence": 0.5, "ranking": ranking, "decision": "route"}

    @post("/predict", status_code=200, sync_to_thread=False)
    def predict(data: Asked) -> dict[str, Any]:
        return answer

    serve(Litestar([predict], openapi_config=None))


if __name__ == "__main__":
    main()
