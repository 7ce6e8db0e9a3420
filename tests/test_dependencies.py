"""Versions and commands that stand in several files agree, and updates move together what belongs together."""

import json
import re
import tomllib
from typing import Any

from emulator import launch
from tests.assembly import ROOT

RENOVATE: dict[str, Any] = json.loads((ROOT / "renovate.json").read_text(encoding="utf-8"))


def pins(name: str) -> dict[str, str]:
    """Return the versions that a requirements file pins, by the package's name."""
    return dict(re.findall(r"^([\w.-]+)==(\S+)$", (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE))


def groups_of(package: str) -> set[str]:
    rules = [rule for rule in RENOVATE["packageRules"] if package in rule.get("matchPackageNames", [])]
    return {rule["groupName"] for rule in rules if "groupName" in rule}


def test_what_a_deploy_needs_is_pinned_to_the_versions_that_the_tests_ran_with() -> None:
    needed, tested = pins("requirements.txt"), pins("constraints.txt")
    assert "aws-cdk-lib" in needed
    assert {name: version for name, version in needed.items() if tested[name] != version} == {}


def test_the_emulators_target_has_one_version_and_no_update_of_its_own() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert f"ministack=={launch.MINISTACK}" in project["optional-dependencies"]["local"]
    assert pins("constraints.txt")["ministack"] == launch.MINISTACK
    (rule,) = [rule for rule in RENOVATE["packageRules"] if "ministack" in rule.get("matchPackageNames", [])]
    assert rule["enabled"] is False


def test_library_and_cli_of_the_cdk_move_in_one_request() -> None:
    assert groups_of("aws-cdk-lib") == groups_of("aws-cdk") == {"AWS CDK"}


def test_updates_are_looked_for_in_every_file_that_pins() -> None:
    patterns = RENOVATE["pip_requirements"]["managerFilePatterns"]
    # requirements.txt, pyproject.toml and package.json are found by Renovate's own defaults.
    for name in ("constraints.txt", "functions/vendor/vendor.txt"):
        assert (ROOT / name).is_file()
        assert any(re.search(pattern.strip("/"), name) for pattern in patterns), name


def test_a_commit_is_judged_by_the_commands_of_make_lint() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    recipes = dict(re.findall(r"^([a-z]+):.*\n((?:\t.*\n)+)", makefile, re.MULTILINE))
    parts = re.findall(r"^lint: ([a-z ]+) ##", makefile, re.MULTILINE)[0].split()
    tools = {line.split()[2] for part in parts for line in recipes[part].splitlines()}
    hooks = re.findall(
        r"^ +entry: \.venv/bin/(.+)$", (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"), re.MULTILINE
    )
    # A commit is put into its style where `make lint` only looks, so `ruff format` has no --check there.
    assert {hook.split()[0] for hook in hooks} == tools
    assert "pyright --pythonpath .venv/bin/python" in hooks
