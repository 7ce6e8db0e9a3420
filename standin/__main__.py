"""`python -m standin`: run the stand-in in the foreground until Ctrl-C or SIGTERM."""

import argparse
import asyncio
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from standin.account import CERTIFICATE
from standin.options import Options
from standin.server import Server
from standin.service import NOTICE


def parser() -> argparse.ArgumentParser:
    """Return the command line. An option that is not given keeps the default of `Options`."""
    made = argparse.ArgumentParser("python -m standin", description=NOTICE, argument_default=argparse.SUPPRESS)
    add = made.add_argument
    add("--port", type=int, default=0, help="port on 127.0.0.1; 0, the default, takes a free one")
    add("--speed", type=float, metavar="N", help="simulated seconds per real second (1)")
    add("--state", type=Path, metavar="FILE", help="database file to continue; without it nothing is kept")
    add("--coreapps", type=int, metavar="N", help="coreapps at the start (3)")
    add("--masters", type=int, metavar="N", help="masters at the start (2); 0 is a single container")
    add("--webs", type=int, metavar="N", help="webapps at the start (1)")
    add("--shards", type=int, metavar="N", help="shards at the start (1)")
    add("--restart-seconds", type=_range, metavar="A,B", help="simulated restart after Set Shards (45,60)")
    add("--start-seconds", type=_range, metavar="A,B", help="simulated start of a new container (10,20)")
    add("--send-rate", type=float, metavar="N", help="messages/s that one coreapp sends (25)")
    add("--queue-limit", type=int, metavar="N", help="messages that one shard's queue holds (10000)")
    add("--seed", type=int, metavar="N", help="seed of every random choice (0)")
    add("--cc", help="country code of the number (1)")
    add("--phone-number", metavar="N", help="number without country code (2025550123)")
    add("--registered-days", type=_days, metavar="N", help='days since registration (30), or "never"')
    add("--certificate", metavar="BASE64", help=f"the number's certificate ({CERTIFICATE})")
    add("--certificate-days", type=float, metavar="N", help="days that it is still valid (365); below 0: expired")
    add("--pin", help="six digits; turns two-step verification on (off)")
    add("--api-key", metavar="KEY", help="API key of /v1/health, 12 to 128 characters (none)")
    add("--rate-limits", action="store_true", help="answer 429 beyond the documented rates (off)")
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the stand-in; return 0 when it was stopped, 2 when it could not start, with the reason on stderr."""
    values = vars(parser().parse_args(arguments))
    port = values.pop("port")
    try:
        options = Options.of(**values)
        with tempfile.TemporaryDirectory(prefix="standin-") as folder, Server(options, Path(folder), port) as server:
            asyncio.run(_run(server))
    except (ValueError, OSError) as error:
        print(f"python -m standin: {error}", file=sys.stderr)
        return 2
    return 0


async def _run(server: Server) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)

    def announce() -> None:
        print(NOTICE)
        print(f"Listening on {server.url} (live page: open it in a browser)")
        print(f"CA certificate for clients: {server.ca_file}", flush=True)

    await server.run(stop, announce)


def _range(text: str) -> tuple[float, float]:
    try:
        low, high = map(float, text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}: give the least and the most seconds, such as 45,60") from None
    return low, high


def _days(text: str) -> float | None:
    try:
        return None if text == "never" else float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}: give a number of days, or never") from None


if __name__ == "__main__":
    sys.exit(main())
