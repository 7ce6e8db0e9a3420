"""The house keeps its shape: who may import whom, no circle of files, what a start costs, no package named constructs.

`pytest tests/test_architecture.py -k drawing -s` prints the rooms and their imports.
"""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests import imports
from tests.imports import ROOT

# A package may import these others of ours; of `functions` the templates know the names alone.
CONTRACT = "functions.contract"
MAY_IMPORT = {
    "sizing": set[str](),
    "multiconnect": {"sizing", CONTRACT},
    "stacks": {"sizing", "multiconnect", CONTRACT},
    "functions": set[str](),
    "standin": set[str](),
    "emulator": {"sizing", "multiconnect", "stacks", "functions", "standin"},
    "app": {"stacks"},
}

# Inside `sizing` a room may import those before it, and none behind it. `sizing.errors` stands before all, and
# `sizing` itself, which gathers the public names, and its command line behind all.
SIZING = [
    "sizing.errors",
    "sizing.door",
    "sizing.facts",
    "sizing.engines",
    "sizing.refresh",
    "sizing.connections",
    "sizing.planning",
    "sizing.reliability",
    "sizing.show",
    "sizing",
    "sizing.__main__",
]

HEAVY = ("numpy", "pandas", "matplotlib", "boto3", "botocore", "aws_cdk", "jsii", "pydantic")


@pytest.fixture(scope="module")
def graph() -> dict[str, set[str]]:
    return imports.graph()


def package(module: str) -> str:
    return module.partition(".")[0]


@pytest.mark.parametrize("importing", MAY_IMPORT)
def test_packages_import_one_way_only(graph: dict[str, set[str]], importing: str) -> None:
    files = {module: others for module, others in graph.items() if package(module) == importing}
    assert files
    allowed = MAY_IMPORT[importing] | {importing}
    assert {
        module: strange
        for module, others in files.items()
        if (strange := {other for other in others if not {package(other), other} & allowed})
    } == {}


def test_the_rooms_of_sizing_import_one_way_only(graph: dict[str, set[str]]) -> None:
    rooms = {name: others for name, others in imports.rooms(graph).items() if package(name) == "sizing"}
    assert set(rooms) == set(SIZING), "every room has its place in the order"
    assert {
        name: behind
        for name, others in rooms.items()
        if (behind := {other for other in others if SIZING.index(other) > SIZING.index(name)})
    } == {}


def test_neither_files_nor_rooms_import_one_another_in_a_circle(graph: dict[str, set[str]]) -> None:
    assert imports.circles(graph) == []
    assert imports.circles(imports.rooms(graph)) == []


def test_a_circle_is_found_wherever_it_closes() -> None:
    assert imports.circles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a"}}) == [["b", "c"]]


def test_the_drawing_in_the_documents_is_that_of_the_code(
    graph: dict[str, set[str]], request: pytest.FixtureRequest
) -> None:
    page = ROOT / "docs" / "imports.md"
    drawn = f"""# Who imports whom

An arrow leads from the room that imports to the room that is imported. An arrow is left out where a longer way leads to
the same room. `sizing.door` loads `sizing.show` by name when an answer is first shown, which is no arrow. The test
`tests/test_architecture.py` reads every import of every file, draws this page, and fails when two files or two
rooms import one another in a circle.

```mermaid
{imports.drawing(graph)}
```
"""
    print(drawn)
    if request.config.getoption("--renew-snapshots"):
        page.write_text(drawn, encoding="utf-8")
    assert page.read_text(encoding="utf-8") == drawn, "run: pytest tests/test_architecture.py --renew-snapshots"


def test_app_py_puts_together_and_does_nothing_else() -> None:
    path = ROOT / "app.py"
    used = {name.partition(".")[0] for name in imports.imported_names(path, "app")}
    assert used <= {"json", "sys", "pathlib", "stacks"}


def test_sizing_starts_without_any_heavy_library() -> None:
    code = f"import sys, sizing; sizing.plan(); print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_no_file_grows_beyond_400_lines() -> None:
    lines = {module: len(path.read_text(encoding="utf-8").splitlines()) for module, path in imports.files().items()}
    assert {module: count for module, count in lines.items() if count > 400} == {}


def pytest_in(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", folder, folder]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A folder with the guard, the source root and one test."""
    shutil.copy(ROOT / "conftest.py", tmp_path)
    (tmp_path / "constructs" / "multiconnect").mkdir(parents=True)
    (tmp_path / "test_nothing.py").write_text("def test_nothing():\n    pass\n")
    return tmp_path


def test_the_guard_lets_a_sound_house_pass(house: Path) -> None:
    assert pytest_in(house).returncode == 0


@pytest.mark.parametrize(
    "shadow", ["constructs/__init__.py", "constructs/helper.py", "constructs.py", "tests/constructs/test_x.py"]
)
def test_a_package_named_constructs_is_refused_with_the_reason(house: Path, shadow: str) -> None:
    (house / shadow).parent.mkdir(parents=True, exist_ok=True)
    (house / shadow).touch()
    done = pytest_in(house)
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    named = "tests/constructs" if shadow.startswith("tests/") else shadow
    assert f"ERROR: {named}: aws-cdk-lib imports the PyPI package `constructs`, which this would shadow" in done.stderr
    assert "constructs/multiconnect/" in done.stderr
