"""The HTTPS server on loopback: sockets, certificates, the ticking cluster."""

import asyncio
import socket
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

from hypercorn.asyncio import serve
from hypercorn.config import Config

from standin.api import Api
from standin.options import Options
from standin.service import Service
from standin.store import Store
from standin.tls import write_certificates

HOST = "127.0.0.1"
TICK_SECONDS = 0.05
"""Real seconds between two looks at the cluster when nobody asks it anything."""


class Server:
    """One run of the stand-in over a folder of state.

    Args:
        options: How to run it.
        folder: Where the certificates go, and the database file unless the options name one.
        port: The port on 127.0.0.1; 0 takes a free one.

    Raises:
        ValueError: There is no such port, or it is taken.
        OSError: The certificates cannot be written.
    """

    def __init__(self, options: Options, folder: Path, port: int = 0) -> None:
        self._options = options
        state = options.state or folder / "standin.sqlite3"
        self.ca_file = state.with_suffix(".ca.pem")
        self._server_file = state.with_suffix(".server.pem")
        with ExitStack() as opened:
            self._socket = opened.enter_context(_listen(port))
            # Before the certificates: nothing is written beside a file that is no database of a stand-in.
            self._store = opened.enter_context(closing(Store(state)))
            if not (self.ca_file.exists() and self._server_file.exists()):
                write_certificates(self.ca_file, self._server_file)
            self._opened = opened.pop_all()
        self.port: int = self._socket.getsockname()[1]
        self.url = f"https://{HOST}:{self.port}"

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    async def run(self, stop: asyncio.Event, ready: Callable[[], None]) -> None:
        """Serve until `stop` is set; `ready` is called once requests are answered."""
        service = Service(self._options, self._store)
        config = Config()
        config.bind = [f"fd://{self._socket.detach()}"]
        config.certfile = config.keyfile = str(self._server_file)
        config.loglevel = "WARNING"
        config.graceful_timeout = 0.2
        # A load test's kept connections must not end after hypercorn's 1000 requests or 5 idle seconds.
        config.keep_alive_max_requests = 1_000_000_000
        config.keep_alive_timeout = 75
        app = Api(service, rate_limits=self._options.rate_limits).application()
        asyncio.get_running_loop().set_exception_handler(_log_unless_closing)
        ticking = asyncio.create_task(_tick(service))
        ready()
        await serve(app, config, shutdown_trigger=stop.wait)  # type: ignore[arg-type]
        ticking.cancel()
        service.tick()


def _log_unless_closing(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Leave out what Python 3.11 logs as an error of a connection that is cut when the server stops, or by a client."""
    if not isinstance(context.get("exception"), asyncio.CancelledError | TimeoutError):
        loop.default_exception_handler(context)


def _listen(port: int) -> socket.socket:
    if not 0 <= port <= 65535:
        raise ValueError(f"port={port}: give 0 to 65535; 0 takes a free one")
    try:
        return socket.create_server((HOST, port), backlog=1024)
    except OSError as error:
        raise ValueError(f"port={port}: {error.strerror}; 0 takes a free one") from error


async def _tick(service: Service) -> None:
    while True:
        service.tick()
        await asyncio.sleep(TICK_SECONDS)
