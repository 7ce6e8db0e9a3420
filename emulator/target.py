"""Start, find and stop the target's process.

A running target keeps a lock on its file. The lock goes with the process, so no stale process id is ever believed.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from .launch import CALLS_PATH, CAPACITY_PATH, FAULTS_PATH
from .workspace import ACCOUNT, REGION, Workspace

# These are bounds of waiting, not expectations: a target starts in about a second.
START_SECONDS = 60.0
STOP_SECONDS = 10.0
ANNOUNCE_SECONDS = 5.0
REQUEST_SECONDS = 20.0
POLL_SECONDS = 0.05
# The targets that this process started. It must ask for their exit status, or they stay as zombies when they end.
_children: list[subprocess.Popen[bytes]] = []


@dataclass(frozen=True)
class Target:
    """A running target.

    Attributes:
        pid: Its process id, which is its process group's too.
        port: Its port on 127.0.0.1.
    """

    pid: int
    port: int

    @property
    def endpoint(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def client(self, service: str) -> Any:
        """Return a boto3 client of `service` that asks this target."""
        return _client(self.endpoint, service)

    def fail_next(self, resource_type: str, logical_id: str = "", reason: str = "failed on purpose") -> None:
        """Make the next create or update of a resource fail.

        Args:
            resource_type: CloudFormation type, such as `AWS::ECS::Service`.
            logical_id: Part of the logical id. Default: any.
            reason: What the stack's events will say.

        Raises:
            urllib.error.HTTPError: The target refuses the fault.
        """
        fault = {"resource_type": resource_type, "logical_id": logical_id, "reason": reason}
        self._open(FAULTS_PATH, json.dumps(fault).encode()).close()

    def forget_faults(self) -> None:
        """Forget the faults that have not struck."""
        self._open(FAULTS_PATH, method="DELETE").close()

    def capacity(self) -> dict[str, Any]:
        """Return hosts, broken moments and history of the simulation, when all that was under way is done."""
        with self._open(CAPACITY_PATH) as answer:
            return json.load(answer)

    def set_capacity(self, **changes: float | str | None) -> dict[str, Any]:
        """Change time or order of the simulation, and return its state.

        Args:
            changes: `advance_days`, `seconds_per_day` or `rollback_order`; see `emulator.capacity.answer`.

        Raises:
            urllib.error.HTTPError: The target refuses the change.
        """
        with self._open(CAPACITY_PATH, json.dumps(changes).encode()) as answer:
            return json.load(answer)

    def forget_moments(self) -> None:
        """Forget the moments at which running tasks needed more hosts than served."""
        self._open(CAPACITY_PATH, method="DELETE").close()

    def judged_calls(self) -> list[dict[str, Any]]:
        """Return the calls of roles that IAM has judged: `role`, `action`, `resource` and whether it was `allowed`."""
        with self._open(CALLS_PATH) as answer:
            return list(json.load(answer))

    def answers(self) -> bool:
        """Tell whether it is ready for requests."""
        try:
            self._open("/_ministack/health").close()
        except OSError:
            return False
        return True

    def _open(self, path: str, body: bytes | None = None, method: str | None = None) -> Any:
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        request = urllib.request.Request(self.endpoint + path, body, method=method)  # noqa: S310 -- always http
        return direct.open(request, timeout=REQUEST_SECONDS)


@cache
def _client(endpoint: str, service: str) -> Any:
    """Make a client once: boto3 takes tens of milliseconds to read the model of a service."""
    import boto3  # imported late, so that `python -m emulator --help` stays quick
    from botocore.config import Config

    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id=ACCOUNT,
        aws_secret_access_key="local",  # noqa: S106 -- the target accepts every key
        config=Config(proxies={}, retries={"total_max_attempts": 1}),
    )


def find(workspace: Workspace) -> Target | None:
    """Return the target that runs in this workspace, ready or not, or None.

    A target locks its file first and then writes its process id and port into it, within milliseconds.

    Raises:
        SystemExit: A process holds the lock, but has written neither within 5 s.
    """
    deadline = time.monotonic() + ANNOUNCE_SECONDS
    while _locked(workspace.lock):
        try:
            return Target(**json.loads(workspace.lock.read_text()))
        except ValueError:  # the file is empty, or half of it is written
            if time.monotonic() >= deadline:
                raise SystemExit(
                    f"a process holds the lock {workspace.lock}, but has written neither its id nor its port there "
                    f"for {ANNOUNCE_SECONDS:g} s: find it with `fuser {workspace.lock}` and end it"
                ) from None
        time.sleep(POLL_SECONDS)
    return None


def start(workspace: Workspace, port: int = 0) -> Target:
    """Start a target, or return the one that runs.

    Args:
        workspace: Where its state goes.
        port: Port on 127.0.0.1. Default: any free one.

    Raises:
        SystemExit: It ends at once or is not ready within 60 s; the text holds the end of its log.
    """
    temporary = workspace.state / "tmp"
    if find(workspace) is None:
        shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True, exist_ok=True)
    process: subprocess.Popen[bytes] | None = None
    deadline = time.monotonic() + START_SECONDS
    try:
        while time.monotonic() < deadline:
            target = find(workspace)
            if target and target.answers():
                return target
            if target is None and process is None:
                process = _spawn(workspace, port)
            if process is not None and process.poll() is not None:
                break
            time.sleep(POLL_SECONDS)
    except KeyboardInterrupt:
        if process is not None:  # nobody would know of it
            process.kill()
        raise
    lines = workspace.log.read_text(errors="replace").splitlines()[-15:]
    raise SystemExit("\n".join(["the embedded target did not start; its log ends with:", *lines]))


def _spawn(workspace: Workspace, port: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "emulator", "--state", str(workspace.state), "serve", "--port", str(port)]
    with workspace.log.open("wb") as log:
        child = subprocess.Popen(
            command,
            cwd=Path(__file__).parents[1],
            env=workspace.target_environment(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            # In a session of its own, Ctrl-C in the terminal does not reach it, and stop() ends its functions with it.
            start_new_session=True,
        )
    _children.append(child)
    return child


def stop(workspace: Workspace) -> bool:
    """Stop the target and its Lambda functions, at most 10 s gently; return whether one ran."""
    target = find(workspace)
    if target is None:
        return False
    for number, seconds in ((signal.SIGTERM, STOP_SECONDS), (signal.SIGKILL, STOP_SECONDS)):
        with suppress(ProcessLookupError):  # it has ended in the meantime
            os.killpg(target.pid, number)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if not _locked(workspace.lock):
                workspace.lock.unlink(missing_ok=True)
                return True
            time.sleep(POLL_SECONDS)
    raise SystemExit(f"process {target.pid} of the embedded target does not end")


def _locked(path: Path) -> bool:
    """Tell whether a living process holds the lock."""
    for child in _children:
        child.poll()
    try:
        with path.open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False
