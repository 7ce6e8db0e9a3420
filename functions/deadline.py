"""How long a piece of work may still take."""

import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Deadline:
    """A moment on the monotonic clock, which no change of the wall clock moves.

    Attributes:
        at: The moment, in seconds of `time.monotonic()`.
    """

    at: float

    @classmethod
    def after(cls, seconds: float) -> "Deadline":
        """Return the deadline `seconds` from now.

        Example:
            >>> 59 < Deadline.after(60).remaining() <= 60
            True
        """
        return cls(time.monotonic() + seconds)

    def remaining(self) -> float:
        """Return the seconds left, never below 0.

        Example:
            >>> Deadline.after(-1).remaining()
            0.0
        """
        return max(0.0, self.at - time.monotonic())

    def sleep(self, seconds: float) -> bool:
        """Sleep, but not past the deadline.

        Args:
            seconds: How long to sleep when there is time enough.

        Returns:
            Whether there is time left afterwards.
        """
        time.sleep(min(seconds, self.remaining()))
        return self.remaining() > 0
