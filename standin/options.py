"""How to run a stand-in: one flat list of names for the command line and for tests."""

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from standin.account import AccountOptions
from standin.clock import Clock, check_speed
from standin.nodes import ClusterOptions


@dataclass(frozen=True, kw_only=True)
class Options:
    """How to run a stand-in.

    Attributes:
        cluster: What a new cluster starts with.
        account: What a new account starts with.
        speed: Simulated seconds per real second, above 0.
        clock: The clock to live by, in the place of one that runs at `speed`. A test that gives one shares the time
            with the stand-in, and moves it.
        state: The database file; None keeps it in a folder that goes away at the end.
        rate_limits: Answer 429 beyond the documented rates (facts 2.3), in simulated time. Off by default: they
            cap a cluster of 32 shards at 50 messages/s, below what the same pages say that it carries.

    Raises:
        ValueError: `speed` is not above 0.
    """

    cluster: ClusterOptions = field(default_factory=ClusterOptions)
    account: AccountOptions = field(default_factory=AccountOptions)
    speed: float = 1.0
    clock: Clock | None = None
    state: Path | None = None
    rate_limits: bool = False

    def __post_init__(self) -> None:
        check_speed(self.speed)

    @staticmethod
    def of(**values: Any) -> "Options":
        """Build options from one flat list of names: those of `Options`, `ClusterOptions` and `AccountOptions`.

        Raises:
            ValueError: An unknown name, or a value that is not allowed.

        Example:
            >>> Options.of(speed=60, coreapps=9, pin="123456").cluster.coreapps
            9
        """
        parts: dict[type, dict[str, Any]] = {ClusterOptions: {}, AccountOptions: {}, Options: {}}
        allowed = {f.name: part for part in parts for f in fields(part) if f.name not in ("cluster", "account")}
        for name, value in values.items():
            if name not in allowed:
                raise ValueError(f"{name}: no such option; there are {', '.join(sorted(allowed))}")
            parts[allowed[name]][name] = value
        return Options(
            cluster=ClusterOptions(**parts[ClusterOptions]),
            account=AccountOptions(**parts[AccountOptions]),
            **parts[Options],
        )
