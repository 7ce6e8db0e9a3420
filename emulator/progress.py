"""What the CDK CLI prints while it deploys, as one line for each stack."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

from .screen import Screen

# wa-local-network | 12/37 | 4:59:24 AM | CREATE_COMPLETE | AWS::EC2::VPC | Vpc (Vpc8378EB38)
EVENT = re.compile(
    r"^(?P<stack>[\w-]+) +\| +[\d/]+ +\|[^|]+\| +(?P<status>[A-Z_]+) +\| (?P<type>[\w:]+) +\| (?P<what>.*)"
)
STARTED = re.compile(r"^(?P<stack>[\w-]+): (?P<verb>deploying|destroying)\.\.\.")
DONE = re.compile(r"^ *✅ +(?P<stack>[\w-]+)(?:: (?P<destroyed>destroyed))?(?: (?P<remark>\(no changes\)))?$")


class Progress:
    """Follows one command of the CLI, line by line.

    The CLI prints events of the same second in no order, and counts changes that its change set did not name; so the
    resources are counted here, each once.
    """

    def __init__(self, screen: Screen, assembly: Path) -> None:
        """Follow a command.

        Args:
            screen: Where the lines go.
            assembly: The templates that it deploys, for the number of resources in each.
        """
        self._screen = screen
        self._assembly = assembly
        self._began = time.monotonic()
        self._settled = set[str]()

    def line(self, text: str) -> None:
        """Take note of a line."""
        if found := STARTED.match(text):
            self._start(found["stack"], found["verb"])
        elif found := EVENT.match(text):
            self._event(found)
        elif found := DONE.match(text):
            self._finish(found["stack"], found["destroyed"] or found["remark"])

    def _start(self, stack: str, verb: str) -> None:
        self._began, self._settled = time.monotonic(), set()
        self._screen.note(f"{verb} {stack}")

    def _event(self, found: re.Match[str]) -> None:
        # The stack has events of its own, which count for no resource.
        if found["type"] == "AWS::CloudFormation::Stack" and found["what"].strip() == found["stack"]:
            return
        if found["status"].endswith("_COMPLETE"):
            self._settled.add(found["what"].strip())
        self._screen.note(f"{found['stack']}, {self._counted(found['stack'])}")

    def _finish(self, stack: str, remark: str | None) -> None:
        if remark == "(no changes)":  # it never started
            self._screen.detail(f"{stack}: no changes")
            return
        what = remark or self._counted(stack)
        self._screen.detail(f"{stack}: {what}, {time.monotonic() - self._began:.1f} s")

    def _counted(self, stack: str) -> str:
        total = self._resources(stack)
        return f"{len(self._settled)}/{total} resources" if total else f"{len(self._settled)} resources"

    def _resources(self, stack: str) -> int:
        """Return how many resources the stack's template has; 0 if it is not among the templates."""
        path = self._assembly / f"{stack}.template.json"
        return len(json.loads(path.read_text(encoding="utf-8"))["Resources"]) if path.exists() else 0
