"""A stand-in of the client, and a stack that calls the handlers as CloudFormation does."""

import http.client
import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from functions.deadline import Deadline
from functions.errors import Failure
from functions.shards.account import confirmed, read_account, today
from functions.shards.client import Client, Pace
from functions.shards.cluster import Cluster, Service
from functions.shards.dependencies import Dependencies
from functions.shards.reconcile import converge
from functions.shards.resource import accept, advance
from functions.tls import trust
from standin.account import CERTIFICATE
from standin.clock import Clock
from standin.harness import Standin

PASSWORD = "Str0ng-enough"
PIN = "736251"
PACE = Pace(request=30.0)
"""The pauses of the product, which last no real time here. The time-out of a request is the one real duration: long
enough for a busy machine."""


@pytest.fixture(autouse=True)
def no_jitter(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """The functions wait by the test's clock, the stand-in's too, and always for the same time."""
    # Without jitter a pause ends at the deadline or well before it, so that no request is left a fraction of a second.
    monkeypatch.setattr("functions.shards.client.random", SimpleNamespace(uniform=lambda _low, _high: 1.0))


def secret(**changed: str) -> str:
    keys = {
        "username": "admin",
        "password": PASSWORD,
        "cc": "1",
        "phone_number": "2025550123",
        "cert": CERTIFICATE,
    }
    return json.dumps({key: value for key, value in {**keys, **changed}.items() if value})


def confirmed_secret(**changed: str) -> str:
    """Return the secret with its certificate confirmed today."""
    return confirmed(secret(**changed), today())


class Fleet:
    """ECS as the stand-in's containers are: what the functions ask is answered from what runs."""

    def __init__(self, standin: Standin) -> None:
        self._standin = standin

    def describe_services(self, *, cluster: str, services: list[str]) -> Mapping[str, Any]:
        return {"services": [{"runningCount": self.running()}]}

    def running(self) -> int:
        nodes = self._standin.state()["nodes"]
        return sum(node["kind"] == "coreapp" and node["condition"] != "gone" for node in nodes)


class DeployFailed(Exception):
    """The stack's event text."""


@dataclass
class Stack:
    """A stack with the two custom resources around the coreapp service.

    It calls the handlers in CloudFormation's order: before, service, after. When something fails it updates back what
    had started, in the order that the test says.
    """

    standin: Standin
    clock: Clock
    declared: int
    spares: int = 1
    secret: str = field(default_factory=confirmed_secret, repr=False)
    status: str = "UPDATE_COMPLETE"
    timeline: list[str] = field(default_factory=list)
    poll_seconds: float = 30.0
    """Simulated seconds between two calls of `advance`."""
    sending: threading.Lock = field(default_factory=threading.Lock, repr=False)
    """Held by the traffic for each request, so that nothing is cut off when a test stops the stand-in."""
    on_poll: Callable[[str, int], None] = lambda place, number: None
    """Called before each call of `advance` with the place and how many there were; faults come in here."""
    on_observe: Callable[[], None] = lambda: None
    """Called whenever a session with the client is opened."""
    service_fails: bool = False
    fails_later: bool = False
    backwards: bool = False
    """Roll back in the reverse of the deploy's order."""

    def describe_stacks(self, *, StackName: str) -> Mapping[str, Any]:
        output = {"OutputKey": "ShardCount", "OutputValue": str(self.declared)}
        return {"Stacks": [{"StackStatus": self.status, "Outputs": [output]}]}

    @property
    def dependencies(self) -> Dependencies:
        return Dependencies(self.open_cluster, lambda: self, self.clock.now)

    def deadline(self) -> Deadline:
        return Deadline.after(90)

    def open_cluster(self, _properties: Mapping[str, Any]) -> Cluster:
        self.on_observe()
        account = read_account(self.secret)
        tls = trust(Path(self.standin.ca_file).read_text(), named_by="stand-in")
        service = Service(Fleet(self.standin), "cluster", "coreapp")
        return Cluster(Client(self.standin.url, account, tls, PACE), account, service)

    def event(self, kind: str, place: str, shards: int, old: int | None = None) -> dict[str, Any]:
        event: dict[str, Any] = {
            "RequestType": kind,
            "StackId": "arn:aws:cloudformation:us-east-1:123456789012:stack/wa-local-enterprise/1",
            "LogicalResourceId": f"Shards-{place}",
            "ResourceProperties": {"Place": place, "Shards": str(shards)},
        }
        if old is not None:
            event["OldResourceProperties"] = {"Place": place, "Shards": str(old)}
        return event

    def resource(self, place: str, shards: int, old: int) -> None:
        """Update one custom resource as the Provider framework does."""
        event = self.event("Update", place, shards, old)
        event |= json.loads(json.dumps(accept(event, self.dependencies)))
        for number in count():
            self.on_poll(place, number)
            if advance(event, self.dependencies)["IsComplete"]:
                break
            self.clock.advance(self.poll_seconds)
        self.timeline.append(f"{place}: {self.shards()} shards")

    def service(self, shards: int) -> None:
        self.standin.scale_coreapps(shards + self.spares)
        self.timeline.append(f"service: {shards + self.spares} coreapps")

    def deploy(self, shards: int) -> None:
        """Update the stack; on failure update back and raise the failure's text."""
        old, self.status = self.declared, "UPDATE_IN_PROGRESS"
        started: list[str] = []
        try:
            for step in ("before", "service", "after"):
                started.append(step)
                if step == "service":
                    if self.service_fails:
                        raise Failure("service coreapp: did not stabilise")
                    if shards != old:
                        self.service(shards)
                else:
                    self.resource(step, shards, old)
            if self.fails_later:
                raise Failure("a later resource failed")
            self.declared, self.status = shards, "UPDATE_COMPLETE"
        except Failure as failure:
            self.status = "UPDATE_ROLLBACK_IN_PROGRESS"
            for step in reversed(started) if self.backwards else started:
                if step == "service":
                    self.service(old)
                else:
                    self.resource(step, old, shards)
            self.status = "UPDATE_ROLLBACK_COMPLETE"
            raise DeployFailed(str(failure)) from None

    def reconcile(self) -> str:
        outcome: str = converge({"StackName": "wa-local-enterprise"}, self.dependencies)["Outcome"]
        return outcome

    def shards(self) -> int:
        return len(self.standin.state()["shards"])

    def check(self) -> None:
        """What must be true at the end: enough coreapps, one opinion on the number, every shard served."""
        assert Fleet(self.standin).running() >= self.shards()
        assert self.shards() == self.declared
        assert self.standin.state()["standing"] == "registered"
        self.standin.advance_until_served()


@contextmanager
def running(clock: Clock, shards: int = 1, spares: int = 1, **options: Any) -> Iterator[Stack]:
    """Start a stand-in whose fleet fits the number of shards, and the stack that declares it."""
    settings = {"clock": clock, "password": PASSWORD, "coreapps": shards + spares, "shards": shards, **options}
    with Standin(**settings) as standin:
        yield Stack(standin, clock, shards, spares)


@contextmanager
def traffic(stack: Stack) -> Iterator[Callable[[int], None]]:
    """Send messages all the while, again when one is not accepted, as an application does.

    Yields what waits until so many more messages are accepted. The first one is accepted before the test goes on, so
    that there is something to lose.
    """
    standin = stack.standin
    total = 0
    stop = threading.Event()
    headers = {"Authorization": f"Bearer {standin.login('admin', PASSWORD)}", "Content-Type": "application/json"}
    # One connection for all messages, and a new one when it has ended: to make one costs more than to send a message.
    connection = http.client.HTTPSConnection(
        standin.url.removeprefix("https://"), timeout=30, context=ssl.create_default_context(cafile=standin.ca_file)
    )

    def accepted(body: dict[str, Any]) -> bool:
        try:
            with stack.sending:
                connection.request("POST", "/v1/messages", json.dumps(body), headers)
                answer = connection.getresponse()
                answer.read()
                return answer.status == 201
        except (OSError, http.client.HTTPException):
            connection.close()
            return False

    def send() -> None:
        nonlocal total
        number = 0
        while not stop.is_set():
            number += 1
            body = {"to": f"1555{number:06d}", "type": "text", "text": {"body": str(number)}}
            while not stop.is_set() and not accepted(body):
                time.sleep(0.01)
            total = number
            time.sleep(0.01)

    thread = threading.Thread(target=send)

    def wait_for_more(messages: int) -> None:
        wanted = total + messages
        while total < wanted:
            assert thread.is_alive(), "the sender has ended"
            time.sleep(0.001)

    thread.start()
    try:
        wait_for_more(1)
        yield wait_for_more
    finally:
        stop.set()
        thread.join()
        connection.close()


@pytest.fixture
def stack(clock: Clock) -> Iterator[Stack]:
    with running(clock, shards=2) as made:
        yield made
