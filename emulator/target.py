"""Start, find and stop the target's process. Whoever holds the lock on its file lives: no stale process ids."""

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
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .launch import FAULTS_PATH
from .workspace import ACCOUNT, REGION, Workspace

START_SECONDS = 30.0
STOP_SECONDS = 10.0
# What this process started: kept, so that it can be reaped when it ends.
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
        import boto3  # here, so that `python -m emulator --help` stays quick
        from botocore.config import Config

        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id=ACCOUNT,
            aws_secret_access_key="local",  # noqa: S106 -- the target takes any
            config=Config(proxies={}, retries={"total_max_attempts": 1}),
        )

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

    def answers(self) -> bool:
        """Tell whether it is ready for requests."""
        try:
            self._open("/_ministack/health").close()
        except OSError:
            return False
        return True

    def _open(self, path: str, body: bytes | None = None, method: str | None = None) -> Any:
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        return direct.open(urllib.request.Request(self.endpoint + path, body, method=method), timeout=5)  # noqa: S310 -- http


def find(workspace: Workspace) -> Target | None:
    """Return the target that runs in this workspace, ready or not, or None."""
    if not _locked(workspace.lock):
        return None
    try:
        return Target(**json.loads(workspace.lock.read_text()))
    except ValueError:  # it starts this very moment and has not written its port yet
        time.sleep(0.5)
        return find(workspace)


def start(workspace: Workspace, port: int = 0) -> Target:
    """Start a target, or return the one that runs.

    Args:
        workspace: Where its state goes.
        port: Port on 127.0.0.1. Default: any free one.

    Raises:
        SystemExit: It ends at once or is not ready within 30 s; the text holds the end of its log.
    """
    shutil.rmtree(workspace.state / "tmp", ignore_errors=True) if find(workspace) is None else None
    (workspace.state / "tmp").mkdir(parents=True, exist_ok=True)
    process: subprocess.Popen[bytes] | None = None
    deadline = time.monotonic() + START_SECONDS
    try:
        while time.monotonic() < deadline:
            if (target := find(workspace)) and target.answers():
                return target
            if target is None and process is None:
                process = _spawn(workspace, port)
            if process is not None and process.poll() is not None:
                break
            time.sleep(0.1)
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
            # Its own session: Ctrl-C in the terminal must not end it, and stop() can end its Lambda functions too.
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
        os.killpg(target.pid, number)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if not _locked(workspace.lock):
                workspace.lock.unlink(missing_ok=True)
                return True
            time.sleep(0.05)
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
