"""The one clock of the stand-in. It can run faster than real time, stand still, and be moved ahead."""

import threading
import time
from datetime import UTC, datetime


def check_speed(speed: float) -> None:
    """Refuse a speed that no clock can have.

    Raises:
        ValueError: It is not above 0, or not finite.
    """
    if not 0 < speed < float("inf"):
        raise ValueError(f"speed={speed}: give simulated seconds per real second, above 0, such as 60")


class Clock:
    """Simulated time: seconds since 1970 that pass `speed` times as fast as real ones.

    A clock without a speed stands still until `advance` moves it. A test that runs on such a clock has the same
    outcome on a fast machine and on a busy one. Any thread may use a clock.

    Args:
        start: The simulated time to start at, in seconds since 1970; None is the real time.
        speed: Simulated seconds per real second, above 0. Default 1. None: the clock stands still.

    Raises:
        ValueError: `speed` is not above 0.

    Example:
        >>> clock = Clock(start=0, speed=60)
        >>> clock.advance(3600)
        >>> clock.now() >= 3600
        True
        >>> by_hand = Clock(start=0, speed=None)
        >>> by_hand.advance(45)
        >>> by_hand.now()
        45
    """

    def __init__(self, start: float | None = None, speed: float | None = 1.0) -> None:
        if speed is not None:
            check_speed(speed)
        self._lock = threading.Lock()
        self._base = time.time() if start is None else start
        self._origin = time.monotonic()
        self._speed = speed

    @property
    def speed(self) -> float | None:
        """Simulated seconds per real second, None while the clock stands still. Setting it keeps the present moment.

        Raises:
            ValueError: It is set to a number that is not above 0.
        """
        return self._speed

    @speed.setter
    def speed(self, value: float) -> None:
        check_speed(value)
        with self._lock:
            self._base, self._origin = self._now(), time.monotonic()
            self._speed = value

    def now(self) -> float:
        """Return the simulated time in seconds since 1970."""
        with self._lock:
            return self._now()

    def _now(self) -> float:
        return self._base if self._speed is None else self._base + (time.monotonic() - self._origin) * self._speed

    def advance(self, seconds: float) -> None:
        """Jump ahead by `seconds` of simulated time.

        Raises:
            ValueError: `seconds` is negative: messages carry times, so the clock never goes back.
        """
        if not 0 <= seconds < float("inf"):
            raise ValueError(f"seconds={seconds}: the clock moves ahead only; give 0 or more")
        with self._lock:
            self._base += seconds


def stamp(at: float) -> str:
    """Write a time as the documented login answer does: a blank, no T (facts 2.2).

    Example:
        >>> stamp(0)
        '1970-01-01 00:00:00+00:00'
    """
    return datetime.fromtimestamp(int(at), UTC).isoformat(sep=" ")
