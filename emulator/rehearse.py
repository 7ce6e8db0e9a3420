"""A rehearsal of resizes: the stand-in of the client, the embedded target, real deploys, and traffic all the while.

Nothing here is a mock of the product: the CDK CLI deploys the stacks, CloudFormation's custom resources run the
functions, and those call the stand-in over HTTPS. The one thing added is what an account has and the target has not:
coreapps that really start and stop when their ECS service grows and shrinks (`_follow`).
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from functions.contract import SHARD_COUNTS
from functions.shards.account import confirmed
from standin import Standin

from . import life, report, target
from .screen import screen
from .workspace import Workspace

RATE_PER_SECOND = 5.0
RETRY_SECONDS = 0.1
POLL_SECONDS = 0.5
CA_PARAMETER = "/wa-local/client-ca"
SECRET = "wa-local/client-account"  # noqa: S105 - its name
PASSWORD = "Rehearsal-1"  # noqa: S105 - of a stand-in that ends with this process
STACK = "wa-local-enterprise"


@dataclass
class Timeline:
    """What happened when, in real seconds since the rehearsal began."""

    started: float = field(default_factory=time.monotonic)
    rows: list[tuple[float, str]] = field(default_factory=list)

    def add(self, text: str) -> None:
        """Note something that happened now, and show it."""
        self.rows.append((time.monotonic() - self.started, text))
        screen.say(f"{self.rows[-1][0]:7.1f} s  {text}")


@dataclass(frozen=True, kw_only=True)
class Stage:
    """Stand-in and target, with coreapps that follow the service, and with messages on their way.

    Attributes:
        workspace: The CDK project and a state folder of its own.
        standin: The stand-in of the client.
        running: The embedded target.
        timeline: What has happened so far.
        waits: For each message, how long it waited for being accepted, in real seconds.
    """

    workspace: Workspace
    standin: Standin
    running: target.Target
    timeline: Timeline
    waits: list[float]

    def deploy(self, size: int) -> None:
        """Change the size by a plain `cdk deploy`.

        Raises:
            cdk.CdkError: It failed; CloudFormation has rolled back.
        """
        command = f"cdk deploy --all -c active_coreapps={size}"
        self.timeline.add(command)
        settings = {
            "manage_shards": "true",
            "shards_endpoint": self.standin.url,
            "shards_ca_parameter": CA_PARAMETER,
            "active_coreapps": str(size),
        }
        with screen.step(command, lines=False):
            life.up(self.workspace, [f"{key}={value}" for key, value in settings.items()])
        self.timeline.add(f"deployed: {shards_of(self.standin)} shards are set, {size} are declared")

    def settle(self) -> dict[str, int]:
        """Wait until no message is on its way, and return the stand-in's counts: accepted, sent, lost, doubled."""
        self.standin.wait_until(lambda state: state["messages"]["waiting"] == 0, within_seconds=120)
        return self.standin.ledger()


@contextmanager
def stage(workspace: Workspace, coreapps: int, speed: float) -> Iterator[Stage]:
    """Start everything, without a deploy, and stop it at the end; traffic ends with the block.

    Args:
        workspace: The CDK project and a state folder of its own.
        coreapps: Running before the first deploy.
        speed: Simulated seconds per real second of the stand-in; at 20 a restart of all coreapps, 45 to 60 s (M-22),
            takes about three.
    """
    timeline = Timeline()
    with Standin(coreapps=coreapps, speed=speed, password=PASSWORD) as standin:
        screen.say(f"Stand-in of the client: {standin.url} (a page shows it live)\n")
        target.stop(workspace)  # of a rehearsal that was interrupted
        running = target.start(workspace)
        try:
            _prepare(running, standin)
            with _follow(running, standin, timeline), _traffic(standin) as waits:
                yield Stage(workspace=workspace, standin=standin, running=running, timeline=timeline, waits=waits)
        finally:
            target.stop(workspace)


