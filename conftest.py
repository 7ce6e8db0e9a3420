"""Refuse a layout that would shadow the PyPI package `constructs` (see constructs/README.md)."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parent


def shadowing_paths(root: Path) -> list[Path]:
    """Return the paths under `root` that would hide or be merged into the PyPI package `constructs`."""
    candidates = [root / "constructs.py", root / "constructs" / "__init__.py", root / "tests" / "constructs"]
    return [path for path in candidates if path.exists()] + sorted((root / "constructs").glob("*.py"))


def pytest_configure(config: pytest.Config) -> None:
    """Stop before collection when the layout is unsafe."""
    if found := sorted(set(shadowing_paths(ROOT))):
        names = ", ".join(str(path.relative_to(ROOT)) for path in found)
        raise pytest.UsageError(
            f"{names}: aws-cdk-lib imports the PyPI package `constructs`, which this would shadow. "
            "Put constructs in constructs/multiconnect/ and their tests in tests/multiconnect/."
        )
