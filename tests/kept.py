"""What tests keep on disk: synthesized assemblies, and templates in which cfn-lint found nothing.

Both take seconds to make and depend on nothing but the bytes that their name is a digest of. So all workers of a run
share them, and so does the next run: what has changed has another name.
"""

import fcntl
import hashlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stacks.settings import Settings
from tests.assembly import CDK_CONTEXT, ROOT, Assembly, synthesize

if TYPE_CHECKING:
    from cfnlint.rules import Rules

KEPT = ROOT / ".local" / "tests"
SOURCES = ("app.py", "cdk.json", "constraints.txt", "constructs", "functions", "sizing", "stacks", "tests/assembly.py")
"""All that decides about a template, beside its context: files, and folders with all that is in them."""
TOOLS = ("aws-cdk-lib", "cdk-nag", "constructs", "jsii")
KEPT_STATES = 3
"""States of the sources whose assemblies stay, 40 MB each: somebody goes back and forth between two branches."""


def assembly(context: dict[str, Any]) -> Assembly:
    """Return the assembly of a context on top of `cdk.json`, synthesized unless it is kept.

    It is kept by the settings that follow from the context: a default that is written out makes no other templates.
    """
    settings, plan = Settings.from_context({**CDK_CONTEXT, **context})
    others = {key: value for key, value in context.items() if key not in Settings.model_fields}
    folder = _assemblies() / _digest(settings.model_dump_json().encode(), json.dumps(others, sort_keys=True).encode())
    with _locked(folder):
        if not folder.exists():
            unfinished = Path(tempfile.mkdtemp(prefix="unfinished-", dir=folder.parent))
            synthesize(unfinished, context)
            # The name is given at the end, so that what has it is whole, and made from the sources that it says.
            folder = unfinished.rename(folder) if _state() == STATE else unfinished
    return Assembly(folder, settings, plan)


def lint(template: Path, *regions: str) -> list[str]:
    """Return what cfn-lint finds in a template for some regions.

    It is asked once for the same bytes, as long as it finds nothing.
    """
    linter = f"cfn-lint {version('cfn-lint')} {' '.join(sorted(regions))}"
    passed = KEPT / "linted" / _digest(linter.encode(), template.read_bytes())
    with _locked(passed):
        if passed.exists():
            return []
        # Here: it takes a second that a run without new templates can save.
        from cfnlint.config import ConfigMixIn
        from cfnlint.runner import run_template_by_file_path

        config = ConfigMixIn(regions=list(regions))
        found = list(run_template_by_file_path(str(template), config, _rules(), ignore_bad_template=False))
        if not found:
            passed.touch()
    return [f"{template.name} {match.rule.id} {match.message}" for match in found]


@cache
def _rules() -> "Rules":
    """Return the rules of cfn-lint. It uses them for all files of a run too, and to load them takes 0.6 s."""
    from cfnlint.config import ConfigMixIn
    from cfnlint.runner import Runner

    return Runner(ConfigMixIn()).rules


@cache
def _assemblies() -> Path:
    """Return the folder for the present state of the sources; the oldest others go."""
    states = KEPT / "assemblies"
    with _locked(states):
        folder = states / STATE
        folder.mkdir(parents=True, exist_ok=True)
        os.utime(folder)
        for old in sorted(states.iterdir(), key=lambda path: path.stat().st_mtime)[:-KEPT_STATES]:
            shutil.rmtree(old)
    return folder


def _state() -> str:
    """Return a digest of all that decides about templates, beside the context."""
    parts = [sys.version.encode(), *(f"{name} {version(name)}".encode() for name in TOOLS)]
    parts += [f"{name}={value}".encode() for name, value in sorted(os.environ.items()) if name.startswith("CDK_")]
    for source in SOURCES:
        path = ROOT / source
        files = sorted(path.rglob("*")) if path.is_dir() else [path]
        for file in files:
            if file.is_file() and "__pycache__" not in file.parts:
                parts += [str(file.relative_to(ROOT)).encode(), file.read_bytes()]
    return _digest(*parts)


def _digest(*parts: bytes) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(f"{len(part)} ".encode() + part)
    return digest.hexdigest()


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Let one process at a time make a path; the lock of one that dies is free again."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_suffix(".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


STATE = _state()
"""The sources as this process has loaded them."""
