"""What linters and rule packs say about the templates: nothing, or a waiver with a reason."""

import json
import re
from pathlib import Path
from typing import Any

import cdk_nag
import pytest
from aws_cdk import Stack, Validations
from aws_cdk import aws_s3 as s3

from stacks.deployment import add_stacks, new_app
from stacks.settings import Settings
from tests.assembly import CDK_CONTEXT, ROOT, STACKS
from tests.conftest import Synth
from tests.kept import lint
from tests.stacks.test_limits import LARGEST

REGIONS = ("us-east-1", "eu-west-1", "ap-south-1", "sa-east-1")
LINTED: dict[str, tuple[str, dict[str, Any]]] = {
    "staging with the shortest name": ("staging", {"name": "w2x"}),
    "local": ("local", {}),
    "production with the longest name and managed shards": ("production", LARGEST),
}
AUDITED = [{}, {"manage_shards": "true", "shards_ca_parameter": "/client/ca"}]


@pytest.mark.parametrize(("deployment", "context"), LINTED.values(), ids=LINTED)
def test_cfn_lint_finds_neither_error_nor_warning(synth: Synth, deployment: str, context: dict[str, Any]) -> None:
    made = synth(deployment, **context)
    found = [line for template in made.templates.values() for line in lint(template.path, made.settings.region)]
    assert found == []


@pytest.mark.parametrize("stack", STACKS)
def test_cfn_lint_finds_nothing_in_production_in_any_of_the_regions(synth: Synth, stack: str) -> None:
    """One template stands for all regions whose own differ from it in the name of the region alone.

    Cfn-lint judges a template for several regions in the time that it takes for one.
    """
    same: dict[str, list[str]] = {}
    for region in REGIONS:
        text = synth(region=region).templates[stack].path.read_text(encoding="utf-8")
        same.setdefault(text.replace(region, "REGION"), []).append(region)
    found = [line for near in same.values() for line in lint(synth(region=near[0]).templates[stack].path, *near)]
    assert found == []


def test_cfn_lint_is_really_asked(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.template.json"
    wrong.write_text(json.dumps({"Resources": {"One": {"Type": "AWS::S3::Buckets"}}}), encoding="utf-8")
    first = lint(wrong, *REGIONS)
    assert [line.partition(" ")[2][:5] for line in first] == ["E3006"] * len(REGIONS), "once for each region"
    assert lint(wrong, *REGIONS) == first, "a finding is not forgotten"


def report_of(folder: Path) -> list[dict[str, Any]]:
    return json.loads((folder / "validation-report.json").read_text(encoding="utf-8"))["pluginReports"]


def audited(folder: Path, context: dict[str, Any]) -> dict[str, Any]:
    """Return what cdk-nag's AwsSolutions pack reports about the four stacks."""
    app = new_app({**CDK_CONTEXT, **context}, folder)
    Validations.of(app).add_plugins(cdk_nag.AwsSolutionsChecks(app))
    settings, plan = Settings.from_context(app.node.get_all_context())
    add_stacks(app, settings, plan)
    app.synth()  # ends with an error when a finding is not waived
    reports = {report["pluginName"]: report for report in report_of(folder)}
    reports.pop("Construct Annotations", None)  # our own advice, which tests/stacks/test_advice.py knows
    assert all(report["violations"] == [] for report in reports.values())
    return reports["AwsSolutions"]


@pytest.fixture(scope="module", params=AUDITED, ids=lambda context: ",".join(context))
def production_audit(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return audited(tmp_path_factory.mktemp("audit"), request.param)


def test_aws_solutions_finds_nothing_in_production_that_is_not_waived(production_audit: dict[str, Any]) -> None:
    assert (production_audit["conclusion"], production_audit["violations"]) == ("success", [])


# What says only that somebody wanted silence, or speaks of the tool instead of the resource.
EMPTY = re.compile(
    r"false positive|not (?:needed|required|relevant|applicable|an issue)|by design|intended|accept|suppress|waive|"
    r"ignore|best practice|n/a|todo|cdk[-_ ]?nag|cfn[-_ ]?lint|checkov|scanner|linter|awssolutions|\brules?\b",
    re.IGNORECASE,
)


def content(text: str) -> set[str]:
    """Return the words that carry a text's meaning, without plural endings."""
    grammar = {"does", "have", "with", "that", "this", "those", "there", "from", "uses", "they", "their", "which"}
    return {word.rstrip("s") for word in re.findall(r"[a-z0-9]{4,}", text.lower()) if word not in grammar}


def faults(reason: str, finding: str, description: str) -> list[str]:
    """Return why a waiver's reason is none, so that no padding makes it one.

    Args:
        reason: What the waiver says.
        finding: The finding's name, such as `AwsSolutions-SMG4`.
        description: What the rule pack says about the finding.
    """
    said = content(description)
    found = {
        "is no sentence that ends in one full stop": not re.fullmatch(r"[^\s].*[^.\s]\.", reason),
        "wants silence, or speaks of a tool": EMPTY.search(reason) is not None,
        "names the finding": finding.partition("[")[0].partition("-")[2].lower() in reason.lower().split(),
        "repeats the finding": len(said & content(reason)) >= 0.75 * len(said),
        "says nothing that the finding did not": not content(reason) - said,
        "names a document that is not there": any(
            not (ROOT / path).is_file() for path in re.findall(r"docs/[\w-]+\.md", reason)
        ),
    }
    return [fault for fault, there in found.items() if there]


def test_each_waiver_names_one_construct_and_gives_a_reason(production_audit: dict[str, Any]) -> None:
    waived = production_audit["suppressedViolations"]
    assert waived
    for item in waived:
        assert faults(item["reason"], item["ruleName"], item["description"]) == [], item["reason"]
        # Not a whole stack: `stack/construct` at least.
        assert item["acknowledgedAt"].count("/") >= 1, item["acknowledgedAt"]
    # A reason may serve one rule in several places, never two rules: they ask different things.
    rules = {(item["reason"], item["ruleName"].partition("[")[0]) for item in waived}
    assert len({reason for reason, _ in rules}) == len(rules)


@pytest.mark.parametrize(
    "reason",
    [
        "",
        "Rotation",
        "Automatic rotation of the secret is not scheduled.",
        "For now, and for many good and valid reasons, rotation of this secret is not scheduled to be automatic.",
        "This is a false positive, as everybody who has looked at it in all these years agreed.",
        "Suppressed, since cdk-nag reports it.",
        "The secret is not scheduled.",
        "SMG4 is of no use for a key of this kind.",
        "A restart of the tier follows (docs/nowhere.md).",
        "Read once when a container starts..",
    ],
)
def test_a_reason_that_is_none_is_found(reason: str) -> None:
    assert faults(reason, "AwsSolutions-SMG4", "The secret does not have automatic rotation scheduled.")


def test_the_rules_of_the_cdk_itself_and_of_the_pack_are_really_on(tmp_path: Path) -> None:
    app = new_app(CDK_CONTEXT, tmp_path)
    Validations.of(app).add_plugins(cdk_nag.AwsSolutionsChecks(app))
    s3.Bucket(Stack(app, "careless"), "Bucket")
    Stack(app, "empty")
    with pytest.raises(RuntimeError, match="AwsSolutions-S1"):
        app.synth()
    found = {report["pluginName"] for report in report_of(tmp_path) if report["violations"]}
    assert found == {"AwsSolutions", "CloudFormation Validate"}
