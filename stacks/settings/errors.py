"""What is said when settings cannot be used."""

from collections.abc import Sequence

from sizing import Problem


class SettingsError(Exception):
    """The settings cannot be used; the message has one line for each problem.

    Attributes:
        problems: Each with the key, the value that was given and what is allowed.

    Example:
        >>> print(SettingsError([Problem("tls", None, "true or false"), Problem("name", "Wa", "lower-case letters")]))
        tls: got null; allowed: true or false
        name: got 'Wa'; allowed: lower-case letters
    """

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(_line, self.problems)))


class Refusal(ValueError):
    """Raised by a validator that knows why a value will not do; the message says so, or how to mend it.

    It is told after what is allowed. Of any other ValueError only the value and what is allowed are told.
    """


class ContextError(Exception):
    """The context cannot be read: cdk.json is missing or malformed; the message has one line for each problem."""


def _line(problem: Problem) -> str:
    line = f"{problem.parameter}: got {_as_written(problem.value)}; allowed: {problem.allowed}"
    if problem.reason:
        line += f"; {problem.reason}"
    # A line break in a key or a name must not make two lines.
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in line)


def _as_written(value: object) -> str:
    """Show a value; true, false and null as cdk.json has them."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return repr(value)
