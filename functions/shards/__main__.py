"""`python -m functions.shards`: read and set the number of shards by hand, with the guards of a deploy."""

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import TextIO

from functions.aws import ecs, error_code, error_operation, secrets_manager
from functions.contract import SHARD_COUNTS
from functions.deadline import Deadline
from functions.errors import Failure, Refusal
from functions.shards.account import CERTIFICATE_MAX_AGE_DAYS, confirmed, read_account, today
from functions.shards.client import Client, Pace, Unavailable
from functions.shards.cluster import Cluster, Observation, Service
from functions.tls import trust

DOWNTIME_SECONDS = (45, 60)
"""Set Shards stops and restarts every coreapp (M-22)."""

LIMIT_SECONDS = 600.0
"""How long `set` waits for full service: ten restarts."""

BAR_LETTERS = 30


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    made = argparse.ArgumentParser("python -m functions.shards", description="Read and set the number of shards.")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--verbose", action="store_true", help="show the log lines on standard error")
    secret = common.add_mutually_exclusive_group(required=True)
    secret.add_argument("--secret", metavar="ARN", help="the account's secret in Secrets Manager")
    secret.add_argument("--secret-file", type=Path, metavar="FILE", help="the same as a JSON file, to rehearse")
    cluster = argparse.ArgumentParser(add_help=False, parents=[common])
    cluster.add_argument("--url", required=True, help="the webapp, https://<host>[:<port>]")
    cluster.add_argument("--ca-file", type=Path, metavar="FILE", help="PEM bundle that certifies it (the public ones)")
    cluster.add_argument("--ecs-cluster", metavar="NAME", help="ECS cluster of the coreapps, to count what runs (M-21)")
    cluster.add_argument("--ecs-service", metavar="NAME", help="ECS service of the coreapps")
    cluster.add_argument(
        "--certificate-max-age-days",
        type=int,
        default=CERTIFICATE_MAX_AGE_DAYS,
        metavar="N",
        help="how old the confirmation of the certificate may be (%(default)s)",
    )
    commands = made.add_subparsers(dest="command", required=True)
    commands.add_parser("get", parents=[cluster], help="show the shards and what they lack")
    plan = commands.add_parser("plan", parents=[cluster], help="show the steps to a number, and what forbids them")
    plan.add_argument("--to", type=int, required=True, choices=SHARD_COUNTS, metavar="N", help="the number wanted")
    set_ = commands.add_parser(
        "set",
        parents=[cluster],
        help="set the number of shards",
        epilog="A stack with manage_shards on brings its declared number back: to keep another one, deploy it.",
    )
    set_.add_argument("shards", type=int, choices=SHARD_COUNTS, metavar="N", help="1, 2, 4, 8, 16 or 32")
    set_.add_argument("--dry-run", action="store_true", help="check everything, send nothing")
    set_.add_argument(
        "--again", action="store_true", help="send it although it is set: after a wrong certificate (M-11)"
    )
    commands.add_parser("confirm", parents=[common], help="confirm the secret's certificate as the current one")
    return made


def main(arguments: Sequence[str] | None = None, out: TextIO | None = None, pace: Pace | None = None) -> int:
    """Run one command.

    Args:
        arguments: The command line; default the program's.
        out: Where the answer goes; default standard output.
        pace: Time-outs and pauses towards the client.

    Returns:
        0 when it is done, 1 when it was refused or failed, with the reason on standard error. A bad command line ends
        the program with 2.
    """
    given = parser().parse_args(arguments)
    answer = out or sys.stdout
    try:
        # In Lambda the log goes to standard output; here that is for the answer.
        with Path(os.devnull).open("w") as nowhere, redirect_stdout(sys.stderr if given.verbose else nowhere):
            return _confirm(given, answer) if given.command == "confirm" else _on_cluster(given, answer, pace)
    except Failure as failure:
        print(failure, file=sys.stderr)
    except OSError as error:
        print(f"{error.filename or 'network'}: {error.strerror or type(error).__name__}", file=sys.stderr)
    except Exception as error:
        if not (code := error_code(error)):
            raise
        print(f"AWS answered {code} to {error_operation(error)}.", file=sys.stderr)
    return 1


