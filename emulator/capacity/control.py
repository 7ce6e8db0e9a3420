"""The simulation's way in: it answers MiniStack's calls, CloudFormation's steps, and the target's own address."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, Final

from ministack.core.responses import AccountRegionScopedDict

from . import (
    container_api,
    draining,
    groups,
    internals,
    replacement,
    scaling,
    scaling_api,
    services,
    steps,
    tasks,
    watch,
)
from .internals import Answer
from .world import LOCK, REST_SECONDS, World

SECONDS_PER_DAY: Final = "EMULATOR_SECONDS_PER_DAY"
"""How many real seconds a simulated day takes. Unset: simulated time moves on by what happens alone."""

ROLLBACK_ORDER: Final = "EMULATOR_ROLLBACK_ORDER"
"""In which order a rollback sends resources back: `dependency`, `reverse` or `shuffled:<seed>`."""

DAY_SECONDS: Final = 86_400.0

_worlds = AccountRegionScopedDict()


class Settings:
    """What a user may change while the target runs.

    Attributes:
        seconds_per_day: Real seconds of a simulated day, None when real time does not count.
        rollback_order: `dependency`, `reverse` or `shuffled:<seed>`.
    """

    def __init__(self) -> None:
        self.seconds_per_day: float | None = None
        self.rollback_order = "dependency"
        self._looked = time.monotonic()

    def read(self, environment: dict[str, str]) -> None:
        """Take the settings from environment variables.

        Raises:
            SystemExit: One of them has a value that is not allowed.
        """
        try:
            if given := environment.get(SECONDS_PER_DAY):
                self.seconds_per_day = _seconds(given)
            self.rollback_order = _order(environment.get(ROLLBACK_ORDER) or self.rollback_order)
        except ValueError as problem:
            raise SystemExit(str(problem)) from None

    def passed(self) -> float:
        """Return the simulated seconds that real time adds since the last call."""
        before, self._looked = self._looked, time.monotonic()
        return 0.0 if self.seconds_per_day is None else (self._looked - before) * DAY_SECONDS / self.seconds_per_day

    def reorder(self, names: list[str]) -> list[str]:
        """Return logical ids, given in the order of their updates, in the order of a rollback."""
        if self.rollback_order == "reverse":
            return names[::-1]
        if self.rollback_order.startswith("shuffled:"):
            names = sorted(names)
            random.Random(self.rollback_order).shuffle(names)  # noqa: S311 -- not a secret
        return names


settings = Settings()


def register() -> None:
    """Put the simulation behind MiniStack's services. Call it once, after the handlers."""
    settings.read(dict(os.environ))
    internals.leave_instances_alone()
    internals.leave_tasks_alone()
    scaling_api.register(world)
    container_api.register(world)
    steps.register(world)
    internals.send_back_what_failed(frozenset({steps.GROUP, steps.SERVICE}))
    internals.order_rollbacks(lambda names: settings.reorder(names))
    # Last of all, so that it is around every answer.
    internals.around_each_call(_answered)


def world() -> World:
    """Return the world of the account and region of the current request."""
    found: World | None = _worlds.get("world")
    if found is None:
        # Replacements before groups, so that a host that is replaced is not ended twice.
        found = _worlds["world"] = World((draining, replacement, groups, tasks, services, scaling), watch.look)
    return found


def answer(method: str, document: Any) -> tuple[int, Any]:
    """Answer on the target's own address for hosts and tasks.

    Args:
        method: GET tells the state; POST changes what the document says; DELETE forgets the broken moments.
        document: For POST: `advance_days`, `rollback_order`, `seconds_per_day` (null: real time does not count), as
            an object.

    Returns:
        HTTP status and the document of the answer.
    """
    with LOCK:
        if method == "POST":
            try:
                _change(document)
            except ValueError as problem:
                return 400, {"message": str(problem)}
        elif method == "DELETE":
            world().moments.clear()
        elif method != "GET":
            return 405, {"message": f"{method} is not allowed; GET, POST and DELETE are"}
        world().settle(REST_SECONDS)
        return 200, _state(world())


def _answered(handler: Callable[[Any], Answer], request: Any) -> Answer:
    """Answer a call after everything has happened that was under way."""
    with LOCK:
        world().pass_time(settings.passed())
        world().settle()
        return handler(request)


def _change(document: Any) -> None:
    allowed = ("advance_days", "rollback_order", "seconds_per_day")
    if not isinstance(document, dict) or not document or set(document) - set(allowed):
        raise ValueError(f"got {document!r}; allowed is a JSON object with the keys {', '.join(allowed)}")
    if "rollback_order" in document:
        settings.rollback_order = _order(document["rollback_order"])
    if "seconds_per_day" in document:
        given = document["seconds_per_day"]
        settings.seconds_per_day = None if given is None else _seconds(given)
    if "advance_days" in document:
        world().pass_time(_seconds(document["advance_days"]) * DAY_SECONDS)


def _order(given: Any) -> str:
    if given in ("dependency", "reverse") or str(given).startswith("shuffled:"):
        return str(given)
    raise ValueError(f"rollback order: got {given!r}; allowed are dependency, reverse and shuffled:<seed>")


def _seconds(given: Any) -> float:
    try:
        number = float(given)
    except (TypeError, ValueError):
        number = 0.0
    if not 0 < number < float("inf"):
        raise ValueError(f"seconds or days: got {given!r}; allowed is a number above 0")
    return number


def _state(world: World) -> dict[str, Any]:
    return {
        "seconds": world.now,
        "hosts": [
            {"id": host.id, "group": host.group, "state": host.state, "tasks": len(world.tasks_on(host))}
            for host in world.hosts.values()
        ],
        "waiting": sum(task["lastStatus"] == "PROVISIONING" for task in world.tasks()),
        "moments": [asdict(moment) for moment in world.moments],
        "history": [f"{seconds:.0f} s: {text}" for seconds, text in world.history],
    }
