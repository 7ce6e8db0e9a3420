"""What linters and rule packs say about the templates: nothing, or a waiver with a reason."""

import json
from pathlib import Path
from typing import Any

import cdk_nag
import pytest
from aws_cdk import Stack, Validations
from aws_cdk import aws_s3 as s3

from stacks.deployment import add_stacks, new_app
from stacks.settings import Settings
from tests.assembly import CDK_CONTEXT
from tests.conftest import Synth
from tests.kept import lint

REGIONS = ("us-east-1", "eu-west-1", "ap-south-1", "sa-east-1")
LINTED = [("production", {"region": region}) for region in REGIONS]
LINTED += [("staging", {}), ("local", {}), ("production", {"manage_shards": "true"})]
AUDITED = [{}, {"manage_shards": "true", "shards_ca_parameter": "/client/ca"}]


@pytest.mark.parametrize(("deployment", "context"), LINTED, ids=lambda part: str(part))
def test_cfn_lint_finds_neither_error_nor_warning(synth: Synth, deployment: str, context: dict[str, Any]) -> None:
    made = synth(deployment, **context)
    found = [line for template in made.templates.values() for line in lint(template.path, made.settings.region)]
    assert found == []


def report_of(folder: Path) -> list[dict[str, Any]]:
    return json.loads((folder / "validation-report.json").read_text(encoding="utf-8"))["pluginReports"]


def audited(folder: Path, context: dict[str, Any]) -> dict[str, Any]:
    """Return what cdk-nag's AwsSolutions pack reports about the four stacks."""
    app = new_app({**CDK_CONTEXT, **context}, folder)
    Validations.of(app).add_plugins(cdk_nag.AwsSolutionsChecks(app))
    settings, plan = Settings.from_context(app.node.get_all_context())
    add_stacks(app, settings, plan)
    app.synth()  # ends with an error when a finding is not waived
    (report,) = report_of(folder)
    return report


@pytest.fixture(scope="module", params=AUDITED, ids=lambda context: ",".join(context))
def production_audit(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return audited(tmp_path_factory.mktemp("audit"), request.param)


def test_aws_solutions_finds_nothing_in_production_that_is_not_waived(production_audit: dict[str, Any]) -> None:
    assert (production_audit["conclusion"], production_audit["violations"]) == ("success", [])


def test_each_waiver_names_one_construct_and_gives_a_reason(production_audit: dict[str, Any]) -> None:
    waived = production_audit["suppressedViolations"]
    assert waived
    for item in waived:
        assert len(item["reason"].split()) >= 10, item["reason"]
        # Not a whole stack: `stack/construct` at least.
        assert item["acknowledgedAt"].count("/") >= 1, item["acknowledgedAt"]


def test_the_rules_of_the_cdk_itself_and_of_the_pack_are_really_on(tmp_path: Path) -> None:
    app = new_app(CDK_CONTEXT, tmp_path)
    Validations.of(app).add_plugins(cdk_nag.AwsSolutionsChecks(app))
    s3.Bucket(Stack(app, "careless"), "Bucket")
    Stack(app, "empty")
    with pytest.raises(RuntimeError, match="AwsSolutions-S1"):
        app.synth()
    found = {report["pluginName"] for report in report_of(tmp_path) if report["violations"]}
    assert found == {"AwsSolutions", "CloudFormation Validate"}
