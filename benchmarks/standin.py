"""Can the stand-in carry 500 messages/s at 32 shards on 2 cores without a growing backlog?

    python benchmarks/standin.py [--rate 500] [--seconds 20] [--shards 32]

Starts the real program (`python -m standin`) in real time and sends to it over HTTPS at a steady rate, whether or not
answers come (an open loop): what cannot be carried shows as a backlog. The floor is the same server answering `GET /`
at the same rate over the same connections in the same run. Exits 1 when the goal is missed.
"""

import argparse
import asyncio
import json
import os
import re
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from base64 import b64encode
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parents[1]
CONNECTIONS = 32
PASSWORD = "Str0ng-enough"  # noqa: S105 - of a stand-in that ends with this program


class Connection:
    """One kept HTTP/1.1 connection; one request at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """Send a request and return the status and the body of the answer."""
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = int(re.search(rb"content-length: (\d+)", head, re.IGNORECASE)[1])  # type: ignore[index]
        return int(head[9:12]), await self._reader.readexactly(length)

    async def close(self) -> None:
        """Close it."""
        self._writer.close()
        await self._writer.wait_closed()


@dataclass
class Load:
    """What one load did, second by second."""

    latencies: list[float] = field(default_factory=list)
    answered: list[int] = field(default_factory=list)
    unanswered: list[int] = field(default_factory=list)
    waiting: list[int] = field(default_factory=list)
    refused: int = 0


def request(method: str, path: str, body: object = None, authorization: str = "") -> bytes:
    """Write an HTTP/1.1 request."""
    content = b"" if body is None else json.dumps(body).encode()
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(content)}"]
    if authorization:
        lines.append(f"Authorization: {authorization}")
    return "\r\n".join([*lines, "", ""]).encode() + content


async def run(
    load: Load, connections: list[Connection], watcher: Connection, requests: list[bytes], rate: float
) -> None:
    """Send the requests at a steady rate, each over a free connection; its latency counts from its due time."""
    free = deque(connections)
    due: deque[tuple[float, bytes]] = deque()
    running: set[asyncio.Task[None]] = set()
    answered = 0

    async def serve(connection: Connection) -> None:
        nonlocal answered
        while due:
            at, message = due.popleft()
            status, _ = await connection.ask(message)
            load.latencies.append(time.perf_counter() - at)
            load.refused += status >= 400
            answered += 1
        free.append(connection)

    started = time.perf_counter()
    for number, message in enumerate(requests, 1):
        at = started + number / rate
        if (pause := at - time.perf_counter()) > 0:
            await asyncio.sleep(pause)
        due.append((at, message))
        if free:
            task = asyncio.create_task(serve(free.popleft()))
            running.add(task)
            task.add_done_callback(running.discard)
        if number % rate == 0:
            state = json.loads((await watcher.ask(request("GET", "/_standin/state")))[1])
            load.answered.append(answered - sum(load.answered))
            load.unanswered.append(number - answered)
            load.waiting.append(state["messages"]["waiting"])
    while running:
        await asyncio.wait(running)


async def measure(url: str, ca_file: str, rate: int, seconds: int) -> tuple[Load, Load, dict[str, int]]:
    """Return the load of `GET /`, the load of messages and the ledger afterwards."""
    context = ssl.create_default_context(cafile=ca_file)
    port = int(url.rpartition(":")[2])

    async def connect() -> Connection:
        return Connection(*await asyncio.open_connection("127.0.0.1", port, ssl=context))

    watcher = await connect()
    basic = "Basic " + b64encode(b"admin:secret").decode()
    login = await watcher.ask(request("POST", "/v1/users/login", {"new_password": PASSWORD}, basic))
    bearer = "Bearer " + json.loads(login[1])["users"][0]["token"]
    connections = [await connect() for _ in range(CONNECTIONS)]
    floor, messages = Load(), Load()
    await run(floor, connections, watcher, [request("GET", "/")] * (rate * 5), rate)
    texts = [
        request("POST", "/v1/messages", {"to": str(15550000000 + n), "text": {"body": f"hello {n}"}}, bearer)
        for n in range(rate * seconds)
    ]
    await run(messages, connections, watcher, texts, rate)
    ledger: dict[str, int] = {"waiting": 1}
    while ledger["waiting"]:
        ledger = json.loads((await watcher.ask(request("GET", "/_standin/ledger")))[1])
    for connection in [watcher, *connections]:
        await connection.close()
    return floor, messages, ledger


def main() -> int:
    """Run the benchmark and print it; return 0 when the goal is met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=int, default=500, help="messages/s (500)")
    parser.add_argument("--seconds", type=int, default=20, help="seconds of messages (20)")
    parser.add_argument("--shards", type=int, default=32, help="shards, with one coreapp more (32)")
    options = parser.parse_args()

    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "standin", "--state", f"{folder}/state.sqlite3"]
        command += ["--shards", str(options.shards), "--coreapps", str(options.shards + 1)]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout
            try:
                server.stdout.readline()
                url = server.stdout.readline().split()[2]
                ca_file = server.stdout.readline().partition(": ")[2].strip()
                busy, started = busy_seconds(), time.perf_counter()
                own = cpu_seconds(server.pid) + time.process_time()
                floor, messages, ledger = asyncio.run(measure(url, ca_file, options.rate, options.seconds))
                cpu = cpu_seconds(server.pid)
                others = busy_seconds() - busy - (cpu + time.process_time() - own)
                others /= (time.perf_counter() - started) * (os.cpu_count() or 1)
            finally:
                server.terminate()
    return report(options, floor, messages, ledger, cpu, others)


