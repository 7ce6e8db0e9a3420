"""Answers show themselves through one door; nothing else below the room `show` knows that room."""

import ast
import subprocess
import sys
from pathlib import Path

import sizing

SIZING = Path(sizing.__file__).parent
# The package's front and its command line stand above every room, as users of all of them.
ABOVE = {SIZING / "__init__.py", SIZING / "__main__.py"}


def test_only_the_door_names_the_room_that_shows():
    naming = {
        path.relative_to(SIZING).as_posix()
        for path in sorted(SIZING.rglob("*.py"))
        if path not in ABOVE and path.parent.name != "show"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if (isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith("sizing.show"))
        or (isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sizing.show"))
        or (isinstance(node, ast.Import) and any(alias.name.startswith("sizing.show") for alias in node.names))
    }
    assert naming == {"door.py"}


def test_a_plan_loads_the_room_that_shows_when_it_is_first_shown():
    code = (
        "import sys, sizing\n"
        "def loaded(): return sorted(name for name in sys.modules if name.startswith('sizing.show'))\n"
        "answer = sizing.plan()\n"
        "print(loaded())\n"
        "answer.explain()\n"
        "print(loaded())"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=SIZING.parent, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["[]", "['sizing.show', 'sizing.show.text']"]
