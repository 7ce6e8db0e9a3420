"""The target's own process: MiniStack on the loopback interface, with the types of `emulator.handlers`."""

from __future__ import annotations

import asyncio
import fcntl
import importlib.metadata
import json
import os
import signal
import socket
import sys
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from .asgi import Application, answer, read
from .workspace import ACCOUNT, REGION

if TYPE_CHECKING:
    from .faults import Faults
    from .iam.enforce import Journal

# The files `internals.py` of emulator/ use private names of this version.
MINISTACK = "1.5.33"
FAULTS_PATH = "/_emulator/faults"
CAPACITY_PATH = "/_emulator/capacity"
CALLS_PATH = "/_emulator/calls"


def check_version(found: str) -> None:
    """Refuse any MiniStack but the one that the handlers were written for.

    Raises:
        SystemExit: `found` is another version.
    """
    if found != MINISTACK:
        raise SystemExit(
            f"MiniStack {found} is installed, but emulator/ was written for {MINISTACK}: "
            f"run `pip install ministack=={MINISTACK}`"
        )


def serve(lock: Path, port: int = 0) -> None:
    """Serve until SIGTERM.

    Args:
        lock: File to keep locked while this process lives; it gets the process id and the port as JSON.
        port: Port on 127.0.0.1. Default: any free one.

    Raises:
        SystemExit: Another process holds the lock or the port, or MiniStack has another version.
        KeyboardInterrupt: SIGINT ended it.
    """
    check_version(importlib.metadata.version("ministack"))
    with lock.open("a+") as held, _listen(port) as listener:
        _hold(held)
        port = listener.getsockname()[1]
        json.dump({"pid": os.getpid(), "port": port}, held)
        held.flush()
        _set_up(port)
        if asyncio.run(_run(listener)) == signal.SIGINT:
            raise KeyboardInterrupt


def _listen(port: int) -> socket.socket:
    try:
        return socket.create_server(("127.0.0.1", port))
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else error
        raise SystemExit(f"Cannot listen on port {port} of 127.0.0.1 ({why}): name another one by --port.") from None


def _hold(lock: IO[str], patience: float = 2.0) -> None:
    """Lock and empty the file.

    A process that looks for a target locks the file briefly, so this tries for `patience` seconds.
    """
    deadline = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise SystemExit(f"another target runs already: {lock.name} is locked") from None
            time.sleep(0.05)
        else:
            lock.truncate(0)
            return


def _set_up(port: int) -> None:
    """Set the variables that MiniStack reads when it is imported."""
    os.environ.update(
        GATEWAY_PORT=str(port),
        MINISTACK_HOST="127.0.0.1",
        MINISTACK_ACCOUNT_ID=ACCOUNT,
        MINISTACK_REGION=REGION,
        LOG_LEVEL="WARNING",
        LAMBDA_EXECUTOR="local",
        # Signatures are checked, sessions belong to roles, and each Lambda function gets credentials of its own role.
        AUTH="true",
        # By default, MiniStack opens ports on all interfaces: 8883 for IoT and 22 for Transfer.
        BIND_HOST="127.0.0.1",
        IOT_MTLS_ENABLED="0",
        SFTP_ENABLED="0",
    )
    # MiniStack starts containers if the package `docker` can be imported; this makes the import fail.
    sys.modules["docker"] = None  # type: ignore[assignment]


async def _run(listener: socket.socket) -> int:
    """Serve until a signal comes, and return its number."""
    # First of all: an interrupted import would end in a traceback.
    stop = asyncio.Event()
    received = list[int]()

    def end(number: int) -> None:
        received.append(number)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, end, number)
    from hypercorn.asyncio import serve as serve_asgi
    from hypercorn.config import Config
    from ministack.app import app

    from . import capacity, handlers, rules
    from .faults import Faults
    from .iam import enforce

    enforce.judge_stacks()
    handlers.register()
    capacity.register()
    rules.register()
    enforce.judge_services()
    journal = enforce.Journal()
    faults = Faults()
    faults.install()
    host, port = listener.getsockname()
    print(f"The embedded target listens on http://{host}:{port}; Ctrl-C ends it.", flush=True)
    config = Config()
    config.bind = [f"fd://{listener.detach()}"]
    config.keep_alive_timeout = 75
    config.loglevel = "WARNING"
    await serve_asgi(routed(enforce.judged(app, journal), faults, journal), config, shutdown_trigger=stop.wait)  # pyright: ignore[reportArgumentType]
    return received[0]


def routed(app: Application, faults: Faults, journal: Journal) -> Application:
    """Return an ASGI application that answers on the target's own addresses and hands other requests to MiniStack.

    On `FAULTS_PATH`, GET lists the faults that wait, POST adds one, and DELETE forgets them all. On `CAPACITY_PATH`,
    GET tells the state of hosts and tasks, POST changes their time, and DELETE forgets the broken moments. On
    `CALLS_PATH`, GET lists the calls of roles that IAM has judged.
    """

    async def outer(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["path"] == FAULTS_PATH:
            await _answer(send, *_control(faults, scope["method"], await read(receive)))
        elif scope["type"] == "http" and scope["path"] == CAPACITY_PATH:
            await _answer(send, *_capacity(scope["method"], await read(receive)))
        elif scope["type"] == "http" and scope["path"] == CALLS_PATH:
            await _answer(send, 200, journal.calls())
        else:
            await app(scope, receive, send)

    return outer


def _control(faults: Faults, method: str, body: bytes) -> tuple[int, Any]:
    from .faults import Fault

    match method:
        case "GET":
            return 200, faults.waiting()
        case "DELETE":
            faults.clear()
            return 200, []
        case "POST":
            try:
                faults.add(Fault.parse(json.loads(body)))
            except ValueError as problem:  # JSONDecodeError is one, too
                return 400, {"message": str(problem)}
            return 201, faults.waiting()
        case _:
            return 405, {"message": f"{method} is not allowed; GET, POST and DELETE are"}


def _capacity(method: str, body: bytes) -> tuple[int, Any]:
    from . import capacity

    try:
        document = json.loads(body or b"null")
    except ValueError as problem:
        return 400, {"message": str(problem)}
    return capacity.answer(method, document)


async def _answer(send: Any, status: int, document: Any) -> None:
    await answer(send, status, {"content-type": "application/json"}, json.dumps(document).encode())
