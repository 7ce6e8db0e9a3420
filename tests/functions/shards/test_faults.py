"""Whatever fails, either way: enough coreapps, one opinion on the number, nothing lost, and a text that helps."""

import http.client
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import count
from typing import Any

import pytest

from functions.errors import Failure
from functions.shards.client import SHARDS_PATH, Client
from functions.shards.resource import accept, advance
from standin.clock import Clock

from .conftest import PIN, DeployFailed, Stack, confirmed_secret, running, secret, traffic

DIRECTIONS = [(2, 8), (8, 2)]
both_directions = pytest.mark.parametrize(("old", "new"), DIRECTIONS)


@pytest.fixture
def stack(clock: Clock, old: int) -> Iterator[Stack]:
    """Run a stack of the old size under traffic, and see at the end that no message was lost or doubled."""
    with running(clock, shards=old) as made:
        with traffic(made):
            yield made
        if made.standin.state()["standing"] == "registered":
            made.standin.advance_until(lambda state: not state["messages"]["waiting"])
        ledger = made.standin.ledger()
        assert ledger["accepted"] > 0
        assert (ledger["lost"], ledger["doubled"]) == (0, 0)


def once(place: str, act: Callable[[], None], at: int = 1) -> Callable[[str, int], None]:
    """Let something happen once, before the given call of `advance` at that place."""

    def on_poll(where: str, number: int) -> None:
        if (where, number) == (place, at):
            act()

    return on_poll


def acting(old: int, new: int) -> str:
    """Return the place that acts."""
    return "after" if new > old else "before"


def fails(stack: Stack, new: int, text: str) -> str:
    with pytest.raises(DeployFailed, match=text) as caught:
        stack.deploy(new)
    assert stack.status == "UPDATE_ROLLBACK_COMPLETE"
    return str(caught.value)


@both_directions
def test_403_for_a_while(stack: Stack, old: int, new: int) -> None:
    stack.standin.unavailable(300)
    stack.deploy(new)
    stack.check()


@both_directions
def test_403_for_ever(stack: Stack, old: int, new: int) -> None:
    stack.poll_seconds = 200
    stack.standin.unavailable(None)
    text = fails(stack, new, "deploy again")
    assert f"set {min(old, new)}" in text
    assert stack.shards() == old
    stack.standin.unavailable(0)
    stack.check()


@both_directions
def test_connections_refused_for_a_while(stack: Stack, old: int, new: int) -> None:
    def come_and_go(place: str, number: int) -> None:
        if (place, number) == (acting(old, new), 1):
            with stack.sending:
                stack.standin.stop()
        if (place, number) == (acting(old, new), 3):
            stack.standin.start()

    stack.on_poll = come_and_go
    stack.deploy(new)
    stack.check()


@both_directions
def test_slow_answers_beyond_the_timeout(stack: Stack, old: int, new: int, monkeypatch: pytest.MonkeyPatch) -> None:
    # The client takes the number and answers too late, so it is the observation that tells.
    def set_shards() -> list[str]:
        return [event["text"] for event in stack.standin.state()["events"] if "Set Shards" in event["text"]]

    request, late = http.client.HTTPSConnection.request, False

    def hasty(connection: http.client.HTTPSConnection, method: str, url: str, *more: Any, **options: Any) -> None:
        request(connection, method, url, *more, **options)
        if late and (method, url) == ("POST", SHARDS_PATH):
            # Patience ends as soon as the number is taken: whole seconds might be too few on a busy machine.
            while not set_shards():
                time.sleep(0.01)
            connection.sock.settimeout(0.01)

    def slow(place: str, number: int) -> None:
        nonlocal late
        late = number == 0 and place == acting(old, new)
        stack.standin.delay(3600 if late else 0, SHARDS_PATH, "POST")

    monkeypatch.setattr(http.client.HTTPSConnection, "request", hasty)
    stack.on_poll = slow
    stack.deploy(new)
    stack.check()
    assert len(set_shards()) == 1


@both_directions
def test_a_wrong_certificate_that_was_confirmed(stack: Stack, old: int, new: int) -> None:
    stack.poll_seconds = 100
    stack.secret = confirmed_secret(cert="d3Jvbmc=")
    text = fails(stack, new, "wrong certificate|certificate is wrong")
    assert "Business Manager" in text
    assert stack.standin.state()["standing"] == "logged off"
    assert stack.shards() == old
    # What the text says: the right certificate, confirmed, and the same number sent again.
    stack.secret = confirmed_secret()
    cluster = stack.open_cluster({})
    deadline = stack.deadline()
    cluster.set_shards(old, cluster.observe(deadline), deadline, again=True)
    stack.check()


