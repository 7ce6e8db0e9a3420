"""Only files named `internals.py` touch MiniStack's private names: a new version is checked there alone.

The rule is stricter than that, and simpler: no other file of the emulator touches a private name of anything but its
own instance, class or module.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

EMULATOR = Path(__file__).parents[2] / "emulator"
INTERNALS = sorted(EMULATOR.rglob("internals.py"))


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.endswith("__")


def private_names(source: str) -> Iterator[str]:
    """Yield every private name of something else that a source imports, reads or writes."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Attribute(value=ast.Name(id="self" | "cls")):
                pass
            case ast.Attribute(attr=name) if is_private(name):
                yield name
            case ast.Import(names=names):
                yield from (alias.name for alias in names if any(map(is_private, alias.name.split("."))))
            case ast.ImportFrom(module=module, names=names):
                path = (module or "").split(".")
                yield from (alias.name for alias in names if any(map(is_private, [*path, alias.name])))
            case ast.Call(
                func=ast.Name(id="getattr" | "setattr" | "hasattr" | "delattr"),
                args=[_, ast.Constant(value=str(name)), *_],
            ) if is_private(name):
                yield name


OTHERS = sorted(set(EMULATOR.rglob("*.py")) - set(INTERNALS))


@pytest.mark.parametrize("path", OTHERS, ids=lambda path: str(path.relative_to(EMULATOR)))
def test_no_other_file_touches_a_private_name(path: Path) -> None:
    assert list(private_names(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize("path", INTERNALS, ids=lambda path: str(path.relative_to(EMULATOR)))
def test_internals_is_the_file_that_does(path: Path) -> None:
    assert len(set(private_names(path.read_text(encoding="utf-8")))) > 20


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("from ministack.services import ecs\necs._services.get(1)", "_services"),
        ("from ministack.services import ecs\necs._services = {}", "_services"),
        ("from ministack.services.ecs import _services", "_services"),
        ("from ministack.services.ecs import _services as services", "_services"),
        ("from ministack._private import name", "name"),
        ("import ministack._private", "ministack._private"),
        ("from ministack.services import ecs\ngetattr(ecs, '_services')", "_services"),
        ("from ministack.services import ecs\nsetattr(ecs, '_services', {})", "_services"),
        ("import ministack.services.ecs as e\n[e._services for _ in ()]", "_services"),
    ],
)
def test_every_way_to_touch_one_is_seen(source: str, name: str) -> None:
    assert list(private_names(source)) == [name]


@pytest.mark.parametrize(
    "source", ["self._services", "cls._services", "_children = []", "__name__", "cls.__dataclass_fields__", "a.b"]
)
def test_what_is_a_files_own_is_not(source: str) -> None:
    assert list(private_names(source)) == []
