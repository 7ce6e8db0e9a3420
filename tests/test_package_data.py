"""A wheel holds the files that the code reads, not only the code."""

import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
READ = [
    *(ROOT / "sizing" / "facts" / "data").glob("*.csv"),
    *(ROOT / "constructs" / "multiconnect" / "rds_ca").glob("*.pem"),
    ROOT / "standin" / "page.html",
    ROOT / "sizing" / "py.typed",
]


def packaged() -> set[Path]:
    """Return what setuptools takes beside Python files: its patterns count from each folder that is a package."""
    configuration = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    patterns = configuration["package-data"]["*"]
    roots = [ROOT / folder for folder in ("sizing", "constructs/multiconnect", "stacks", "functions", "standin")]
    packages = [init.parent for root in roots for init in root.rglob("__init__.py")]
    return {path for package in packages for pattern in patterns for path in package.glob(pattern)}


@pytest.mark.parametrize("path", READ, ids=lambda path: path.name)
def test_a_file_that_the_code_reads_is_packaged(path: Path) -> None:
    assert path in packaged()
