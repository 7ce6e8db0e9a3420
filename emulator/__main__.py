"""`python -m emulator up|down|status|synth|cdk|env|rules|serve`: what the Makefile's targets call."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from pathlib import Path

from . import cdk, launch, life, processes, report, target
from .screen import screen
from .workspace import Workspace

SWITCHES = """\
environment variables (`make up` hands them on):
  EMULATOR_SECONDS_PER_DAY=<n>
      Real seconds of a simulated day, so that a host gets 30 days old in seconds. Without it, simulated time moves on
      by what happens alone.
  EMULATOR_ROLLBACK_ORDER=dependency|reverse|shuffled:<seed>
      In which order a rollback of CloudFormation sends resources back; AWS documents none. Default: dependency."""


def main() -> int:
    """Run one command and return its exit status."""
    words = _parser().parse_args()
    workspace = Workspace(state=words.state.resolve())
    workspace.state.mkdir(parents=True, exist_ok=True)
    # jsii starts the first `node` on PATH.
    os.environ["PATH"] = workspace.search_path()
    try:
        match words.command:
            case "serve":
                launch.serve(workspace.lock, words.port)
            case "up":
                _begin_log(workspace)
                life.tell(workspace, life.up(workspace, words.context), words.context)
            case "down":
                life.down(workspace)
            case "status":
                report.show(_running(workspace))
            case "synth":
                cdk.run(workspace, None, "synth", "--quiet", *cdk.options(words.context), validate=True)
            case "cdk":
                cdk.pass_on(workspace, _running(workspace).endpoint, words.words)
            case "rehearse":
                from .rehearse import rehearse  # here: the stand-in is installed with the tests' packages alone

                stage = Workspace(state=workspace.state / "rehearsal")
                _begin_log(stage)
                return 0 if rehearse(stage, words.sizes, words.speed) else 1
            case "rules":
                from .rules import table  # here: the rules import MiniStack, which takes a second

                print("\n".join(table.lines()))
            case "env":
                _print_environment(workspace, _running(workspace).endpoint)
    except cdk.CdkError as failure:
        print(f"{failure}. `make status` shows what is there.", file=sys.stderr)
        return 1
    return 0


def _begin_log(workspace: Workspace) -> None:
    workspace.cli_log.unlink(missing_ok=True)
    screen.say(f"What the CDK CLI prints goes to {processes.shown(workspace.cli_log)}.")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m emulator", description=__doc__)
    parser.add_argument("--state", type=Path, default=Workspace().state, help="state folder (default: .local)")
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="deploy the local deployment, starting the target if need be")
    synth = commands.add_parser("synth", help="write the templates of any deployment to cdk.out")
    for command in (up, synth):
        command.add_argument("-c", "--context", action="append", default=[], metavar="KEY=VALUE", help="a setting")
    commands.add_parser("down", help="destroy the stacks and stop the target")
    commands.add_parser("status", help="show what runs on the target")
    cli = commands.add_parser("cdk", help="run the CDK CLI against the target")
    cli.add_argument("words", nargs=argparse.REMAINDER, help="such as: diff, or deploy --all -c active_coreapps=8")
    walk = commands.add_parser("rehearse", help="resize with plain deploys while messages flow to the stand-in")
    walk.add_argument(
        "sizes", nargs="*", type=int, default=[2, 8, 32, 4, 1], help="active coreapps, one after the other"
    )
    walk.add_argument("--speed", type=float, default=20.0, help="simulated seconds per real second (default: 20)")
    commands.add_parser("env", help="print exports that lead a shell to the target")
    commands.add_parser("rules", help="print what the target refuses, as a table in Markdown")
    serve = commands.add_parser(
        "serve", help="be the target, in the foreground", epilog=SWITCHES, formatter_class=argparse.RawTextHelpFormatter
    )
    serve.add_argument("--port", type=_port, default=0, help="port on 127.0.0.1 (default: any free one)")
    return parser


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"got {text!r}; allowed: 0 to 65535")
    return int(text)


def _running(workspace: Workspace) -> target.Target:
    found = target.find(workspace)
    if found is None:
        raise SystemExit("the embedded target does not run: start it with `make up`")
    return found


def _print_environment(workspace: Workspace, endpoint: str) -> None:
    wanted = workspace.aws_environment(endpoint)
    for name in sorted(name for name in os.environ if name.startswith("AWS_") and name not in wanted):
        print(f"unset {name}")
    for name, value in sorted(wanted.items()):
        print(f"export {name}={shlex.quote(value)}")
    print(f'export PATH={shlex.quote(workspace.own_path)}:"$PATH"')


if __name__ == "__main__":
    raise SystemExit(processes.exit_status(main))