@both_directions
@pytest.mark.parametrize(
    "unconfirmed",
    [
        pytest.param(secret(), id="never"),
        pytest.param(confirmed_secret().replace("certificate_confirmed_on", "note"), id="no date"),
        pytest.param(
            json.dumps(json.loads(confirmed_secret()) | {"certificate_confirmed_on": "2026-01-01"}), id="long ago"
        ),
        pytest.param(json.dumps(json.loads(confirmed_secret()) | {"cert": "ZXhwaXJlZA=="}), id="for another"),
        pytest.param(secret(cert=""), id="no certificate"),
        pytest.param(secret(cert="", registered_on="2026-01-01"), id="no certificate, registered long ago"),
    ],
)
def test_nothing_is_sent_with_a_certificate_that_nobody_confirmed(
    stack: Stack, old: int, new: int, unconfirmed: str
) -> None:
    stack.secret = unconfirmed
    fails(stack, new, r"functions\.shards confirm|Copy the certificate from Business Manager")
    assert not [event for event in stack.standin.state()["events"] if "Set Shards" in json.dumps(event)]
    stack.check()


@both_directions
def test_an_expired_certificate_is_never_sent(stack: Stack, old: int, new: int) -> None:
    # It has expired since it was confirmed, and the confirmation is older than allowed.
    stack.standin.set_certificate(days=-1)
    stack.secret = json.dumps(json.loads(confirmed_secret()) | {"certificate_confirmed_on": "2026-09-01"})
    fails(stack, new, "days ago; allowed are 30. An expired one would get the account blocked")
    assert stack.standin.state()["standing"] == "registered"
    stack.check()


@both_directions
@pytest.mark.parametrize(
    ("given", "text"), [("", "store its six digits"), ("000000", "Check the keys cc, phone_number and pin")]
)
def test_the_pin_is_needed_and_absent_or_wrong(stack: Stack, old: int, new: int, given: str, text: str) -> None:
    token = stack.standin.login("admin", json.loads(stack.secret)["password"])
    stack.standin.request("POST", "/v1/settings/account/two-step", {"pin": PIN}, token=token)
    stack.secret = confirmed_secret(pin=given)
    fails(stack, new, text)
    stack.check()
    stack.secret = confirmed_secret(pin=PIN)
    stack.deploy(new)
    stack.check()


@both_directions
def test_a_coreapp_that_never_becomes_healthy(clock: Clock, old: int, new: int) -> None:
    # A spare takes the place of the silent one; without one only the increase is stopped.
    with running(clock, shards=old, spares=0 if new > old else 1) as stack:
        stack.poll_seconds = 120

        def silence() -> None:
            nodes = [node["name"] for node in stack.standin.state()["nodes"] if node["kind"] == "coreapp"]
            stack.standin.pause(nodes[-1])

        stack.on_poll = once(acting(old, new), silence)
        if new > old:
            fails(stack, new, "8 shards were not in full service after 20 min")
            assert stack.shards() == 2
            # ECS replaces what fails its health check.
            for node in stack.standin.state()["nodes"]:
                if node["condition"] == "silent":
                    stack.standin.kill(node["name"])
                    stack.standin.add("coreapp")
        else:
            stack.deploy(new)
        stack.check()


@both_directions
def test_a_host_lost_in_the_middle(stack: Stack, old: int, new: int) -> None:
    def lose() -> None:
        owner = next(node["name"] for node in stack.standin.state()["nodes"] if node["kind"] == "coreapp")
        stack.standin.kill(owner)
        stack.standin.add("coreapp")

    stack.on_poll = once(acting(old, new), lose)
    stack.deploy(new)
    stack.check()


@both_directions
def test_a_token_that_expires_in_the_middle(stack: Stack, old: int, new: int) -> None:
    cluster = stack.open_cluster({})
    cluster.observe(stack.deadline())
    stack.standin.expire_tokens()
    assert cluster.observe(stack.deadline()).shards == old
    stack.on_poll = lambda place, number: stack.standin.expire_tokens()
    stack.deploy(new)
    stack.check()


@both_directions
def test_the_function_is_killed_and_started_again(stack: Stack, old: int, new: int) -> None:
    """Each call is made twice, and some are broken off before they can answer."""
    event = stack.event("Update", acting(old, new), new, old)
    stack.status = "UPDATE_IN_PROGRESS"
    if new > old:
        stack.service(new)
    accept(event, stack.dependencies)
    event |= accept(event, stack.dependencies)
    for number in count():
        done = advance(event, stack.dependencies)["IsComplete"]
        if number % 2 and done:
            break
        stack.clock.advance(stack.poll_seconds)
    if new < old:
        stack.service(new)
    stack.declared = new
    stack.check()
    assert len([event for event in stack.standin.state()["events"] if "Set Shards" in json.dumps(event)]) == 1


@both_directions
@pytest.mark.parametrize("backwards", [False, True], ids=["rolled back in order", "rolled back in reverse"])
def test_updating_back_after_a_later_resource_failed(stack: Stack, old: int, new: int, backwards: bool) -> None:
    stack.fails_later, stack.backwards = True, backwards
    fails(stack, new, "a later resource failed")
    # What a resource could not do in that order, the reconciler does when the stack is done.
    stack.standin.advance_until_served()
    stack.reconcile()
    stack.check()


