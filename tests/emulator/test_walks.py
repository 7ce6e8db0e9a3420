"""The real templates on the embedded target, through what goes wrong in an account: no walk may end in a dead end.

A first create that fails, a destroy and a create after it, resizes that fail half-way, and every settings key both
ways. All of it is judged by the target's rules, IAM and capacity.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import pytest

from emulator import target
from emulator.workspace import Workspace
from stacks.settings import Settings, SettingsError
from stacks.settings.declaration import change_of
from tests.assembly import CDK_CONTEXT, STACKS, Assembly
from tests.conftest import Synth
from tests.emulator.deployment import Deployment, Refused
from tests.stacks.test_settings_change import BASE, GIVES_UP, KEY, VALUES, Update
from tests.stacks.test_stateful_things_survive import STATEFUL

Context = Mapping[str, Any]

pytestmark = [pytest.mark.emulator, pytest.mark.xdist_group("walks")]


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[target.Target]:
    """A target of these tests' own, so that all that is left on it is theirs."""
    workspace = Workspace(state=tmp_path_factory.mktemp("walks"))
    try:
        yield target.start(workspace)
    finally:
        target.stop(workspace)


@pytest.fixture(scope="module")
def live(account: target.Target) -> Deployment:
    """The deployment that all walks share; each one brings it to where it starts."""
    key = account.client("kms").create_key(Description="for volumes and secrets")["KeyMetadata"]["Arn"]
    return Deployment(account, "wa-production", instead={KEY: key})


@pytest.fixture(autouse=True)
def as_usual(account: target.Target) -> Iterator[None]:
    """Leave no fault behind, no moment and no order of rollbacks."""
    yield
    account.forget_faults()
    account.set_capacity(rollback_order="dependency")
    account.forget_moments()


def stateful(live: Deployment) -> dict[str, str]:
    """Return the physical id of everything that holds state, by `stack/logical id`."""
    return {name: identity for name, (kind, identity) in live.resources().items() if kind in STATEFUL}


def bring(live: Deployment, assembly: Assembly) -> None:
    """Deploy an assembly, whatever was deployed before: what refuses to become it is destroyed first."""
    try:
        live.deploy(assembly)
    except Refused:
        live.destroy()
        live.deploy(assembly)
    live.running.capacity()
    live.running.forget_moments()


def assert_serves(live: Deployment, assembly: Assembly) -> None:
    """All tasks run, within the cap, and at no moment were fewer hosts allowed than the tasks needed (T-4, T-10)."""
    state, plan = live.running.capacity(), assembly.plan
    hosts = [host for host in state["hosts"] if host["group"].startswith(live.name)]
    assert [moment for moment in state["moments"] if moment["over_cap"]] == []
    assert state["waiting"] == 0
    assert sum(host["tasks"] for host in hosts) == plan.coreapps + plan.webs + plan.masters
    assert plan.hosts.minimum <= len(hosts) <= plan.hosts.maximum


# ---- a first create that fails ----

POINTS = {
    "group": ("AWS::AutoScaling::AutoScalingGroup", ""),
    "association": ("AWS::ECS::ClusterCapacityProviderAssociations", ""),
    "trunking": ("AWS::CloudFormation::CustomResource", "EniTrunking"),
    "hosts": ("AWS::CloudFormation::CustomResource", "HostsAfter"),
    "first webapp": ("AWS::CloudFormation::CustomResource", "FirstWebapp"),
    "masters": ("AWS::ECS::Service", "Master"),
    "webapps": ("AWS::ECS::Service", "Webapp"),
    "coreapps": ("AWS::ECS::Service", "Coreapp"),
    "dashboard": ("AWS::CloudWatch::Dashboard", ""),
    "protection": ("AWS::CloudFormation::CustomResource", "Protection"),
}
"""After what the create fails: type and part of the logical id."""


def failing_after(assembly: Assembly, point: str) -> dict[str, Any]:
    """Return the template of the enterprise stack with one more resource, which CloudWatch refuses."""
    (after,) = assembly.enterprise.of(*POINTS[point])
    body = deepcopy(assembly.enterprise.body)
    refused = {"Type": "AWS::CloudWatch::Dashboard", "Properties": {"DashboardBody": "none"}, "DependsOn": after}
    # First of all, so that nothing that does not have to be is made before it.
    body["Resources"] = {"Refused": refused, **body["Resources"]}
    return body


@pytest.mark.parametrize("point", POINTS)
def test_a_first_create_that_fails_leaves_nothing_behind(live: Deployment, production: Assembly, point: str) -> None:
    """T-2, T-3, T-5: with deletion protection in the template, which is switched on last."""
    live.deploy(production, STACKS[:3])
    before, others = live.found(), live.resources()
    with pytest.raises(Refused) as failed:
        live.apply("enterprise", failing_after(production, point), protected=True)
    assert failed.value.status == "ROLLBACK_COMPLETE"
    assert [reason.partition(": ")[0] for reason in failed.value.reasons] == ["Refused"]
    live.delete("enterprise")
    assert live.found() == before
    assert live.resources() == others
    assert {live.statuses()[stack] for stack in STACKS[:3]} <= {"CREATE_COMPLETE", "UPDATE_COMPLETE"}


