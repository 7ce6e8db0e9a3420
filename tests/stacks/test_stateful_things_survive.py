"""No change of size, rate, TLS, class, tag or image replaces or removes what holds state (D-11).

What needs a replacement is read from the resource schemas that CloudFormation publishes, as shipped with cfn-lint, and
followed along references: a thing whose create-only property points to a replaced thing is replaced as well.
"""

from collections.abc import Iterator
from itertools import permutations
from typing import Any

import pytest
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

from sizing import SHARD_COUNTS
from tests.assembly import Assembly
from tests.conftest import Synth

STATEFUL = {
    "AWS::EC2::EIP",  # a webhook receiver may know the cluster by these addresses
    "AWS::EC2::NatGateway",
    "AWS::EC2::Subnet",
    "AWS::EC2::VPC",
    "AWS::ECS::Cluster",
    "AWS::EFS::AccessPoint",
    "AWS::EFS::FileSystem",
    "AWS::EFS::MountTarget",
    "AWS::ElasticLoadBalancingV2::Listener",
    "AWS::ElasticLoadBalancingV2::LoadBalancer",
    "AWS::ElasticLoadBalancingV2::TargetGroup",
    "AWS::KMS::Key",
    "AWS::Logs::LogGroup",
    "AWS::RDS::DBInstance",
    "AWS::RDS::DBParameterGroup",
    "AWS::RDS::DBSubnetGroup",
    "AWS::SNS::Topic",
    "AWS::SSM::Parameter",
    "AWS::SecretsManager::Secret",
}
MADE_ANEW = {"AWS::ECS::TaskDefinition"}
"""Replaced by nature: a new revision, which the service rolls out."""

BASE: dict[str, Any] = {}
CHANGES: dict[str, dict[str, Any]] = {
    "rate": {"messages_per_second": 100},
    "TLS": {"tls": "false", "allow_plaintext_database": "true"},
    "class": {"database_class": "db.r7g.2xlarge"},
    "storage": {"database_storage_gib": 500},
    "deletion protection": {"deletion_protection": "false"},
    "backups": {"backup_retention_days": 35},
    "tag": {"image_tag": "v2.57.2"},
    "registry": {"registry": "123456789012.dkr.ecr.us-east-1.amazonaws.com/client"},
    "host type": {"host_type": "m6i.4xlarge"},
    "trunking": {"eni_trunking": "false", "host_type": "c5.4xlarge"},
    "spares": {"spares": 2},
    "webs and masters": {"webs": 5, "masters": 2},
    "message type": {"message_type": "image1MB"},
    "callers": {"allowed_cidrs": "192.0.2.0/24"},
    "endpoints": {"interface_endpoints": "false"},
    "alarms": {"alarm_email": "ops@example.com"},
    "log retention": {"log_retention_days": 90},
    "rules of an organisation": {
        "tags": "Owner=messaging",
        "permissions_boundary": "workloads",
        "bootstrap_qualifier": "acme1",
        "volume_key_arn": "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
    },
}


CHANGED_IN_PLACE = {
    # "Some interruptions", when backups are turned on or off: https://docs.aws.amazon.com/AWSCloudFormation/latest/
    # TemplateReference/aws-resource-rds-dbinstance.html#cfn-rds-dbinstance-backupretentionperiod
    ("AWS::RDS::DBInstance", "/properties/BackupRetentionPeriod"),
}
"""Among what the schemas call create-only under conditions."""


def references(value: Any, stack: str, exports: dict[str, tuple[str, Any]]) -> Iterator[str]:
    """Yield `stack/logical id` of everything that a property points to, through exports too."""
    if isinstance(value, list):
        for item in value:
            yield from references(item, stack, exports)
    elif isinstance(value, dict):
        for key, inner in value.items():
            if key == "Ref":
                yield f"{stack}/{inner}"
            elif key == "Fn::GetAtt":
                yield f"{stack}/{inner[0]}"
            elif key == "Fn::ImportValue":
                home, exported = exports[inner]
                yield from references(exported, home, exports)
            else:
                yield from references(inner, stack, exports)


