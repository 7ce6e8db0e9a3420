"""Which file of the house imports which, read from its syntax, and what that says about rooms and circles."""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]

PACKAGES = {
    "sizing": "sizing",
    "multiconnect": "constructs/multiconnect",
    "stacks": "stacks",
    "functions": "functions",
    "standin": "standin",
    "emulator": "emulator",
}
"""Package to its folder. `constructs/` is a source root, so the package in it is `multiconnect`."""

Graph = Mapping[str, set[str]]
"""Module to the modules that it imports, all of them ours and by their full names."""


def files() -> dict[str, Path]:
    """Return every file of the house by its module's name; vendored code is not ours."""
    found = {"app": ROOT / "app.py"}
    for package, folder in PACKAGES.items():
        for path in sorted((ROOT / folder).rglob("*.py")):
            if not {"vendor", "__pycache__"} & set(path.parts):
                inside = path.relative_to(ROOT / folder).with_suffix("").parts
                found[".".join([package, *(part for part in inside if part != "__init__")])] = path
    return found


def imported_names(path: Path, module: str) -> Iterator[str]:
    """Yield the full name of everything that a file imports: at the top, in a function, or for types alone.

    `from a import b` yields `a.b`, which is a module or a name of one.
    """
    package = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = [*above, node.module] if node.module else above
            yield from (".".join([*base, alias.name]) for alias in node.names)


def graph() -> dict[str, set[str]]:
    """Return who imports whom, file by file."""
    modules = files()

    def module_of(name: str) -> str | None:
        # The longest beginning that is a file: `sizing.planning.cost.HOST_VOLUME_GIB` stands in `sizing.planning.cost`.
        while name and name not in modules:
            name = name.rpartition(".")[0]
        return name or None

    return {
        module: {
            other for name in imported_names(path, module) if (other := module_of(name)) is not None and other != module
        }
        for module, path in modules.items()
    }


def reachable(imports: Graph, start: str) -> set[str]:
    """Return everything that a module imports, itself or by others; itself only if it stands in a circle."""
    seen: set[str] = set()
    waiting = list(imports[start])
    while waiting:
        module = waiting.pop()
        if module not in seen:
            seen.add(module)
            waiting += imports[module]
    return seen


def circles(imports: Graph) -> list[list[str]]:
    """Return each group of modules that reach one another, as sorted names; empty when imports go one way only."""
    reach = {module: reachable(imports, module) for module in imports}
    groups = {frozenset({other for other in reach[module] if module in reach[other]}) for module in imports}
    return sorted(sorted(group) for group in groups if group)


def room(module: str) -> str:
    """Return the room that a module stands in: its package, and inside `sizing` the folder or file below it.

    >>> [room(name) for name in ("sizing.planning.cost", "sizing.errors", "sizing", "functions.shards.client")]
    ['sizing.planning', 'sizing.errors', 'sizing', 'functions']
    """
    package, _, inside = module.partition(".")
    return f"sizing.{inside.partition('.')[0]}" if package == "sizing" and inside else package


def rooms(imports: Graph) -> dict[str, set[str]]:
    """Return which room imports which other."""
    found: dict[str, set[str]] = {}
    for module, others in imports.items():
        found.setdefault(room(module), set()).update(room(other) for other in others)
    return {name: others - {name} for name, others in found.items()}


def drawing(imports: Graph) -> str:
    """Return the rooms as a Mermaid flow chart, an arrow from the importing room to the imported.

    An arrow is left out where a longer way leads to the same room, so that the picture can be read.
    """
    shown = rooms(imports)
    lines = ["flowchart TD"]
    for name, others in sorted(shown.items()):
        further = set().union(*(reachable(shown, other) for other in others))
        lines += [f"    {name} --> {other}" for other in sorted(others - further)]
    return "\n".join(lines)
