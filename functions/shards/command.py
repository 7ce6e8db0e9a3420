"""The command line: read and set the number of shards by hand, with the guards of a deploy."""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import TextIO

from functions.aws import ecs, explain_sdk_error, read_secret, secrets_manager
from functions.contract import SHARD_COUNTS
from functions.deadline import Deadline
from functions.errors import Failure, Refusal
from functions.shards.account import CERTIFICATE_MAX_AGE_DAYS, confirmed, read_account, today
from functions.shards.client import Client, Pace, Unavailable, split_address
from functions.shards.cluster import Cluster, Observation, Service
from functions.shards.progress import line_writer, waiting
from functions.tls import trust

DOWNTIME_SECONDS = (45, 60)
"""Set Shards stops and restarts every coreapp (M-22)."""

OBSERVE_SECONDS = 30.0
"""How long to wait for the client's first answer. Its small answers take less than a second."""

LIMIT_SECONDS = 600.0
"""How long `set` waits for full service: the time of ten restarts."""

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
    set_.add_argument("shards", type=int, choices=SHARD_COUNTS, metavar="N", help=", ".join(map(str, SHARD_COUNTS)))
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
        out: Where the answer goes; default standard output. Standard error says what is waited for.
        pace: Time-outs and pauses towards the client.

    Returns:
        0 when it is done, 1 when it was refused or failed, with the reason on standard error.

    Raises:
        SystemExit: With 2, the command line is wrong.
        BrokenPipeError: Nobody reads the answer any more.
    """
    made = parser()
    given = made.parse_args(arguments)
    if given.command != "confirm" and given.ecs_cluster and not given.ecs_service:
        made.error("--ecs-cluster names no service. Give --ecs-service too.")
    answer = out or sys.stdout
    try:
        # In Lambda the log goes to standard output, which is kept for the answer here.
        with Path(os.devnull).open("w") as nowhere, redirect_stdout(sys.stderr if given.verbose else nowhere):
            return _confirm(given, answer) if given.command == "confirm" else _on_cluster(given, answer, pace)
    except Failure as failure:
        print(failure, file=sys.stderr)
    except Exception as error:
        if not (text := explain_sdk_error(error)):
            raise
        print(text, file=sys.stderr)
    return 1


def _on_cluster(given: argparse.Namespace, out: TextIO, pace: Pace | None) -> int:
    split_address(given.url, named_by="--url")
    account = read_account(_read_secret(given))
    pem = _read_file(given.ca_file, "--ca-file", "the PEM bundle that certifies the webapp") if given.ca_file else None
    tls = trust(pem, named_by=f"--ca-file {given.ca_file}")
    service = None
    if given.ecs_service:
        service = Service(ecs(), given.ecs_cluster or "default", given.ecs_service)
    # `set` waits for a client that starts or restarts. For `get` and `plan`, that nothing listens is the answer.
    client = Client(given.url, account, tls, pace, wait_for_connection=given.command == "set")
    cluster = Cluster(client, account, service, given.certificate_max_age_days)
    seen = _observe(cluster, given.url)
    if given.command == "get":
        print(_describe(seen), file=out)
        return 0
    if given.command == "plan":
        return _plan(cluster, seen, given.to, out)
    return _set(cluster, seen, given, out)


def _observe(cluster: Cluster, url: str) -> Observation:
    """Ask the client, and say on standard error that it is being asked.

    Raises:
        Failure: It does not answer in time or refuses.
    """
    try:
        with waiting(sys.stderr, f"Asking {url}", OBSERVE_SECONDS):
            return cluster.observe(Deadline.after(OBSERVE_SECONDS))
    except Unavailable as problem:
        raise Failure(
            f"{problem} The client gave no complete answer within {OBSERVE_SECONDS:.0f} s. "
            "Check --url, and that this machine may reach it."
        ) from None


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
    # Flushed, so that a pipe that nobody reads any more ends the command before something is sent.
    print(f"Set {given.shards} shards: expect {first}-{last} s without service.", file=out, flush=True)
    if given.dry_run:
        print("Dry run: nothing was sent.", file=out)
        return 0
    deadline = Deadline.after(LIMIT_SECONDS)
    with waiting(sys.stderr, f"Setting {given.shards} shards at {given.url}", LIMIT_SECONDS):
        cluster.set_shards(given.shards, seen, deadline, again=given.again)
    _wait(cluster, given.shards, deadline, out)
    return 0


def _wait(cluster: Cluster, shards: int, deadline: Deadline, out: TextIO) -> None:
    """Show how far it is until every shard is served.

    Raises:
        Failure: Not every shard is served before the deadline.
    """
    started = time.monotonic()
    show = line_writer(out)
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


def _confirm(given: argparse.Namespace, out: TextIO) -> int:
    text = confirmed(_read_secret(given), today())
    account = read_account(text)
    if given.secret_file:
        _write_file(given.secret_file, text)
    else:
        secrets_manager().put_secret_value(SecretId=given.secret, SecretString=text)
    print(f"Confirmed on {account.confirmed_on}: certificate {account.confirmed_fingerprint[:16]}...", file=out)
    return 0


def _read_secret(given: argparse.Namespace) -> str:
    if given.secret_file:
        return _read_file(given.secret_file, "--secret-file", "the account's secret, a JSON object")
    return read_secret(secrets_manager(), given.secret)


def _read_file(path: Path, option: str, needed: str) -> str:
    """Return the text of a file.

    Args:
        path: Where it is.
        option: The option that names it, for the error's text.
        needed: What it must hold, for the error's text.

    Raises:
        Refusal: It cannot be read or holds no text.
    """
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise Refusal(f"{option} {path}: {error.strerror}. Give a readable file with {needed}.") from None
    except UnicodeDecodeError:
        raise Refusal(f"{option} {path}: it holds no text in UTF-8. Give a file with {needed}.") from None


def _write_file(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Failure(f"--secret-file {path}: {error.strerror}. Give a file that may be written.") from None