def cpu_seconds(pid: int) -> float:
    """Return the CPU seconds that a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def busy_seconds() -> float:
    """Return the CPU seconds that all programs of this machine have used so far."""
    user, nice, system = Path("/proc/stat").read_text(encoding="ascii").split()[1:4]
    return (int(user) + int(nice) + int(system)) / os.sysconf("SC_CLK_TCK")


def report(
    options: argparse.Namespace, floor: Load, load: Load, ledger: dict[str, int], cpu: float, others: float
) -> int:
    """Print the tables and return the exit status."""
    console = Console(width=100)
    table = Table(title=f"{options.rate} messages/s to {options.shards} shards, {os.cpu_count()} cores, real time")
    for name in ("second", "answered", "not yet answered", "waiting in the coreapps", "backlog"):
        table.add_column(name, justify="right")
    backlog = [a + b for a, b in zip(load.unanswered, load.waiting, strict=True)]
    rows = zip(load.answered, load.unanswered, load.waiting, backlog, strict=True)
    for second, row in enumerate(rows, 1):
        table.add_row(str(second), *map(str, row))
    console.print(table)

    table = Table(title="latency from the due time, ms")
    for name in ("", "median", "99 %", "most", "refused"):
        table.add_column(name, justify="right")
    for name, one in (("GET / (floor)", floor), ("POST /v1/messages", load)):
        cuts = statistics.quantiles(one.latencies, n=100)
        figures = (cuts[49], cuts[98], max(one.latencies))
        table.add_row(name, *(f"{figure * 1000:.1f}" for figure in figures), str(one.refused))
    console.print(table)

    # A backlog that does not grow: the last third holds no more than the first one and a second's worth.
    third = len(backlog) // 3
    growth = statistics.mean(backlog[-third:]) - statistics.mean(backlog[:third])
    reached = sum(load.answered) / options.seconds
    clean = load.refused == ledger["lost"] == ledger["doubled"] == 0
    met = growth < options.rate and reached >= 0.99 * options.rate and clean
    console.print(f"reached {reached:.0f} messages/s; backlog grew by {growth:.0f}; server CPU {cpu:.1f} s")
    console.print(f"other programs used {max(0.0, others):.0%} of the machine meanwhile")
    console.print(f"accepted {ledger['accepted']}, lost {ledger['lost']}, doubled {ledger['doubled']}")
    console.print("goal met" if met else "goal missed")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
