"""The documented request rates (facts 2.3)."""


class RateLimit:
    """A token bucket in simulated time.

    Args:
        rate: Requests/s in the long run.
        burst: Requests at once after a rest.

    Example:
        >>> limit = RateLimit(rate=1, burst=2)
        >>> [limit.allow(0), limit.allow(0), limit.allow(0), limit.allow(1)]
        [True, True, False, True]
    """

    def __init__(self, rate: float, burst: float) -> None:
        self.rate = rate
        self._burst = burst
        self._tokens = burst
        self._at = 0.0

    def allow(self, now: float) -> bool:
        """Tell whether one more request at `now`, in simulated seconds, keeps to the rate, and count it."""
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self.rate)
        self._at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
