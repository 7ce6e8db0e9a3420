"""What AWS limits: the size of a template (T-30), and the length of names that are made from the deployment's."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from emulator.workspace import Workspace
from stacks.settings import Settings, SettingsError
from tests.assembly import filled_in
from tests.conftest import Synth

# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
MOST_BYTES, MOST_RESOURCES, MOST_OUTPUTS = 1_000_000, 500, 200

LONGEST_NAME = "wa-" + "x" * 37
LARGEST: dict[str, Any] = {
    "name": LONGEST_NAME,
    "region": "ap-northeast-2",
    "active_coreapps": 32,
    "availability_zones": 4,
    "manage_shards": "true",
    "load_balancer_scheme": "internet-facing",
    "registry": "123456789012.dkr.ecr.ap-northeast-2.amazonaws.com/whatsapp",
    "alarm_email": "operations@example.com",
    "allowed_cidrs": "192.0.2.0/24,203.0.113.7/32",
    "shards_ca_parameter": "/client/ca",
}
"""The settings that lengthen a template, with the longest name."""


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The largest templates as the CDK CLI writes them, with the path of each construct in its metadata."""
    folder = tmp_path_factory.mktemp("cli")
    words = [word for key, value in LARGEST.items() for word in ("-c", f"{key}={value}")]
    workspace = Workspace()
    subprocess.run(
        [workspace.tools / "cdk", "synth", "--quiet", "--output", folder, *words],
        cwd=workspace.project,
        # The CDK's own validation, more than half of a synth, judges the same settings in test_every_size.
        env={**workspace.cli_environment(None), "CDK_VALIDATION": "false"},
        stdin=subprocess.DEVNULL,
        check=True,
    )
    return sorted(folder.glob("*.template.json"))


def test_the_largest_templates_are_far_from_what_cloudformation_takes(written: list[Path]) -> None:
    assert len(written) == 4
    for path in written:
        body = json.loads(path.read_text(encoding="utf-8"))
        assert any("aws:cdk:path" in item.get("Metadata", {}) for item in body["Resources"].values()), "as the CLI does"
        assert "CheckBootstrapVersion" in body["Rules"], "an account that is not bootstrapped is told so"
        assert path.read_bytes().count(b"\n") > 100, "a person can read it"
        # A template that reached half of a limit would deserve a look before it reaches the whole.
        assert path.stat().st_size < MOST_BYTES / 2
        assert len(body["Resources"]) < MOST_RESOURCES / 2
        assert len(body["Outputs"]) < MOST_OUTPUTS / 2


def test_every_name_made_from_the_longest_is_one_that_aws_takes(synth: Synth) -> None:
    made = synth(**LARGEST)
    assert len(LONGEST_NAME) == 40
    identifier = filled_in(made.database.one("AWS::RDS::DBInstance")["DBInstanceIdentifier"])
    assert re.fullmatch("[a-z](-?[a-z0-9])*", identifier)
    assert len(identifier) <= 63
    assert {len(template.path.name.removesuffix(".template.json")) <= 128 for template in made.templates.values()} == {
        True
    }
    assert max(map(len, made.exports)) <= 255
    names = [
        (item["Type"], filled_in(value))
        for _, item in made.everything()
        for key, value in item.get("Properties", {}).items()
        if key.endswith("Name") and key.removesuffix("Name") in item["Type"]
        if isinstance(value, str) or "AWS::StackId" in str(value)
    ]
    # CloudFormation makes every other name, and cuts it to what the service takes.
    most = {"AWS::Logs::LogGroup": 512, "AWS::IAM::Policy": 128}
    assert {kind for kind, _ in names} == most.keys()
    assert [(kind, name) for kind, name in names if len(name) > most[kind]] == []


@pytest.mark.parametrize("name", ["wa", LONGEST_NAME + "x", "wa--twice", "wa-", "2wa"])
def test_a_name_that_rds_would_refuse_is_refused_before(name: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(f"name: got '{name}'; allowed: 3 to 40 lower-case letters")):
        Settings.from_context({"deployments": {"production": {}}, "name": name})
