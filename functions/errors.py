"""The two kinds of failure that an operator reads, and what the operator may read of any other error."""

import traceback

from functions.aws import explain_answer
from functions.log import log


class Failure(Exception):
    """A failure whose text the operator reads, in the stack's events or on the command line. It names no secret."""


class Refusal(Failure):
    """A failure from before anything was changed, so that there is nothing to undo."""


def explain(error: Exception) -> str:
    """Return what the operator may read of an error that is no `Failure`.

    The error's own message is left out, because it may quote what was sent, and so a secret. When the error is not an
    answer of AWS, the log gets its type and the lines of code that it came through.

    Args:
        error: Any error that the code did not expect.

    Returns:
        One or two sentences.

    Example:
        >>> explain(KeyError("password"))
        {"time": "...Z", "step": "unexpected error", "error": "KeyError", "at": []}
        'Unexpected KeyError.'
    """
    if answer := explain_answer(error):
        return f"{answer} Check the function's role and what it names."
    # PyMySQL, for one, quotes the whole statement in its message, and the statement holds the new password.
    frames = traceback.extract_tb(error.__traceback__)
    log(
        "unexpected error",
        error=type(error).__name__,
        at=[f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
    )
    return f"Unexpected {type(error).__name__}."