def imports_of(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from imports_of(item)
    elif isinstance(value, dict):
        for key, inner in value.items():
            if key == "Fn::ImportValue":
                yield inner
            else:
                yield from imports_of(inner)


def fixed_properties(kind: str) -> list[list[str]]:
    """Return the paths of the properties that cannot be changed in place, or not always."""
    if kind.startswith("Custom::") or kind == "AWS::CloudFormation::CustomResource":
        return [["ServiceToken"]]
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema
    paths = [*schema.get("createOnlyProperties", [])]
    if kind in STATEFUL:
        conditional = schema.get("conditionalCreateOnlyProperties", [])
        paths += [path for path in conditional if (kind, path) not in CHANGED_IN_PLACE]
    return [path.removeprefix("/properties/").split("/") for path in paths]


def at(properties: Any, path: list[str]) -> Any:
    for name in path:
        properties = properties.get(name) if isinstance(properties, dict) else None
    return properties


def replaced_or_removed(before: Assembly, after: Assembly) -> set[str]:
    """Return `stack/logical id` of what an update from `before` to `after` removes or makes anew."""
    old, new, exports = dict(before.everything()), dict(after.everything()), after.exports
    gone = {name for name in old if name not in new or new[name]["Type"] != old[name]["Type"]}
    fixed = {name: fixed_properties(new[name]["Type"]) for name in old.keys() & new.keys()}
    for name, paths in fixed.items():
        if any(
            at(old[name].get("Properties", {}), path) != at(new[name].get("Properties", {}), path) for path in paths
        ):
            gone.add(name)
    while True:
        followers = {
            name
            for name, paths in fixed.items()
            if name not in gone
            for path in paths
            if gone & set(references(at(new[name].get("Properties", {}), path), name.partition("/")[0], exports))
        }
        if not followers:
            return gone
        gone |= followers


def assert_survives(before: Assembly, after: Assembly) -> None:
    kinds = {name: item["Type"] for name, item in before.everything()}
    gone = replaced_or_removed(before, after)
    assert {name for name in gone if kinds[name] in STATEFUL} == set()
    replaced = {name for name in gone if name in dict(after.everything())}
    assert {name for name in replaced if kinds[name] not in MADE_ANEW} == set()
    assert_not_blocked(before, after)


def assert_not_blocked(before: Assembly, after: Assembly) -> None:
    """Assert that no export goes that is still imported: the exporting stack is updated first, and would be refused."""
    dropped = before.exports.keys() - after.exports.keys()
    assert dropped & {name for template in before.templates.values() for name in imports_of(template.body)} == set()


@pytest.mark.parametrize("deployment", ["production", "staging"])
@pytest.mark.parametrize(("smaller", "larger"), list(permutations(SHARD_COUNTS, 2)))
def test_any_size_becomes_any_other_in_place(synth: Synth, deployment: str, smaller: int, larger: int) -> None:
    assert_survives(synth(deployment, active_coreapps=smaller), synth(deployment, active_coreapps=larger))


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_made_in_place_and_taken_back_in_place(synth: Synth, change: str) -> None:
    before, after = synth(**BASE), synth(**BASE, **CHANGES[change])
    assert dict(before.everything()) != dict(after.everything()), "the change changes something"
    assert_survives(before, after)
    assert_survives(after, before)


def test_one_more_zone_leaves_every_subnet_where_it_is(synth: Synth) -> None:
    assert_survives(synth(), synth(availability_zones=4))


def test_the_shards_become_managed_in_one_deploy(synth: Synth) -> None:
    assert_survives(synth(), synth(manage_shards="true"))


def test_the_shards_are_let_go_with_the_enterprise_stack_first(synth: Synth) -> None:
    """Its custom resources need their functions until they are deleted, so the functions go in a second deploy."""
    on, off = synth(manage_shards="true"), synth()
    assert set(imports_of(off.enterprise.body)) <= on.exports.keys()
    kinds = dict(on.everything())
    gone = {name for name in replaced_or_removed(on, off) if kinds[name]["Type"] in STATEFUL}
    assert {kinds[name]["Type"] for name in gone} == {"AWS::Logs::LogGroup"}
    # Only a group whose name CloudFormation made up can stay: one that kept a name of its own would keep the shards
    # from being managed again. The runbook's is one, and its functions log the same steps.
    named = {name for name in gone if "LogGroupName" in kinds[name]["Properties"]}
    assert all("ShardsRunbookLog" in name for name in named)
    assert len(named) == 1
    assert {kinds[name]["DeletionPolicy"] for name in gone - named} == {"RetainExceptOnCreate"}
    assert {kinds[name]["DeletionPolicy"] for name in named} == {"Delete"}


def test_a_replacement_would_be_seen(synth: Synth) -> None:
    before, after = synth(), synth(vpc_cidr="10.1.0.0/16")
    gone = replaced_or_removed(before, after)
    kinds = {item["Type"] for name, item in before.everything() if name in gone}
    # Directly, by reference, and by reference across stacks.
    assert {"AWS::EC2::VPC", "AWS::EC2::Subnet", "AWS::EFS::MountTarget"} <= kinds
