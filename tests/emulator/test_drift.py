"""Drift detection compares services, Auto Scaling groups and databases with their templates, as `cdk drift` asks."""

from collections.abc import Callable
from typing import Any

import pytest

from emulator import target
from tests.emulator.templates import Resource, database, fleet, ref

Apply = Callable[..., dict[str, Any]]
Drifts = Callable[[str], dict[str, dict[str, Any]]]


@pytest.fixture
def drifts(running: target.Target) -> Drifts:
    """Detect the drift of a stack and return what was found, by logical id."""

    def drifts(stack: str) -> dict[str, dict[str, Any]]:
        client = running.client("cloudformation")
        detection = client.detect_stack_drift(StackName=stack)["StackDriftDetectionId"]
        status = ""
        while status in ("", "DETECTION_IN_PROGRESS"):
            state = client.describe_stack_drift_detection_status(StackDriftDetectionId=detection)
            status = state["DetectionStatus"]
        assert status == "DETECTION_COMPLETE"
        found = client.describe_stack_resource_drifts(StackName=stack)["StackResourceDrifts"]
        return {each["LogicalResourceId"]: each for each in found}

    return drifts


def everything() -> dict[str, Resource]:
    return fleet() | database(MultiAZ=False, BackupRetentionPeriod=7, StorageEncrypted=True)


OUTPUTS = {name: ref(name) for name in ("Cluster", "Service", "Hosts", "Database")}


def differences(drift: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """Property path -> what the template says, what there is."""
    return {each["PropertyPath"]: (each["ExpectedValue"], each["ActualValue"]) for each in drift["PropertyDifferences"]}


def test_a_stack_is_in_sync_after_a_deploy_and_an_update(apply: Apply, drifts: Drifts) -> None:
    name = apply(everything())["StackName"]
    for desired in (2, 5):
        apply(everything() | fleet(DesiredCount=desired) | {"Extra": {"Type": "AWS::SNS::Topic"}})
        statuses = {key: found["StackResourceDriftStatus"] for key, found in drifts(name).items()}
        assert {statuses[key] for key in ("Service", "Hosts", "Database")} == {"IN_SYNC"}


def test_what_was_changed_behind_its_back_is_shown(running: target.Target, apply: Apply, drifts: Drifts) -> None:
    stack = apply(everything(), OUTPUTS)
    made = stack["Outputs"]
    running.client("ecs").update_service(cluster=made["Cluster"], service=made["Service"], desiredCount=7)
    running.client("autoscaling").update_auto_scaling_group(AutoScalingGroupName=made["Hosts"], MaxSize=9)
    running.client("rds").modify_db_instance(
        DBInstanceIdentifier=made["Database"], DBInstanceClass="db.m7g.4xlarge", MultiAZ=True, ApplyImmediately=True
    )
    found = drifts(stack["StackName"])
    modified = {key for key, drift in found.items() if drift["StackResourceDriftStatus"] == "MODIFIED"}
    assert modified == {"Service", "Hosts", "Database"}
    assert differences(found["Service"]) == {"/DesiredCount": ("2", "7")}
    assert differences(found["Hosts"]) == {"/MaxSize": ("3", "9")}
    assert differences(found["Database"]) == {
        "/DBInstanceClass": ("db.m7g.large", "db.m7g.4xlarge"),
        "/MultiAZ": ("false", "true"),
    }


def test_what_is_gone_is_shown(running: target.Target, apply: Apply, drifts: Drifts) -> None:
    stack = apply(everything(), OUTPUTS)
    made = stack["Outputs"]
    running.client("ecs").delete_service(cluster=made["Cluster"], service=made["Service"], force=True)
    running.client("autoscaling").delete_auto_scaling_group(AutoScalingGroupName=made["Hosts"], ForceDelete=True)
    running.client("rds").delete_db_instance(DBInstanceIdentifier=made["Database"], SkipFinalSnapshot=True)
    found = drifts(stack["StackName"])
    deleted = {key for key, drift in found.items() if drift["StackResourceDriftStatus"] == "DELETED"}
    assert deleted == {"Service", "Hosts", "Database"}
