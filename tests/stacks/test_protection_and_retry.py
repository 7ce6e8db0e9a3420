"""Nothing goes by mistake, and nothing that stays is in the way of the next create (T-3, T-5, T-42)."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

from tests.assembly import STACKS, Assembly
from tests.conftest import Synth

DEPLOYMENTS: list[tuple[str, dict[str, Any]]] = [
    ("production", {}),
    ("production", {"manage_shards": "true"}),
    ("staging", {}),
    ("staging", {"delete_data_with_stack": "true"}),
    ("local", {}),
]
STATEFUL = {
    "AWS::EFS::FileSystem",
    "AWS::KMS::Key",
    "AWS::Logs::LogGroup",
    "AWS::RDS::DBInstance",
    "AWS::SecretsManager::Secret",
}
"""What holds something that nobody can make again. A topic, a cluster or a parameter is made anew from the template."""


@pytest.fixture(scope="module", params=DEPLOYMENTS, ids=lambda asked: " ".join([asked[0], *asked[1]]))
def made(request: pytest.FixtureRequest, synth: Synth) -> Assembly:
    deployment, context = request.param
    return synth(deployment, **context)


def references(value: Any) -> Iterator[str]:
    """Yield what a property is made of that another stack, or the same stack made again, has otherwise."""
    if isinstance(value, list):
        for item in value:
            yield from references(item)
    elif isinstance(value, dict):
        for key, inner in value.items():
            if key == "Ref" and (not inner.startswith("AWS::") or inner == "AWS::StackId"):
                yield inner
            elif key in ("Fn::GetAtt", "Fn::ImportValue"):
                yield str(inner)
            else:
                yield from references(inner)


def names(kind: str, properties: dict[str, Any]) -> dict[str, Any]:
    """Return the properties that tell a resource from the others of its type, as far as the template gives them."""
    if kind.startswith("Custom::") or kind == "AWS::CloudFormation::CustomResource":
        return {}
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema
    keys = [path.rpartition("/")[2] for path in schema["primaryIdentifier"]]
    return {key: properties[key] for key in keys if key in properties}


GO_WITH_THE_STACK = {"lambda/ShardsRunbookLog"}
"""The log of the runbook has a fixed name (T-28), and its functions log the same steps."""


def fixed_names(made: Assembly) -> dict[str, Any]:
    """Return the resources whose whole name is known before the deploy, so that a second one could not be made."""
    found = {
        name: names(item["Type"], item.get("Properties", {}))
        for name, item in made.everything()
        # CloudWatch Logs deletes a group at once, so the name of one that goes with its stack is free again.
        if (item["Type"], item.get("DeletionPolicy")) != ("AWS::Logs::LogGroup", "Delete")
    }
    return {name: given for name, given in found.items() if given and not list(references(given))}


def test_no_resource_has_a_name_that_the_next_create_would_find_taken(made: Assembly) -> None:
    """Neither what a failed create could not delete, nor what a destroy has kept, is in the way."""
    assert fixed_names(made) == {}
    (database,) = made.database.of("AWS::RDS::DBInstance").values()
    assert "AWS::StackId" in str(names(database["Type"], database["Properties"])), "the check sees names"


def test_what_holds_state_outlives_the_stack_but_not_a_failed_create(made: Assembly) -> None:
    kept = {
        name: (item["DeletionPolicy"], item["UpdateReplacePolicy"])
        for name, item in made.everything()
        if item["Type"] in STATEFUL and name.removesuffix(name[-8:]) not in GO_WITH_THE_STACK
    }
    kinds = {item["Type"] for _, item in made.everything()}
    assert kinds >= STATEFUL - {"AWS::SecretsManager::Secret"}
    allowed = (
        {("Delete", "Delete")}
        if made.settings.delete_data_with_stack
        else {("RetainExceptOnCreate", "Retain"), ("Snapshot", "Snapshot")}
    )
    assert set(kept.values()) <= allowed, kept


def test_no_other_resource_is_kept(made: Assembly) -> None:
    """Each thing that stays was chosen: what stays by accident costs money and gets in the way."""
    kept = {
        item["Type"]
        for _, item in made.everything()
        if not {item.get("DeletionPolicy", "Delete"), item.get("UpdateReplacePolicy", "Delete")} <= {"Delete"}
    }
    assert kept <= STATEFUL


def test_no_template_protects_what_the_rollback_of_a_create_must_delete(made: Assembly) -> None:
    """Protected from the beginning, they would refuse to go, and the stack would end in ROLLBACK_FAILED (T-3)."""
    for template in made.templates.values():
        text = json.dumps(template.body)
        assert "deletion_protection.enabled" not in text
        assert "DeletionProtection" not in text


def protections(made: Assembly) -> dict[str, Any]:
    return made.enterprise.of("AWS::CloudFormation::CustomResource", "Protection")


def test_protection_is_switched_on_in_production_and_where_it_is_asked_for(synth: Synth) -> None:
    assert len(protections(synth())) == 1
    assert protections(synth(deletion_protection="false")) == {}
    assert protections(synth("staging")) == protections(synth("local")) == {}


@pytest.mark.parametrize("context", [{}, {"manage_shards": "true"}], ids=["plain", "shards"])
def test_protection_comes_after_everything_that_may_fail(synth: Synth, context: dict[str, Any]) -> None:
    template = synth(**context).enterprise
    (protection,) = template.of("AWS::CloudFormation::CustomResource", "Protection")
    before = template.waits_for(protection)
    for kind in (
        "AWS::ECS::Service",
        "AWS::AutoScaling::AutoScalingGroup",
        "AWS::ElasticLoadBalancingV2::Listener",
        "AWS::CloudWatch::Alarm",
        "AWS::CloudWatch::Dashboard",
    ):
        found = set(template.of(kind))
        assert found
        assert found <= before, kind
    # The raise is still the very last, so that nothing can fail after it and roll it back.
    after = {name for name in template.resources if protection in template.waits_for(name)}
    assert after == ({"ShardsAfter"} if context else set())


def test_protection_may_change_these_two_alone_and_has_its_rights_first(production: Assembly) -> None:
    template = production.enterprise
    (balancer,) = template.of("AWS::ElasticLoadBalancingV2::LoadBalancer")
    ((name, policy),) = template.of("AWS::IAM::Policy", "ProtectionPolicy").items()
    told = template.one("AWS::CloudFormation::CustomResource", "Protection")
    rights = {item["Action"]: item["Resource"] for item in policy["Properties"]["PolicyDocument"]["Statement"]}
    assert set(rights) == {"elasticloadbalancing:ModifyLoadBalancerAttributes", "rds:ModifyDBInstance"}
    assert rights["elasticloadbalancing:ModifyLoadBalancerAttributes"] == {"Ref": balancer} == told["LoadBalancerArn"]
    database = rights["rds:ModifyDBInstance"]["Fn::Join"][1]
    assert database[-2:] == [":db:", told["DatabaseIdentifier"]]
    assert "DatabaseInstance" in str(production.follow(told["DatabaseIdentifier"]))
    assert name in template.resources["Protection"]["DependsOn"]
    # It is the function's role, in the Lambda stack, where it has no other right than to write its log.
    (role,) = policy["Properties"]["Roles"]
    assert "ProtectionRole" in str(production.follow(role))


def termination_protection(made: Assembly) -> dict[str, bool]:
    artifacts = json.loads((made.folder / "manifest.json").read_text(encoding="utf-8"))["artifacts"]
    return {
        name.removeprefix(f"{made.settings.name}-"): item["properties"].get("terminationProtection", False)
        for name, item in artifacts.items()
        if item["type"] == "aws:cloudformation:stack"
    }


def test_production_is_stopped_before_the_first_stack_goes(synth: Synth) -> None:
    """`cdk destroy` deletes the services first, long before a database refuses (T-42)."""
    assert termination_protection(synth()) == dict.fromkeys(STACKS, True)
    assert termination_protection(synth(deletion_protection="false")) == dict.fromkeys(STACKS, False)
    assert termination_protection(synth("staging")) == dict.fromkeys(STACKS, False)
