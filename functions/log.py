"""One structured log line per step."""

import json
import time


def log(step: str, **fields: object) -> None:
    """Print one line of JSON to standard output, which Lambda sends to the function's log group.

    Args:
        step: What happened, in a few fixed words, to search for.
        **fields: What it happened to. Never a secret: callers pass names, numbers and addresses alone.

    Example:
        >>> log("shards read", shards=8)
        {"time": "...Z", "step": "shards read", "shards": 8}
    """
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    print(json.dumps({"time": now, "step": step, **fields}, default=str), flush=True)