@both_directions
@pytest.mark.parametrize("backwards", [False, True], ids=["rolled back in order", "rolled back in reverse"])
def test_updating_back_when_one_resource_never_started_and_hears_nothing(
    stack: Stack, old: int, new: int, backwards: bool
) -> None:
    stack.service_fails, stack.backwards = True, backwards
    fails(stack, new, "did not stabilise")
    assert stack.shards() == min(old, new)
    stack.standin.advance_until_served()
    outcome = stack.reconcile()
    assert outcome.startswith("set 8" if new < old else "2 shards are set")
    stack.check()


def together(stack: Stack, monkeypatch: pytest.MonkeyPatch, place: str, old: int, *numbers: int) -> None:
    """Run deploys side by side that all have looked before the first of them sends its number."""
    ready, sent = threading.Barrier(len(numbers)), threading.local()
    send = Client._send

    def send_together(self: Client, method: str, path: str, *rest: Any) -> Any:
        if (method, path) == ("POST", SHARDS_PATH) and not hasattr(sent, "once"):
            sent.once = True
            ready.wait()
        return send(self, method, path, *rest)

    monkeypatch.setattr(Client, "_send", send_together)
    # They may take turns for as long as they want: the time that each was given does not run out.
    began = stack.clock.now()
    dependencies = replace(stack.dependencies, now=lambda: began)

    def run(new: int) -> None:
        try:
            event = stack.event("Update", place, new, old)
            event |= accept(event, dependencies)
            while not advance(event, dependencies)["IsComplete"]:
                stack.clock.advance(5)
        except BaseException:
            ready.abort()  # the others would wait for ever, and hide what went wrong here
            raise

    with ThreadPoolExecutor(len(numbers)) as pool:
        list(pool.map(run, numbers))


@both_directions
def test_two_deploys_at_once_of_the_same_number_restart_the_coreapps_once(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, old: int, new: int
) -> None:
    if new > old:
        stack.service(new)
    together(stack, monkeypatch, acting(old, new), old, new, new)
    if new < old:
        stack.service(new)
    stack.declared = new
    stack.check()
    assert len([event for event in stack.standin.state()["events"] if "Set Shards" in json.dumps(event)]) == 1


@pytest.mark.parametrize("old", [2])
def test_two_deploys_at_once_of_different_numbers_end_in_one_that_the_coreapps_hold(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, old: int
) -> None:
    stack.service(8)
    together(stack, monkeypatch, "after", old, 4, 8)
    assert stack.shards() in (4, 8)
    stack.declared = 8
    stack.reconcile()
    stack.check()


@pytest.mark.parametrize("old", [2])
def test_the_reconciler_leaves_a_busy_stack_alone_and_raises_only_when_the_coreapps_are_there(
    stack: Stack, old: int
) -> None:
    stack.declared = 8
    for status in ("UPDATE_IN_PROGRESS", "UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_FAILED"):
        stack.status = status
        assert "busy" in stack.reconcile()
    stack.status = "UPDATE_ROLLBACK_COMPLETE"
    assert "too few to raise" in stack.reconcile()
    stack.service(8)
    assert stack.reconcile() == "set 8 shards; 2 were set"
    stack.standin.advance_until_served()
    assert stack.reconcile() == "8 shards are set, as declared"
    stack.check()


@pytest.mark.parametrize("old", [2])
def test_a_stack_that_becomes_busy_while_the_reconciler_looks_is_left_alone(stack: Stack, old: int) -> None:
    stack.service(8)
    stack.declared = 8
    observe, stack.on_observe = stack.on_observe, lambda: setattr(stack, "status", "UPDATE_IN_PROGRESS")
    assert stack.reconcile() == "the stack became busy"
    stack.on_observe = observe
    assert stack.shards() == 2


@both_directions
def test_no_secret_reaches_the_log(
    stack: Stack, old: int, new: int, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    stack.standin.unavailable(100)
    stack.deploy(new)
    seen = capfd.readouterr().out + caplog.text
    assert '"step": "set shards accepted"' in seen
    keys = json.loads(stack.secret)
    for name in ("password", "cert", "phone_number"):
        assert keys[name] not in seen
    assert not re.search(r"[Bb]earer|Basic ", seen)


def test_an_unexpected_error_is_tried_again_until_the_time_is_up(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    with running(clock, shards=2) as stack:
        event = stack.event("Update", "after", 8, 2) | {"Started": clock.now(), "Floor": 2}

        def broken(_: object) -> None:
            raise KeyError("password=hidden")

        monkeypatch.setattr(stack, "open_cluster", broken)
        assert not advance(event, stack.dependencies)["IsComplete"]
        clock.advance(30 * 60)
        with pytest.raises(Failure, match=r"^Unexpected KeyError\.$"):
            advance(event, stack.dependencies)