def _on_cluster(given: argparse.Namespace, out: TextIO, pace: Pace | None) -> int:
    account = read_account(_read_secret(given))
    tls = trust(given.ca_file.read_text() if given.ca_file else None, named_by=f"File {given.ca_file}")
    service = None
    if given.ecs_service:
        service = Service(ecs(), given.ecs_cluster or "default", given.ecs_service)
    cluster = Cluster(Client(given.url, account, tls, pace), account, service, given.certificate_max_age_days)
    seen = cluster.observe(Deadline.after(30))
    if given.command == "get":
        print(_describe(seen), file=out)
        return 0
    if given.command == "plan":
        return _plan(cluster, seen, given.to, out)
    return _set(cluster, seen, given, out)


def _describe(seen: Observation) -> str:
    return f"{seen.shards} shards on {seen.coreapps} coreapps: {seen.missing() or 'all served'}"


def _plan(cluster: Cluster, seen: Observation, wanted: int, out: TextIO) -> int:
    print(f"Now: {_describe(seen)}", file=out)
    if wanted == seen.shards:
        print("Nothing to do.", file=out)
        return 0
    first, last = DOWNTIME_SECONDS
    set_shards = f"Set {wanted} shards: all coreapps restart, {first}-{last} s without service."
    if wanted > seen.shards:  # M-22
        steps = [f"Grow the service to at least {wanted} coreapps ({seen.coreapps} run).", set_shards]
    else:  # M-23
        steps = [
            set_shards,
            "Wait until all coreapps have restarted.",
            f"Shrink the service to {wanted} coreapps and its spares: up to 35 s more for a shard that moves.",
        ]
    for number, step in enumerate(steps, 1):
        print(f"{number}. {step}", file=out)
    try:
        cluster.check(wanted, seen)
    except Refusal as refusal:
        print(f"Not yet: {refusal}", file=out)
        return 1
    print("Nothing forbids it.", file=out)
    return 0


def _set(cluster: Cluster, seen: Observation, given: argparse.Namespace, out: TextIO) -> int:
    print(f"Now: {_describe(seen)}", file=out)
    if seen.shards == given.shards and not given.again:
        print("Nothing to do. To send it all the same, add --again.", file=out)
        return 0
    cluster.check(given.shards, seen)
    first, last = DOWNTIME_SECONDS
    print(f"Set {given.shards} shards: expect {first}-{last} s without service.", file=out)
    if given.dry_run:
        print("Dry run: nothing was sent.", file=out)
        return 0
    deadline = Deadline.after(LIMIT_SECONDS)
    cluster.set_shards(given.shards, seen, deadline, again=given.again)
    _wait(cluster, given.shards, deadline, out)
    return 0


def _wait(cluster: Cluster, shards: int, deadline: Deadline, out: TextIO) -> None:
    """Show how far it is until every shard is served.

    Raises:
        Failure: It is not within the deadline.
    """
    started = time.monotonic()
    show = _bar(out) if out.isatty() else lambda line: print(line, file=out)
    while True:
        elapsed = time.monotonic() - started
        try:
            seen = cluster.observe(Deadline.after(5))
            lacking = seen.missing() if seen.shards == shards else f"{seen.shards} shards are set"
        except Unavailable:
            lacking = "restarting, no answer yet"
        last = DOWNTIME_SECONDS[1]
        done = BAR_LETTERS if not lacking else min(BAR_LETTERS - 1, int(BAR_LETTERS * elapsed / last))
        state = (
            f"[{'#' * done}{'.' * (BAR_LETTERS - done)}] {elapsed:.0f} s of about {last} s: {lacking or 'all served'}"
        )
        show(state)
        if not lacking:
            if out.isatty():
                print(file=out)
            return
        if not deadline.sleep(2):
            raise Failure(f"{shards} shards are set, but after {elapsed:.0f} s: {lacking}. Look at the coreapps' logs.")


def _bar(out: TextIO) -> Callable[[str], None]:
    """Return what writes one line again and again."""

    def show(line: str) -> None:
        out.write(f"\r\x1b[K{line}")
        out.flush()

    return show


def _confirm(given: argparse.Namespace, out: TextIO) -> int:
    text = confirmed(_read_secret(given), today())
    account = read_account(text)
    if given.secret_file:
        given.secret_file.write_text(text)
    else:
        secrets_manager().put_secret_value(SecretId=given.secret, SecretString=text)
    print(f"Confirmed on {account.confirmed_on}: certificate {account.confirmed_fingerprint[:16]}...", file=out)
    return 0


def _read_secret(given: argparse.Namespace) -> str:
    if given.secret_file:
        return str(given.secret_file.read_text())
    return str(secrets_manager().get_secret_value(SecretId=given.secret)["SecretString"])


if __name__ == "__main__":
    sys.exit(main())
