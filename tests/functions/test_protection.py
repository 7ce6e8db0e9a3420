"""Deletion protection goes on for what is named, off for what is named no more, and off before anything is deleted."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from functions.aws import NEW_RIGHT_SECONDS
from functions.custom_resource import NEVER_CREATED, custom_resource
from functions.protection.handler import PAUSE_SECONDS, PHYSICAL_ID, Protection
from standin.clock import Clock

from .conftest import Context, ResponseUrl

BALANCER = "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/net/wa/50dc6c495c0c9188"
OTHER = BALANCER.replace("50dc6c495c0c9188", "60dc6c495c0c9188")
DATABASE = "wa-production-database-51af3dc0"
NAMED = {"LoadBalancerArn": BALANCER, "DatabaseIdentifier": DATABASE}


class Aws:
    """Two clients whose every call must be expected, in this order for each service."""

    def __init__(self) -> None:
        keys = {"region_name": "us-east-1", "aws_access_key_id": "k", "aws_secret_access_key": "s"}
        self.elb: Any = Stubber(boto3.client("elbv2", **keys))
        self.rds: Any = Stubber(boto3.client("rds", **keys))

    def balancer(self, arn: str, value: str) -> None:
        attributes = [{"Key": "deletion_protection.enabled", "Value": value}]
        asked = {"LoadBalancerArn": arn, "Attributes": attributes}
        self.elb.add_response("modify_load_balancer_attributes", {"Attributes": attributes}, asked)

    def database(self, on: bool) -> None:
        asked = {"DBInstanceIdentifier": DATABASE, "DeletionProtection": on, "ApplyImmediately": True}
        self.rds.add_response("modify_db_instance", {}, asked)

    def refuse_database(self, code: str, times: int = 1) -> None:
        for _ in range(times):
            self.rds.add_client_error("modify_db_instance", code)


@pytest.fixture
def aws_calls() -> Iterator[Aws]:
    calls = Aws()
    with calls.elb, calls.rds:
        yield calls
        calls.elb.assert_no_pending_responses()
        calls.rds.assert_no_pending_responses()


def call(response_url: ResponseUrl, aws: Aws, kind: str, properties: dict[str, Any], **more: Any) -> dict[str, Any]:
    if kind != "Create":
        more = {"PhysicalResourceId": PHYSICAL_ID, **more}
    custom_resource(lambda: Protection(aws.elb.client, aws.rds.client))(
        response_url.event(kind, properties, **more), Context()
    )
    return response_url.answers[-1]


def test_both_are_protected(response_url: ResponseUrl, aws_calls: Aws) -> None:
    aws_calls.balancer(BALANCER, "true")
    aws_calls.database(True)
    answer = call(response_url, aws_calls, "Create", NAMED)
    assert (answer["Status"], answer["PhysicalResourceId"]) == ("SUCCESS", PHYSICAL_ID)


def test_a_replaced_balancer_is_let_go_before_cloudformation_deletes_it(
    response_url: ResponseUrl, aws_calls: Aws
) -> None:
    """The same physical id, so that no delete follows which would come after the balancer's own."""
    aws_calls.balancer(OTHER, "true")
    aws_calls.database(True)
    aws_calls.balancer(BALANCER, "false")
    answer = call(
        response_url, aws_calls, "Update", NAMED | {"LoadBalancerArn": OTHER}, OldResourceProperties=dict(NAMED)
    )
    assert (answer["Status"], answer["PhysicalResourceId"]) == ("SUCCESS", PHYSICAL_ID)


def test_its_deletion_lets_both_go(response_url: ResponseUrl, aws_calls: Aws) -> None:
    aws_calls.balancer(BALANCER, "false")
    aws_calls.database(False)
    assert call(response_url, aws_calls, "Delete", NAMED)["Status"] == "SUCCESS"


def test_what_is_gone_already_is_let_go(response_url: ResponseUrl, aws_calls: Aws) -> None:
    aws_calls.elb.add_client_error("modify_load_balancer_attributes", "LoadBalancerNotFound")
    aws_calls.refuse_database("DBInstanceNotFound")
    assert call(response_url, aws_calls, "Delete", NAMED)["Status"] == "SUCCESS"


def test_what_is_not_there_cannot_be_protected(response_url: ResponseUrl, aws_calls: Aws) -> None:
    aws_calls.elb.add_client_error("modify_load_balancer_attributes", "LoadBalancerNotFound")
    answer = call(response_url, aws_calls, "Create", NAMED)
    assert answer["Status"] == "FAILED"
    assert "LoadBalancerNotFound" in answer["Reason"]


@pytest.mark.parametrize("code", ["InvalidDBInstanceState", "AccessDenied"])
def test_a_refusal_that_may_pass_is_waited_for(
    response_url: ResponseUrl, aws_calls: Aws, clock: Clock, code: str
) -> None:
    """RDS is busy with a backup, or the right that this deploy gave has not arrived everywhere yet."""
    aws_calls.balancer(BALANCER, "true")
    aws_calls.refuse_database(code, times=3)
    aws_calls.database(True)
    assert call(response_url, aws_calls, "Create", NAMED)["Status"] == "SUCCESS"


def test_a_database_that_stays_busy_says_what_to_do(response_url: ResponseUrl, aws_calls: Aws, clock: Clock) -> None:
    aws_calls.balancer(BALANCER, "true")
    aws_calls.refuse_database("InvalidDBInstanceState", times=9)  # 43 s of work, a try every 5 s
    answer = call(response_url, aws_calls, "Create", NAMED)
    assert answer["Status"] == "FAILED"
    assert DATABASE in answer["Reason"]
    assert "Wait until its status is available, then try again." in answer["Reason"]


def test_a_right_that_never_comes_is_not_waited_for_until_the_end(
    response_url: ResponseUrl, aws_calls: Aws, clock: Clock
) -> None:
    before = clock.now()
    aws_calls.balancer(BALANCER, "true")
    aws_calls.refuse_database("AccessDenied", times=int(NEW_RIGHT_SECONDS / PAUSE_SECONDS))
    custom_resource(lambda: Protection(aws_calls.elb.client, aws_calls.rds.client))(
        response_url.event("Create", NAMED), Context(seconds=600)
    )
    answer = response_url.answers[-1]
    assert answer["Status"] == "FAILED"
    assert "AWS answered AccessDenied to ModifyDBInstance" in answer["Reason"]
    assert clock.now() - before <= NEW_RIGHT_SECONDS


@pytest.mark.parametrize("missing", NAMED)
def test_a_missing_name_is_refused_before_anything_is_changed(
    response_url: ResponseUrl, aws_calls: Aws, missing: str
) -> None:
    answer = call(response_url, aws_calls, "Create", NAMED | {missing: ""})
    assert (answer["Status"], answer["PhysicalResourceId"]) == ("FAILED", NEVER_CREATED)
    assert answer["Reason"].startswith(f"Property {missing}:")
