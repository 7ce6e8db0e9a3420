"""A stand-in for tests: started in a thread, driven over its control endpoint."""

import asyncio
import base64
import json
import ssl
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from standin.account import CERTIFICATE, FIRST_PASSWORD
from standin.errors import Json
from standin.options import Options
from standin.server import Server


class Standin:
    """A running stand-in.

    Args:
        port: The port on 127.0.0.1; 0 takes a free one. `stop` and `start` keep it.
        **options: The fields of `Options`, `ClusterOptions` and `AccountOptions` in one flat list.

    Attributes:
        url: Such as https://127.0.0.1:40123
        ca_file: The CA certificate to verify it with.
        certificate: The number's certificate that Set Shards takes, in base64.

    Raises:
        ValueError: An option that is unknown or not allowed.

    Example:
        >>> with Standin(coreapps=3, speed=600, password="Str0ng-enough") as standin:
        ...     token = standin.login("admin", "Str0ng-enough")
        ...     status, answer = standin.request("GET", "/v1/account/shards", token=token)
        >>> status, answer["account"]
        (200, {'shards': 1})

        Whoever waits for something that takes simulated time gives a clock that stands still, and moves it:

        >>> from standin.clock import Clock
        >>> with Standin(coreapps=3, shards=2, clock=Clock(speed=None)) as standin:
        ...     standin.kill("coreapp-1")
        ...     state = standin.advance_until_served(within_seconds=35)
        >>> state["shards"][0]["coreapp"]
        'coreapp-3'
    """

    url: str
    ca_file: Path
    _thread: threading.Thread
    _loop: asyncio.AbstractEventLoop
    _stop: asyncio.Event

    def __init__(self, *, port: int = 0, **options: Any) -> None:
        self._options = Options.of(**options)
        self._folder = tempfile.TemporaryDirectory(prefix="standin-")
        self._port = port
        self.certificate = self._options.account.certificate

    def __enter__(self) -> "Standin":
        try:
            self.start()
        except BaseException:
            self._folder.cleanup()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._folder.cleanup()

    def start(self) -> None:
        """Start it, after `stop` on the same port and with the state as it was."""
        ready = threading.Event()
        server = Server(self._options, Path(self._folder.name), self._port)
        self.url, self.ca_file, self._port = server.url, server.ca_file, server.port
        self._context = ssl.create_default_context(cafile=server.ca_file)
        self._failure: BaseException | None = None

        def run() -> None:
            async def main() -> None:
                self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
                await server.run(self._stop, ready.set)

            try:
                with server:
                    asyncio.run(main())
            except BaseException as failure:
                self._failure = failure
                ready.set()

        self._thread = threading.Thread(target=run, name=f"stand-in on {server.port}")
        self._thread.start()
        ready.wait()
        if self._failure:
            raise self._failure

    def stop(self) -> None:
        """Stop it: connections are refused until `start`. The state stays."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    # What any client can do.

    def request(
        self,
        method: str,
        path: str,
        body: Json | None = None,
        *,
        token: str | None = None,
        headers: dict[str, str] | None = None,
        timeout_seconds: float = 30.0,
    ) -> tuple[int, Json]:
        """Send one request and return the HTTP status and the JSON answer, whatever the status is."""
        request = urllib.request.Request(self.url + path, method=method, headers=headers or {})  # noqa: S310
        if token:
            request.add_header("Authorization", f"Bearer {token}")
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=timeout_seconds, context=self._context) as answer:  # noqa: S310
                return answer.status, json.loads(answer.read() or b"{}")
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read() or b"{}")

    def login(self, user: str = "admin", password: str = FIRST_PASSWORD, new_password: str | None = None) -> str:
        """Log in and return the token.

        Raises:
            ValueError: The login was refused; says why.
        """
        basic = base64.b64encode(f"{user}:{password}".encode()).decode()
        body = None if new_password is None else {"new_password": new_password}
        headers = {"Authorization": f"Basic {basic}"}
        status, answer = self.request("POST", "/v1/users/login", body, headers=headers)
        if status != 200:
            raise ValueError(f"login answered {status}: {answer['errors'][0]['details']}")
        token: str = answer["users"][0]["token"]
        return token

    # What only the stand-in can do.

    def command(self, name: str, **fields: Any) -> Any:
        """Send a control command of `standin.control.COMMANDS`.

        Raises:
            ValueError: The command was refused; says why.
        """
        status, answer = self.request("POST", f"/_standin/{name}", fields)
        if status != 200:
            raise ValueError(answer["error"])
        return answer["result"]

    def kill(self, node: str) -> None:
        """End a node at once."""
        self.command("kill", node=node)

    def pause(self, node: str) -> None:
        """Make a node stop answering; a coreapp paused before it is ready never becomes healthy."""
        self.command("pause", node=node)

    def resume(self, node: str) -> None:
        """Make a paused node answer again."""
        self.command("resume", node=node)

    def add(self, kind: str = "coreapp") -> str:
        """Start one more coreapp, master or web and return its name."""
        name: str = self.command("add", kind=kind)
        return name

    def scale_coreapps(self, count: int) -> None:
        """Start or stop coreapps until there are `count`, as the service that runs them would."""
        self.command("scale", kind="coreapp", count=count)

    def unavailable(self, seconds: float | None) -> None:
        """Make Set Shards answer 403 for so many simulated seconds; None is for ever, 0 ends it."""
        self.command("unavailable", seconds=seconds)

    def delay(self, seconds: float, path: str = "/v1/", method: str = "") -> None:
        """Make answers to paths that start so, and to this method, wait for so many real seconds; 0 ends it.

        The request is carried out at once; it is the answer that is late.
        """
        self.command("delay", seconds=seconds, path=path, method=method)

    def expire_tokens(self) -> None:
        """Make every token that was given expire now."""
        self.command("expire-tokens")

    def set_certificate(self, certificate: str = CERTIFICATE, *, days: float) -> None:
        """Make a certificate the number's own, valid for `days` simulated days; below 0 it has expired."""
        self.command("certificate", certificate=certificate, days=days)

    def set_registered(self, *, days_ago: float) -> None:
        """Move the number's registration."""
        self.command("registered", days_ago=days_ago)

    def advance(self, seconds: float) -> None:
        """Let so many simulated seconds pass at once."""
        self.command("clock", advance=seconds)

    def state(self) -> Json:
        """Return what the page shows: nodes, shards, standing, messages, events."""
        return self.request("GET", "/_standin/state")[1]

    def ledger(self) -> Json:
        """Return the counts accepted, sent, waiting, lost and doubled."""
        return self.request("GET", "/_standin/ledger")[1]

    def messages(self) -> list[Json]:
        """Return every message, once for each time that it was sent; one that waits has sent_at None."""
        rows: list[Json] = []
        while page := self.command("messages", after=rows[-1]["message"] if rows else 0):
            rows.extend(page)
        return rows

    def wait_until(self, reached: Callable[[Json], bool], *, within_seconds: float = 30.0) -> Json:
        """Ask for the state until `reached` says yes and return it.

        Args:
            reached: Gets the state.
            within_seconds: Real seconds.

        Raises:
            TimeoutError: It never said yes.
        """
        deadline = time.monotonic() + within_seconds
        while not reached(state := self.state()):
            if time.monotonic() > deadline:
                raise TimeoutError(f"not reached within {within_seconds} s: {state}")
            time.sleep(0.02)
        return state

    def advance_until(
        self, reached: Callable[[Json], bool], *, within_seconds: float = 600.0, step_seconds: float = 5.0
    ) -> Json:
        """Let simulated time pass, step by step, until `reached` says yes, and return the state.

        Args:
            reached: Gets the state.
            within_seconds: Simulated seconds.
            step_seconds: Simulated seconds between two looks. Default: a heartbeat (facts 1.2).

        Raises:
            TimeoutError: It never said yes.
        """
        passed = 0.0
        while not reached(state := self.state()):
            if passed >= within_seconds:
                raise TimeoutError(f"not reached within {within_seconds} simulated seconds: {state}")
            step = min(step_seconds, within_seconds - passed)
            self.advance(step)
            passed += step
        return state

    def advance_until_served(self, *, within_seconds: float = 600.0) -> Json:
        """Let simulated time pass until every shard is served, and return the state."""
        return self.advance_until(
            lambda state: all(shard["served"] for shard in state["shards"]), within_seconds=within_seconds
        )
