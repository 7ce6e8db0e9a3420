"""The one error of this library: every bad argument at once, each with its way out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Problem(NamedTuple):
    """One bad argument.

    Attributes:
        parameter: Name of the argument, as `sizing.plan` calls it.
        value: The value that was given.
        message: What is allowed and how to mend it; starts in lower case, no full stop.
    """

    parameter: str
    value: object
    message: str

    def __str__(self) -> str:
        """Return `parameter: got value; message` on one line."""
        return f"{self.parameter}: got {self.value!r}; {self.message}"


class SizingError(ValueError):
    """Raised for bad arguments; carries all of them.

    Attributes:
        problems: Every problem found, in the order of the signature.

    Example:
        >>> print(SizingError([Problem("spares", 9, "allowed 0 to 2")]))
        spares: got 9; allowed 0 to 2
    """

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))
