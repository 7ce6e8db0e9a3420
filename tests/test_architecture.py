"""The house keeps its shape: who may import whom, what a start costs, and no package named constructs."""

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = {
    "sizing": "sizing",
    "multiconnect": "constructs/multiconnect",
    "stacks": "stacks",
    "functions": "functions",
    "standin": "standin",
    "emulator": "emulator",
}
MAY_IMPORT = {
    "sizing": set[str](),
    "multiconnect": {"sizing"},
    "stacks": {"sizing", "multiconnect"},
    "functions": set[str](),
    "standin": set[str](),
    "emulator": {"sizing", "multiconnect", "stacks", "functions", "standin"},
}
HEAVY = ("numpy", "pandas", "matplotlib", "boto3", "botocore", "aws_cdk", "jsii", "pydantic")


def sources(folder: str) -> Iterator[Path]:
    yield from (path for path in (ROOT / folder).rglob("*.py") if "__pycache__" not in path.parts)


def imported(path: Path) -> set[str]:
    """Return the top-level packages that a file imports, wherever in it; relative imports stay inside."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.add(node.module.partition(".")[0])
    return found


@pytest.mark.parametrize("package", FOLDERS)
def test_imports_go_one_way_only(package: str) -> None:
    files = list(sources(FOLDERS[package]))
    assert files
    ours = set(FOLDERS) - {package} - MAY_IMPORT[package]
    assert {str(path.relative_to(ROOT)): found for path in files if (found := imported(path) & ours)} == {}


def test_app_py_puts_together_and_does_nothing_else() -> None:
    assert imported(ROOT / "app.py") <= {"json", "sys", "pathlib", "aws_cdk", "stacks"}


def test_sizing_starts_without_any_heavy_library() -> None:
    code = f"import sys, sizing; sizing.plan(); print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_no_file_grows_beyond_400_lines() -> None:
    files = [path for folder in FOLDERS.values() for path in sources(folder) if "vendor" not in path.parts]
    long = {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in files}
    assert {name: lines for name, lines in long.items() if lines > 400} == {}


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


def test_every_decision_that_the_code_names_is_written_down() -> None:
    decisions = (ROOT / "docs" / "decisions.md").read_text(encoding="utf-8")
    named = {
        number
        for folder in FOLDERS.values()
        for path in sources(folder)
        for number in re.findall(r"\bD-\d+\b", path.read_text(encoding="utf-8"))
    }
    assert named
    assert {number for number in named if f"**{number}**" not in decisions} == set()