def test_a_create_after_a_failed_one_succeeds(live: Deployment, production: Assembly) -> None:
    """The stack of the failed create is deleted, as CloudFormation asks, and nothing else is done."""
    live.deploy(production, STACKS[:3])
    with pytest.raises(Refused):
        live.apply("enterprise", failing_after(production, "protection"), protected=True)
    live.delete("enterprise")
    live.deploy(production)
    assert_serves(live, production)


# ---- destroy, then create ----


def test_what_is_destroyed_can_be_made_again(live: Deployment, production: Assembly) -> None:
    """T-2, T-3, T-5, T-42: what is kept does not stand in the way of the next create."""
    live.deploy(production)
    kept = {
        f"{stack}/{name}"
        for stack, template in production.templates.items()
        for name, item in template.resources.items()
        if item.get("DeletionPolicy", "Delete").startswith("Retain")
    }
    first = live.resources()
    for stack in reversed(STACKS):
        with pytest.raises(Refused, match="TerminationProtection is enabled"):
            live.delete(stack, unprotect=False)
    assert live.resources() == first
    live.destroy()
    assert live.statuses() == {}
    left = set().union(*live.found().values())
    gone = {name for name, (_, identity) in first.items() if identity in left}
    assert gone <= kept
    assert live.found()["hosts"] == set()
    live.deploy(production)
    assert_serves(live, production)
    again = live.resources()
    assert again.keys() == first.keys()


# ---- sizes ----

RESIZES = ((32, 4), (8, 2), (4, 8), (4, 32))
ORDERS = ("dependency", "reverse", "shuffled:1")


@pytest.mark.parametrize(("before", "after"), RESIZES)
def test_a_resize_and_its_rollback_keep_hosts_for_all_tasks(
    live: Deployment, synth: Synth, before: int, after: int
) -> None:
    """T-4, T-10, D-12: a deploy that fails after the services goes back in every order, and then one succeeds."""
    old, new = synth(active_coreapps=before), synth(active_coreapps=after)
    bring(live, old)
    state = stateful(live)
    for order in ORDERS:
        live.running.set_capacity(rollback_order=order)
        live.running.fail_next("AWS::CloudWatch::Dashboard", reason="no more pages for you")
        with pytest.raises(Refused) as failed:
            live.deploy(new)
        assert (failed.value.stack, failed.value.status) == ("enterprise", "UPDATE_ROLLBACK_COMPLETE")
        assert [reason.partition(": ")[2] for reason in failed.value.reasons] == ["no more pages for you"]
        short = [moment for moment in live.running.capacity()["moments"] if moment["over_cap"]]
        # What docs/resize.md says of a failed raise: in this order the group falls while the coreapps have their high
        # number, and it heals by itself.
        assert bool(short) == ((before, after, order) == (4, 32, "shuffled:1"))
        assert all(moment["ended"] is not None for moment in short)
        live.running.forget_moments()
        assert_serves(live, old)
        assert stateful(live) == state
    live.deploy(new)
    if old.plan.hosts.instance_type == new.plan.hosts.instance_type:  # else a host waits for its smaller successors
        assert live.running.capacity()["moments"] == []
    assert_serves(live, new)
    assert stateful(live) == state


# ---- every settings key, both ways ----

NEAR: dict[str, tuple[Context, Context]] = {
    "availability_zones": ({**BASE, "availability_zones": 2}, BASE),
}
"""Other values than those of the analysis of templates, for keys of which the target has less: three zones."""


def walked(*kinds: str) -> list[str]:
    """Return the keys whose changes are declared so, of those that stay with one deployment."""
    return [key for key in VALUES if (change := change_of(Settings.model_fields[key])) and change.kind in kinds]


def pair(synth: Synth, key: str) -> tuple[Assembly, Assembly]:
    first, second = NEAR.get(key, VALUES[key])
    return synth(**first), synth(**second)


@dataclass
class Together:
    """Keys that are changed in one deploy, and the contexts before and after."""

    keys: list[str]
    first: dict[str, Any]
    second: dict[str, Any]

    def take(self, key: str, first: Context, second: Context) -> bool:
        """Add a key, and tell whether it is in: it may stand against the others, or no settings come of all of them."""
        old, new = {**self.first, **first}, {**self.second, **second}
        changed = {name for name in {*old, *new} if old.get(name) != new.get(name)}
        kept = self.first.items() <= old.items() and self.second.items() <= new.items()
        if not kept or changed != {*self.keys, key} or not makes_settings(old) or not makes_settings(new):
            return False
        self.keys.append(key)
        self.first, self.second = old, new
        return True


