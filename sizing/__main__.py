"""The command line: `python -m sizing plan --rate 120 --region eu-west-1`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence

from sizing.engines import ENGINES
from sizing.errors import SizingError
from sizing.facts import published
from sizing.planning.plan import plan
from sizing.show.text import explain, table

FLAGS = {
    "active_coreapps": "--active",
    "messages_per_second": "--rate",
    "tls": "--no-tls",
    "eni_trunking": "--no-eni-trunking",
    "interface_endpoints": "--no-interface-endpoints",
}
"""Arguments whose flag is not their name with dashes."""


def _parser() -> argparse.ArgumentParser:
    # What is not given is left out, so that the defaults stand in one place: the signature of `plan`.
    none = argparse.SUPPRESS
    parser = argparse.ArgumentParser(prog="python -m sizing", description="Size a Multiconnect cluster on AWS.")
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("plan", help="hosts, database class, connections and cost of one cluster")

    def add(argument: str, help: str, kind: type = str, metavar: str | None = None) -> None:
        flag = FLAGS.get(argument, "--" + argument.replace("_", "-"))
        command.add_argument(flag, dest=argument, type=kind, default=none, metavar=metavar, help=help)

    def switch(argument: str, help: str) -> None:
        command.add_argument(FLAGS[argument], dest=argument, action="store_false", default=none, help=help)

    def families(argument: str, help: str) -> None:
        flag = "--" + argument.replace("_", "-")
        command.add_argument(flag, dest=argument, nargs="+", default=none, metavar="FAMILY", help=help)

    add("active_coreapps", "coreapps that serve shards: 1, 2, 4, 8, 16 or 32", int, "N")
    add("messages_per_second", "API rate in messages/s", float, "RATE")
    add("environment", " or ".join(published.ENVIRONMENTS))
    add("engine", ", ".join(ENGINES))
    add("engine_version", "major version, such as 8.4")
    add("region", "AWS region")
    add("message_type", ", ".join(published.MESSAGE_TYPES))
    add("spares", "coreapps beyond the shards", int, "N")
    add("webs", "web containers", int, "N")
    add("masters", "master containers", int, "N")
    add("database_class", "RDS class to use, such as db.m7g.large")
    add("host_type", "EC2 type to use, such as m6i.large")
    families("database_families", "RDS families to choose from")
    families("host_families", "EC2 families to choose from")
    add("database_architecture", "x86_64 or arm64")
    add("minimum_database_generation", "least generation of an RDS family", int, "N")
    add("minimum_host_generation", "least generation of an EC2 family", int, "N")
    add("host_vcpu_per_coreapp", "vCPU the hosts must have for each active coreapp", float, "VCPU")
    add("availability_zones", "2, 3 or 4", int, "N")
    add("database_storage_gib", "database storage for the cost", int, "GIB")
    add("nat_gateways", "NAT gateways for the cost", int, "N")
    command.add_argument(
        "--without-endpoints", nargs="+", default=none, metavar="SERVICE", help="interface endpoints to leave out"
    )
    switch("tls", "do not encrypt connections to the database")
    switch("eni_trunking", "do not count on ENI trunking")
    switch("interface_endpoints", "leave interface endpoints out of the cost")
    command.add_argument(
        "--historical", action="store_true", default=none, help="let retired classes compete, to compare"
    )
    shape = command.add_mutually_exclusive_group()
    shape.add_argument("--json", action="store_true", help="the whole plan for programs")
    shape.add_argument("--explain", action="store_true", help="reasons, sources, cost by item and runners-up")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status: 0, or 2 for bad arguments."""
    asked = vars(_parser().parse_args(arguments))
    as_json, explained = asked.pop("json"), asked.pop("explain")
    del asked["command"]
    try:
        answer = plan(**asked)
    except SizingError as error:
        for problem in error.problems:
            flag = FLAGS.get(problem.parameter, "--" + problem.parameter.replace("_", "-"))
            print(f"{flag}: {problem}", file=sys.stderr)
        return 2
    if as_json:
        print(json.dumps(answer.to_dict(), indent=2))
    elif explained:
        print(f"{table(answer)}\n\n{explain(answer)}")
    else:
        print(table(answer))
    return 0


if __name__ == "__main__":
    sys.exit(main())
