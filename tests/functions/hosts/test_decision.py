"""What is done with a service and with the hosts, for every case that there is."""

import pytest

from functions.hosts.decision import Seen, Step, must_refresh, next_step

DEPLOY, ROLLBACK = False, True


@pytest.mark.parametrize(
    ("old", "new", "seen", "rolling_back", "step"),
    [
        # A shrink: lowered once, then waited for, until the tasks are gone.
        (33, 5, Seen(33, 33), DEPLOY, Step(5, wait=True)),
        (33, 5, Seen(5, 33), DEPLOY, Step(None, wait=True)),
        (33, 5, Seen(5, 6), DEPLOY, Step(None, wait=True)),
        (33, 5, Seen(5, 5), DEPLOY, Step(None, wait=False)),
        # Somebody raised it meanwhile, or lowered it further.
        (33, 5, Seen(40, 5), DEPLOY, Step(5, wait=False)),
        (33, 5, Seen(0, 0), DEPLOY, Step(None, wait=False)),
        # A raise is the service's own matter, once there are hosts.
        (5, 33, Seen(5, 5), DEPLOY, Step(None, wait=False)),
        (5, 33, Seen(2, 2), DEPLOY, Step(None, wait=False)),
        # The rollback of a shrink puts the count back, and waits for nothing: the hosts may come after it.
        (5, 33, Seen(5, 5), ROLLBACK, Step(33, wait=False)),
        (5, 33, Seen(33, 8), ROLLBACK, Step(None, wait=False)),
        # The rollback of a raise is a shrink.
        (33, 5, Seen(33, 20), ROLLBACK, Step(5, wait=True)),
        (33, 5, Seen(5, 5), ROLLBACK, Step(None, wait=False)),
        # What is declared as before is left alone, whatever it is.
        (5, 5, Seen(9, 9), DEPLOY, Step(None, wait=False)),
        (5, 5, Seen(2, 2), ROLLBACK, Step(None, wait=False)),
    ],
)
def test_what_is_done_with_a_service(old: int, new: int, seen: Seen, rolling_back: bool, step: Step) -> None:
    assert next_step(old, new, seen, rolling_back=rolling_back) == step


@pytest.mark.parametrize(
    ("hosts", "old", "new", "rolling_back", "refreshed"),
    [
        (["1", "1"], "1", "2", DEPLOY, True),
        (["1", "2"], "1", "2", DEPLOY, True),
        (["2", "2"], "1", "2", DEPLOY, False),
        (["", "2"], "1", "2", DEPLOY, True),  # whatever it was started from, it was not this
        (["1", "1"], "1", "1", DEPLOY, False),
        ([], "1", "2", DEPLOY, False),
        (["1", "1"], "2", "3", ROLLBACK, False),
        (["1", "2"], "2", "3", ROLLBACK, True),
        (["1", "2"], "2", "1", ROLLBACK, True),
    ],
)
def test_when_hosts_are_replaced(hosts: list[str], old: str, new: str, rolling_back: bool, refreshed: bool) -> None:
    assert must_refresh(hosts, old, new, rolling_back=rolling_back) is refreshed