def makes_settings(context: Context) -> bool:
    try:
        Settings.from_context({**CDK_CONTEXT, **context})
    except SettingsError:
        return False
    return True


def changed_together() -> dict[str, Together]:
    """Return as few groups as hold every key that is changed in place or by a restart, by their names."""
    groups = list[Together]()
    for key in walked("in place", "restart"):
        first, second = ({"deployment": "production", **context} for context in VALUES[key])
        if not any(group.take(key, first, second) for group in groups):
            groups.append(Together([key], first, second))
    return {",".join(group.keys): group for group in groups}


GROUPS = changed_together()


@pytest.fixture
def deployment_of(account: target.Target, live: Deployment) -> Iterator[Callable[[Assembly], Deployment]]:
    """Return the deployment of an assembly; what is not the one that all walks share is destroyed at the end."""
    others = list[Deployment]()

    def deployment_of(assembly: Assembly) -> Deployment:
        if assembly.settings.name == live.name:
            return live
        others.append(Deployment(account, assembly.settings.name))
        return others[-1]

    yield deployment_of
    for other in others:
        other.destroy()


@pytest.fixture
def boundary(account: target.Target) -> None:
    """The policy that `permissions_boundary` names: it forbids nothing."""
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [everything]})
    iam = account.client("iam")
    with suppress(iam.exceptions.EntityAlreadyExistsException):
        iam.create_policy(PolicyName=VALUES["permissions_boundary"][1]["permissions_boundary"], PolicyDocument=document)


@pytest.mark.parametrize("together", GROUPS.values(), ids=GROUPS)
@pytest.mark.usefixtures("boundary")
def test_keys_change_both_ways_in_one_deploy(
    synth: Synth, deployment_of: Callable[[Assembly], Deployment], together: Together
) -> None:
    first, second = synth(**together.first), synth(**together.second)
    live = deployment_of(first)
    bring(live, first)
    state = stateful(live)
    for assembly in (second, first):
        live.deploy(assembly)
        assert_serves(live, assembly)
        assert stateful(live) == state


@pytest.mark.parametrize("key", walked("replaced"))
def test_a_key_that_makes_something_anew_changes_both_ways(live: Deployment, synth: Synth, key: str) -> None:
    first, second = pair(synth, key)
    bring(live, first)
    state = live.resources()
    for assembly in (second, first):
        live.deploy(assembly)
        assert_serves(live, assembly)
        now = live.resources()
        changed = {kind for name, (kind, identity) in state.items() if now.get(name) != (kind, identity)}
        assert changed & STATEFUL == GIVES_UP[key]
        state = now


@pytest.mark.parametrize("key", walked("one way"))
def test_a_key_that_goes_one_way_goes_no_other(live: Deployment, synth: Synth, key: str) -> None:
    first, second = pair(synth, key)
    bring(live, first)
    state = stateful(live)
    live.deploy(second)
    with pytest.raises(Refused) as refused:
        live.deploy(first)
    assert refused.value.status == "UPDATE_ROLLBACK_COMPLETE"
    assert_serves(live, second)
    assert stateful(live) == state


@pytest.mark.parametrize("key", walked("in order"))
def test_a_key_in_order_goes_in_its_order(
    synth: Synth, deployment_of: Callable[[Assembly], Deployment], key: str
) -> None:
    """T-6: in one deploy the first stack is refused, with nothing changed."""
    first, second = pair(synth, key)
    (at_once, (old, new)) = ((first, second), (second, first))
    if Update(first, second).refusals():
        at_once, (old, new) = (second, first), (first, second)
    assert at_once == (new, old)
    live = deployment_of(old)
    bring(live, old)
    state = live.resources()
    with pytest.raises(Refused) as refused:
        live.deploy(new)
    assert refused.value.stack == Update(old, new).refusals()[0].partition(":")[0]
    assert refused.value.status == "UPDATE_ROLLBACK_COMPLETE"
    assert "in use by" in str(refused.value)
    assert live.resources() == state
    assert_serves(live, old)
    said = change_of(Settings.model_fields[key])
    assert said is not None
    for stack in said.first:
        live.deploy(new, [stack])
    live.deploy(new)
    assert_serves(live, new)
    live.deploy(old)
    assert_serves(live, old)


@pytest.mark.parametrize("key", walked("never"))
def test_a_key_that_never_changes_is_refused_with_nothing_lost(live: Deployment, synth: Synth, key: str) -> None:
    first, second = pair(synth, key)
    bring(live, first)
    state = stateful(live)
    with pytest.raises(Refused):
        live.deploy(second)
    assert stateful(live) == state
    assert_serves(live, first)