def rehearse(workspace: Workspace, sizes: Sequence[int], speed: float) -> bool:
    """Walk through the sizes with plain deploys while messages flow; the time line is shown as it grows.

    Args:
        workspace: The CDK project and a state folder of its own.
        sizes: Active coreapps to start with and to go to, in order.
        speed: As for `stage`.

    Returns:
        Whether no message was lost or doubled.

    Raises:
        cdk.CdkError: A deploy failed.
        SystemExit: A size that is none.
    """
    if unknown := [size for size in sizes if size not in SHARD_COUNTS]:
        raise SystemExit(f"sizes: got {unknown}; allowed: {', '.join(map(str, SHARD_COUNTS))}")
    with stage(workspace, sizes[0] + 1, speed) as scene:
        for size in sizes:
            scene.deploy(size)
        ledger = scene.settle()
    _tell(ledger, scene.waits)
    return ledger["lost"] == ledger["doubled"] == 0


def _prepare(running: target.Target, standin: Standin) -> None:
    """Do what an operator does once before `manage_shards`: store the authority, and the account's certificate."""
    authority = Path(standin.ca_file).read_text(encoding="ascii")
    running.client("ssm").put_parameter(Name=CA_PARAMETER, Value=authority, Type="String", Overwrite=True)
    account = {
        "username": "admin",
        "password": PASSWORD,
        "cc": "1",
        "phone_number": "2025550123",
        "cert": standin.certificate,
    }
    running.client("secretsmanager").create_secret(
        Name=SECRET, SecretString=confirmed(json.dumps(account), datetime.now(UTC).date())
    )


@contextmanager
def _follow(running: target.Target, standin: Standin, timeline: Timeline) -> Iterator[None]:
    """Start and stop coreapps as the ECS service does, and note each change of service and shards."""

    def look() -> None:
        nonlocal coreapps, shards
        # Asked in this order and noted in the other, the two are in the order in which they happened, however late
        # this looks: shards that were lowered before the service shrank are seen, and nothing raises them before the
        # coreapps of a grown service are there.
        wanted, now = running_coreapps(running), shards_of(standin)
        if now != shards:
            timeline.add(f"shards {shards} -> {now}")
            shards = now
        if wanted is not None and wanted != coreapps:
            standin.scale_coreapps(wanted)
            timeline.add(f"the service runs {wanted} coreapps")
            coreapps = wanted

    coreapps, shards = None, shards_of(standin)
    with _every(POLL_SECONDS, look):
        yield


@contextmanager
def _traffic(standin: Standin) -> Iterator[list[float]]:
    """Send messages one after the other; yield how long each one waited for being accepted, in real seconds."""
    waits: list[float] = []
    numbers = count(1)
    token = standin.login("admin", PASSWORD)

    def send() -> None:
        body = {"to": f"1202556{next(numbers):04d}", "type": "text", "text": {"body": "rehearsal"}}
        began = time.monotonic()
        # Refused while its shard has no owner (1011, 1018): a caller tries again.
        while standin.request("POST", "/v1/messages", body, token=token)[0] not in (200, 201):
            time.sleep(RETRY_SECONDS)
        waits.append(time.monotonic() - began)

    with _every(1 / RATE_PER_SECOND, send):
        yield waits


@contextmanager
def _every(seconds: float, work: Callable[[], None]) -> Iterator[None]:
    """Repeat work in a thread until the block ends; what it raises is raised here."""
    end, problems = threading.Event(), list[BaseException]()

    def run() -> None:
        try:
            while not end.wait(seconds):
                work()
        except BaseException as problem:
            problems.append(problem)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join()
    if problems:
        raise problems[0]


def running_coreapps(running: target.Target) -> int | None:
    """Return how many coreapps the ECS service runs; None before it is there."""
    outputs = next((stack.outputs for stack in report.stacks(running) if stack.name == STACK), {})
    if "CoreappService" not in outputs:
        return None
    services = running.client("ecs").describe_services(
        cluster=outputs["ClusterName"], services=[outputs["CoreappService"]]
    )["services"]
    return services[0]["runningCount"] if services else None


def shards_of(standin: Standin) -> int:
    """Return the number of shards that is set."""
    return len(standin.state()["shards"])


def _tell(ledger: dict[str, int], waits: list[float]) -> None:
    slow = sorted(waits)
    screen.say(
        f"\n{ledger['accepted']} messages accepted, {ledger['sent']} sent; the longest wait for being accepted was "
        f"{slow[-1]:.1f} s, the median {slow[len(slow) // 2] * 1000:.0f} ms (real time)"
    )
    screen.say(f"lost {ledger['lost']}, doubled {ledger['doubled']}")
