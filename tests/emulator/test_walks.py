"""The real templates on the embedded target, through what goes wrong in an account: no walk may end in a dead end.

A first create that fails, a destroy and a create after it, resizes that fail half-way, and every settings key both
ways. All of it is judged by the target's rules, IAM and capacity.
"""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest

from emulator import target
from emulator.workspace import Workspace
from tests.assembly import STACKS, Assembly
from tests.conftest import Synth
from tests.emulator.deployment import Deployment, Refused
from tests.stacks.test_stateful_things_survive import STATEFUL

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
    return Deployment(account, "wa-production")


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


def assert_serves(live: Deployment, assembly: Assembly) -> None:
    """All tasks run, within the cap, and at no moment did running tasks need more hosts than served (T-4, T-10)."""
    state, plan = live.running.capacity(), assembly.plan
    assert state["moments"] == []
    assert state["waiting"] == 0
    assert sum(host["tasks"] for host in state["hosts"]) == plan.coreapps + plan.webs + plan.masters
    assert plan.hosts.minimum <= len(state["hosts"]) <= plan.hosts.maximum


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

RESIZES = ((32, 4), (8, 2), (4, 8))
ORDERS = ("dependency", "reverse", "shuffled:1")


@pytest.mark.parametrize(("before", "after"), RESIZES)
def test_a_resize_and_its_rollback_keep_hosts_for_all_tasks(
    live: Deployment, synth: Synth, before: int, after: int
) -> None:
    """T-4, T-10, D-12: a deploy that fails after the services goes back in every order, and then one succeeds."""
    old, new = synth(active_coreapps=before), synth(active_coreapps=after)
    live.deploy(old)
    assert_serves(live, old)
    state = stateful(live)
    for order in ORDERS:
        live.running.set_capacity(rollback_order=order)
        live.running.fail_next("AWS::CloudWatch::Dashboard", reason="no more pages for you")
        with pytest.raises(Refused) as failed:
            live.deploy(new)
        assert (failed.value.stack, failed.value.status) == ("enterprise", "UPDATE_ROLLBACK_COMPLETE")
        assert failed.value.reasons == ["DashboardPage39A80FD2: no more pages for you"]
        assert_serves(live, old)
        assert stateful(live) == state
    live.deploy(new)
    assert_serves(live, new)
    assert stateful(live) == state
