"""A workspace in another folder uses what lies there, and nothing of this one."""

from pathlib import Path

import pytest

from emulator.workspace import PROJECT, Workspace


def test_all_paths_follow_the_project(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", "/usr/bin")
    other = Workspace(project=tmp_path)
    assert other.state == tmp_path / ".local"
    for environment in (
        {name: value for name, value in other.install_environment().items() if "CACHE" in name.upper()},
        {name: other.cli_environment(None)[name] for name in ("HOME", "PATH")},
        {name: other.target_environment()[name] for name in ("HOME", "PATH", "NODE_PATH", "TMPDIR")},
    ):
        for name, value in environment.items():
            assert str(PROJECT) not in value, name
            assert str(tmp_path) in value, name
    assert other.search_path().split(":")[0] == str(tmp_path / "node_modules" / ".bin")


def test_a_target_gets_the_switches_of_the_simulation_and_little_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMULATOR_SECONDS_PER_DAY", "1")
    monkeypatch.setenv("EMULATOR_ROLLBACK_ORDER", "reverse")
    monkeypatch.setenv("AWS_PROFILE", "mine")
    given = Workspace().target_environment()
    assert (given["EMULATOR_SECONDS_PER_DAY"], given["EMULATOR_ROLLBACK_ORDER"]) == ("1", "reverse")
    assert "AWS_PROFILE" not in given


def test_a_state_folder_is_taken_as_given_or_lies_below_the_project(tmp_path: Path) -> None:
    assert Workspace(state=tmp_path).state == tmp_path
    assert Workspace(project=tmp_path, state=Path("other")).state == tmp_path / "other"
