"""What cdk.json makes the CDK CLI say, of itself, at each command: nothing."""

import json
from pathlib import Path

from stacks.deployment import new_app

CONTEXT = json.loads((Path(__file__).parents[2] / "cdk.json").read_text(encoding="utf-8"))["context"]


def test_no_key_is_one_that_the_cli_warns_of() -> None:
    assert [key for key in CONTEXT if key.startswith("aws:")] == []


def test_every_feature_flag_that_the_cli_would_remind_of_is_decided(tmp_path: Path) -> None:
    """`cdk synth` counts those that are not set and whose default is not the recommended value."""
    new_app(CONTEXT, tmp_path).synth()
    artifacts = json.loads((tmp_path / "manifest.json").read_text())["artifacts"].values()
    (report,) = [each["properties"] for each in artifacts if each["type"] == "cdk:feature-flag-report"]
    # The CLI passes over these three, which are obsolete.
    obsolete = {
        "@aws-cdk/core:enableStackNameDuplicates",
        "@aws-cdk/aws-s3:grantWriteWithoutAcl",
        "@aws-cdk/aws-kms:defaultKeyPolicies",
    }
    undecided = [
        name
        for name, flag in report["flags"].items()
        if name not in obsolete
        and "userValue" not in flag
        and flag.get("unconfiguredBehavesLike", {}).get("v2", False) != flag["recommendedValue"]
    ]
    assert undecided == []
    assert len(report["flags"]) > 80
