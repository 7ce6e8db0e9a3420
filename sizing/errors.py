"""The one error of this library: every bad argument at once, each with its way out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Problem(NamedTuple):
    """One bad argument.

    Attributes:
        parameter: Name of the argument, as `sizing.plan` calls it.
        value: The value that was given.
        allowed: What is allowed and how to mend it, so that it reads on after "allowed"; no full stop.
        reason: Why the value will not do, where what is allowed does not say it; "" (default) where it does.
    """

    parameter: str
    value: object
    allowed: str
    reason: str = ""

    @property
    def message(self) -> str:
        """Reason and what is allowed, as one phrase.

        Example:
            >>> Problem("spares", 9, "0 to 2").message
            'allowed 0 to 2'
            >>> Problem("host_type", "c5.large", "for example m6i.large", "5 of them do not hold the fleet").message
            '5 of them do not hold the fleet; allowed for example m6i.large'
        """
        return f"{self.reason}; allowed {self.allowed}" if self.reason else f"allowed {self.allowed}"

    def __str__(self) -> str:
        """Return `parameter: got value; message` on one line."""
        return f"{self.parameter}: got {self.value!r}; {self.message}"


class SizingError(ValueError):
    """Raised for bad arguments; carries all of them.

    Attributes:
        problems: Every problem found, in the order of the signature.

    Example:
        >>> print(SizingError([Problem("spares", 9, "0 to 2")]))
        spares: got 9; allowed 0 to 2
    """

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))
