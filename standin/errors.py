"""The client's error answers: codes, titles, HTTP statuses and the JSON shape (facts 2.3)."""

from types import MappingProxyType
from typing import Any

Json = dict[str, Any]
"""A JSON object as it goes over the wire."""

VERSION = "2.57.2"
"""The last published tag (facts 1.6); `meta.version` adds that this is a stand-in."""

# code: (title, HTTP status). Titles are paraphrased (facts 2.3). No full table of statuses exists: 401,
# 403, 404, 429 and 503 are documented, 400 for everything that a retry cannot mend is our choice.
CODES = MappingProxyType(
    {
        1000: ("Generic error", 500),
        1001: ("Message too long", 400),
        1002: ("Invalid recipient type", 400),
        1005: ("Access denied", 400),
        1006: ("Resource not found", 404),
        1008: ("Required parameter is missing", 400),
        1009: ("Parameter value is not valid", 400),
        1010: ("Parameter is not required", 400),
        1011: ("Service not ready", 503),
        1015: ("Too many requests", 429),
        1016: ("System overloaded", 503),
        1017: ("Not primary master", 503),
        1018: ("Not primary coreapp", 503),
        1024: ("Password change required", 400),
        1025: ("Request is not valid", 400),
        1031: ("Account locked", 400),
    }
)


class Refusal(Exception):
    """A request that the client refuses.

    Args:
        code: The client's error code, a key of `CODES`.
        details: What was wrong and how to mend it; never holds a secret.
        status: The HTTP status; None takes the one of `CODES`.

    Example:
        >>> refusal = Refusal(1009, "shards=3: allowed are 1, 2, 4, 8, 16, 32")
        >>> refusal.status, refusal.body()["errors"][0]["title"]
        (400, 'Parameter value is not valid')
    """

    def __init__(self, code: int, details: str, status: int | None = None) -> None:
        super().__init__(f"{code} {CODES[code][0]}: {details}")
        self.code = code
        self.details = details
        self.status = CODES[code][1] if status is None else status

    def body(self) -> Json:
        """Return the answer: top-level `errors` beside `meta` (facts 2.3)."""
        error = {"code": self.code, "title": CODES[self.code][0], "details": self.details}
        return {"errors": [error], "meta": meta()}


def meta() -> Json:
    """Return the `meta` object that every answer carries.

    Example:
        >>> meta()
        {'api_status': 'stable', 'version': '2.57.2-standin'}
    """
    return {"api_status": "stable", "version": f"{VERSION}-standin"}
