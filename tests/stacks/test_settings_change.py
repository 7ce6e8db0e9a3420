"""What each settings key says of a change on a live deployment is what its templates would do, both ways (T-6).

Each key has two values here. Both are synthesized, and an update from one to the other, and back, is judged by the
resource schemas that CloudFormation publishes and by the exports that one stack takes from another.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from emulator.handlers.replacement import needs_replacement
from stacks.settings import Settings
from stacks.settings.change import IN_PLACE, STACKS, Change
from stacks.settings.declaration import change_of, choices_of
from tests.assembly import CDK_CONTEXT, Assembly
from tests.conftest import Synth
from tests.stacks.test_stateful_things_survive import BASE, STATEFUL, imports_of, references, replaced_or_removed

Context = Mapping[str, Any]

MANAGED: Context = {**BASE, "manage_shards": "true"}
STAGING: Context = {**BASE, "deployment": "staging"}
OPEN: Context = {**MANAGED, "load_balancer_scheme": "internet-facing", "allowed_cidrs": "192.0.2.0/24"}
KEY = "arn:aws:kms:us-east-1:111122223333:key/00000000-0000-0000-0000-000000000000"
PLAINTEXT: Context = {**BASE, "allow_plaintext_database": "true"}

VALUES: dict[str, tuple[Context, Context]] = {
    "active_coreapps": (BASE, {**BASE, "active_coreapps": 32}),
    "messages_per_second": (
        {**BASE, "message_type": "video", "messages_per_second": 10},
        {**BASE, "message_type": "video", "messages_per_second": 250},
    ),
    "message_type": (BASE, {**BASE, "message_type": "image1MB"}),
    "spares": (BASE, {**BASE, "spares": 0}),
    "webs": (BASE, {**BASE, "webs": 20}),
    "masters": (BASE, {**BASE, "masters": 2}),
    "host_type": (BASE, {**BASE, "host_type": "m6i.4xlarge"}),
    "host_families": (BASE, {**BASE, "host_families": "r6i"}),
    "eni_trunking": (BASE, {**BASE, "eni_trunking": "false"}),
    "database_class": (BASE, {**BASE, "database_class": "db.r7g.2xlarge"}),
    "database_families": (BASE, {**BASE, "database_families": "r7g"}),
    "database_storage_gib": (BASE, {**BASE, "database_storage_gib": 500}),
    "database_max_storage_gib": (BASE, {**BASE, "database_max_storage_gib": 5000}),
    "database_user": ({"deployment": "local", "database_user": "client"}, {"deployment": "local"}),
    "tls": (PLAINTEXT, {**PLAINTEXT, "tls": "false"}),
    "allow_plaintext_database": (BASE, PLAINTEXT),
    "backup_retention_days": (BASE, {**BASE, "backup_retention_days": 35}),
    "availability_zone_names": (BASE, {**BASE, "availability_zone_names": "use1-az1,use1-az2,use1-az4"}),
    "availability_zones": (BASE, {**BASE, "availability_zones": 4}),
    "vpc_cidr": (BASE, {**BASE, "vpc_cidr": "10.1.0.0/16"}),
    "nat_gateways": (OPEN, {**OPEN, "nat_gateways": 1}),
    "interface_endpoints": (MANAGED, {**MANAGED, "interface_endpoints": "false"}),
    "without_endpoints": (BASE, {**BASE, "without_endpoints": "ecs-telemetry,ssmmessages"}),
    "load_balancer_scheme": (
        {**BASE, "allowed_cidrs": "192.0.2.0/24"},
        {**BASE, "allowed_cidrs": "192.0.2.0/24", "load_balancer_scheme": "internet-facing"},
    ),
    "allowed_cidrs": (BASE, {**BASE, "allowed_cidrs": "192.0.2.0/24"}),
    "allow_any_address": (BASE, {**BASE, "allow_any_address": "true"}),
    "registry": (BASE, {**BASE, "registry": "123456789012.dkr.ecr.us-east-1.amazonaws.com/client"}),
    "image_tag": (BASE, {**BASE, "image_tag": "v2.57.2"}),
    "manage_shards": (BASE, MANAGED),
    "shards_secret": (MANAGED, {**MANAGED, "shards_secret": "ours/account"}),
    "shards_endpoint": (MANAGED, {**MANAGED, "shards_endpoint": "https://wa.example"}),
    "shards_ca_parameter": (MANAGED, {**MANAGED, "shards_ca_parameter": "/client/ca"}),
    "certificate_max_age_days": (MANAGED, {**MANAGED, "certificate_max_age_days": 7}),
    "log_retention_days": (BASE, {**BASE, "log_retention_days": 90}),
    "alarm_email": (BASE, {**BASE, "alarm_email": "ops@example.com"}),
    **{
        key: (BASE, {**BASE, key: "false"})
        for key in ("no_new_privileges", "init_process", "memory_limits", "container_health_checks")
    },
    "deletion_protection": (BASE, {**BASE, "deletion_protection": "false"}),
    "tags": (BASE, {**BASE, "tags": "Owner=ops"}),
    "permissions_boundary": (BASE, {**BASE, "permissions_boundary": "Boundary"}),
    "bootstrap_qualifier": (BASE, {**BASE, "bootstrap_qualifier": "ours"}),
    "secrets_key_arn": (MANAGED, {**MANAGED, "secrets_key_arn": KEY}),
    "volume_key_arn": (BASE, {**BASE, "volume_key_arn": KEY}),
    "delete_data_with_stack": (STAGING, {**STAGING, "delete_data_with_stack": "true"}),
}
"""For each key two contexts that differ in its value alone."""

ELSEWHERE: dict[str, tuple[Context, Context]] = {
    "deployment": ({}, {"deployment": "staging"}),
    "environment": ({}, {"environment": "staging"}),
    "name": ({}, {"name": "wa-other"}),
    "region": ({}, {"region": "eu-west-1"}),
    "account": ({}, {"account": "123456789012"}),
}
"""Keys whose other value leads to other stacks: other names, another region or another account."""

GIVES_UP: dict[str, set[str]] = {
    "availability_zones": {
        "AWS::EC2::EIP",
        "AWS::EC2::NatGateway",
        "AWS::EC2::Subnet",
        "AWS::EFS::MountTarget",
    },
    "database_user": {"AWS::Logs::LogGroup", "AWS::SecretsManager::Secret"},
    "load_balancer_scheme": {
        "AWS::ElasticLoadBalancingV2::Listener",
        "AWS::ElasticLoadBalancingV2::LoadBalancer",
        "AWS::ElasticLoadBalancingV2::TargetGroup",
    },
    "manage_shards": {"AWS::Logs::LogGroup"},
    "nat_gateways": {"AWS::EC2::EIP", "AWS::EC2::NatGateway"},
}
"""The types of stateful resources that one way or the other removes or makes anew."""

GROWS: dict[str, tuple[str, str]] = {
    "database_storage_gib": ("AWS::RDS::DBInstance", "AllocatedStorage"),
}
"""Properties of which AWS takes higher values alone (T-17), so that the templates cannot tell."""

INTERRUPTING = {"DBInstanceClass", "EngineVersion"}
"""Properties of an RDS instance that are changed with "some interruptions", of those that settings reach:
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-rds-dbinstance.html"""


def together() -> dict[str, list[str]]:
    """Return the keys whose changes are judged at once, by a name for them.

    Keys that say "in place" and begin at the same context are changed all at once: none of them may do anything else,
    and a synth costs a second. Any other key is changed alone.
    """
    groups: dict[str, list[str]] = {}
    for key, (first, _) in VALUES.items():
        groups.setdefault(f"in place from {json.dumps(first)}" if said(key) == IN_PLACE else key, []).append(key)
    return {",".join(keys): keys for keys in groups.values()}


def said(key: str) -> Change | None:
    return change_of(Settings.model_fields[key]) if key in Settings.model_fields else None


@dataclass(frozen=True)
class Update:
    """What CloudFormation would do to one assembly's stacks to make them another's."""

    before: Assembly
    after: Assembly

    @property
    def gone(self) -> set[str]:
        """Everything that is removed or made anew, as `stack/logical id`."""
        return replaced_or_removed(self.before, self.after)

    @property
    def replaced_by_the_target(self) -> set[str]:
        """What the embedded target would make anew, of the resources that stay."""
        new = dict(self.after.everything())
        return {
            name
            for name, item in self.before.everything()
            if name in new
            and new[name]["Type"] == item["Type"]
            and needs_replacement(item["Type"], item.get("Properties", {}), new[name].get("Properties", {}))
        }

    @property
    def gives_up(self) -> set[str]:
        """The types of stateful resources among it."""
        kinds = {name: item["Type"] for name, item in self.before.everything()}
        return {kinds[name] for name in self.gone} & STATEFUL

    @property
    def restarts(self) -> set[str]:
        """The parts of the deployment that are renewed."""
        new, found = dict(self.after.everything()), set()
        for name, item in self.before.everything():
            old, other = item.get("Properties", {}), new.get(name, {}).get("Properties", {})
            if item["Type"] == "AWS::ECS::TaskDefinition" and old != other:
                found.add("tasks")
            if item["Type"] == "AWS::EC2::LaunchTemplate" and old != other:
                found.add("hosts")
            if item["Type"] == "AWS::RDS::DBInstance" and any(old.get(key) != other.get(key) for key in INTERRUPTING):
                found.add("database")
        return found

    def refusals(self, first: Iterable[str] = ()) -> list[str]:
        """Return what CloudFormation refuses when the stacks are deployed in their order.

        Args:
            first: Stacks that are deployed alone before, each with nothing but itself.
        """
        found, gone = [], self.gone
        present = {stack: template.body for stack, template in self.before.templates.items()}
        for stack in (*first, *STACKS):
            body = self.after.templates[stack].body
            others = {name: other for name, other in present.items() if name != stack}
            used = {name for other in others.values() for name in imports_of(other)}
            old, new = exports(present[stack]), exports(body)
            for name in sorted(used & old.keys()):
                behind = set(references(old[name], stack, self.before.exports))
                if name not in new or new[name] != old[name] or behind & gone:
                    found.append(f"{stack}: export {name} is in use")
            known = {name for other in others.values() for name in exports(other)}
            found += [f"{stack}: no export named {name}" for name in sorted(set(imports_of(body)) - known)]
            present[stack] = body
        return found


def exports(body: Mapping[str, Any]) -> dict[str, Any]:
    return {each["Export"]["Name"]: each["Value"] for each in body.get("Outputs", {}).values() if "Export" in each}


def declared(key: str) -> Change:
    change = said(key)
    assert change is not None, f"{key}: say in its declaration how it changes, with one of stacks/settings/change.py"
    return change


def test_every_key_says_how_it_changes_and_has_two_values_here() -> None:
    undeclared = [key for key, field in Settings.model_fields.items() if change_of(field) is None]
    assert undeclared == [], (
        f"say how {', '.join(undeclared)} change on a live deployment: `change=` in stacks/settings/keys/, with one of "
        "the functions in stacks/settings/change.py; docs/settings.md shows it"
    )
    one_value = {key for key, field in Settings.model_fields.items() if len(choices_of(field)) == 1}
    known = VALUES.keys() | ELSEWHERE.keys() | one_value
    assert Settings.model_fields.keys() - known == set(), "give these keys two values in VALUES of this file"
    assert known - Settings.model_fields.keys() == set(), "there are no such keys any more"


@pytest.mark.parametrize("key", VALUES)
def test_the_two_values_of_a_key_differ_in_it_alone(key: str) -> None:
    first, second = VALUES[key]
    assert {name for name in {**first, **second} if first.get(name) != second.get(name)} == {key}
    before, after = (Settings.from_context({**CDK_CONTEXT, **context})[0] for context in VALUES[key])
    assert getattr(before, key) != getattr(after, key)


@pytest.mark.parametrize("key", ELSEWHERE)
def test_a_key_that_leads_elsewhere_touches_no_stack_that_is_there(key: str) -> None:
    first, second = (Settings.from_context({**CDK_CONTEXT, **context})[0] for context in ELSEWHERE[key])
    assert getattr(first, key) != getattr(second, key)
    assert (first.name, first.region, first.account) != (second.name, second.region, second.account)
    assert declared(key).kind == "never"


@pytest.mark.parametrize("keys", together().values(), ids=together())
def test_a_change_does_what_its_key_says_both_ways(synth: Synth, keys: list[str]) -> None:
    key = keys[0]
    first = synth(**VALUES[key][0])
    second = synth(**{name: value for each in keys for name, value in VALUES[each][1].items()})
    ways = (Update(first, second), Update(second, first))
    change = declared(key)
    assert all(way.replaced_by_the_target <= way.gone for way in ways)
    refused = [way.refusals() for way in ways]
    assert set().union(*(way.gives_up for way in ways)) == GIVES_UP.get(key, set()) or change.kind == "never"
    restarted = set().union(*(way.restarts for way in ways))
    match change.kind:
        case "in place":
            assert refused == [[], []]
            assert restarted == set()
        case "restart":
            assert refused == [[], []]
            assert restarted == set(change.restarts)
        case "one way":
            assert refused == [[], []]
            resource, prop = GROWS[key]
            (old, new) = (each.database.one(resource)[prop] for each in (first, second))
            assert [int(part) for part in old.split(".")] < [int(part) for part in new.split(".")]
        case "replaced":
            assert refused == [[], []]
            assert key in GIVES_UP
        case "in order":
            once, steps = ways if not refused[0] else reversed(ways)
            assert once.refusals() == []
            assert steps.refusals() != [], "one deploy would do both ways"
            assert steps.refusals(change.first) == []
            fewer = [change.first[:count] for count in range(len(change.first))]
            assert all(steps.refusals(each) for each in fewer), "a step that is not needed"
        case "never":
            assert any(refused)
            assert set().union(*(way.gives_up for way in ways))


def test_the_zones_that_the_subnets_are_in_can_be_named_in_one_deploy(synth: Synth) -> None:
    """CloudFormation compares zones, not the ways in which they are written (T-13)."""
    positions = synth(**BASE).network.of("AWS::EC2::Subnet")
    named = synth(**BASE, availability_zone_names="us-east-1a,us-east-1b,us-east-1c").network.of("AWS::EC2::Subnet")
    zones = ("us-east-1a", "us-east-1b", "us-east-1c")  # what Fn::GetAZs gives where they are the first three
    filled_in = {
        name: {**item["Properties"], "AvailabilityZone": zones[item["Properties"]["AvailabilityZone"]["Fn::Select"][0]]}
        for name, item in positions.items()
    }
    assert {name: item["Properties"] for name, item in named.items()} == filled_in


def test_one_more_zone_by_name_is_one_more_zone_in_one_deploy(synth: Synth) -> None:
    names = "us-east-1a,us-east-1b,us-east-1c"
    update = Update(
        synth(**BASE, availability_zone_names=names), synth(**BASE, availability_zone_names=f"{names},us-east-1d")
    )
    assert update.refusals() == []
    assert update.gives_up == set()


def test_a_refusal_would_be_seen(synth: Synth) -> None:
    smaller = Update(synth(**{**BASE, "availability_zones": 4}), synth(**BASE))
    assert smaller.refusals()[:2] == [
        "network: export wa-production:Isolated4 is in use",
        "network: export wa-production:Private4 is in use",
    ]
    larger = Update(synth(**BASE), synth(**{**BASE, "availability_zones": 4}))
    assert larger.refusals(["enterprise"])[0] == "enterprise: no export named wa-production:Private4"
