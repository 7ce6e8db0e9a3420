"""Trunking goes on and off for the named role alone."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from functions.custom_resource import NEVER_CREATED, custom_resource
from functions.eni_trunking.handler import EniTrunking

from .conftest import Context, ResponseUrl

ROLE = "arn:aws:iam::123456789012:role/wa-hosts"
OTHER = "arn:aws:iam::123456789012:role/path/wa-hosts-2"
ON = {"name": "awsvpcTrunking", "value": "enabled", "principalArn": ROLE}
REPLY = {"setting": ON}


@pytest.fixture
def ecs() -> Iterator[Stubber]:
    client = boto3.client("ecs", region_name="us-east-1", aws_access_key_id="k", aws_secret_access_key="s")
    with Stubber(client) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def call(response_url: ResponseUrl, ecs: Stubber, kind: str, properties: dict[str, Any], **more: Any) -> dict[str, Any]:
    custom_resource(lambda: EniTrunking(ecs.client))(response_url.event(kind, properties, **more), Context())
    return response_url.answers[-1]


def test_on_for_the_role_and_again_for_the_role(response_url: ResponseUrl, ecs: Stubber) -> None:
    for _ in range(2):
        ecs.add_response("put_account_setting", REPLY, ON)
        answer = call(response_url, ecs, "Create", {"RoleArn": ROLE})
        assert (answer["Status"], answer["PhysicalResourceId"]) == ("SUCCESS", ROLE)


def test_another_role_is_another_resource_so_that_the_old_one_is_turned_off(
    response_url: ResponseUrl, ecs: Stubber
) -> None:
    ecs.add_response("put_account_setting", REPLY, ON | {"principalArn": OTHER})
    old = {"PhysicalResourceId": ROLE, "OldResourceProperties": {"RoleArn": ROLE}}
    assert call(response_url, ecs, "Update", {"RoleArn": OTHER}, **old)["PhysicalResourceId"] == OTHER

    ecs.add_response("delete_account_setting", REPLY, {"name": "awsvpcTrunking", "principalArn": ROLE})
    assert call(response_url, ecs, "Delete", {"RoleArn": ROLE}, PhysicalResourceId=ROLE)["Status"] == "SUCCESS"


def test_turning_off_for_a_role_that_is_gone_is_a_success(response_url: ResponseUrl, ecs: Stubber) -> None:
    ecs.add_client_error("delete_account_setting", "InvalidParameterException")
    assert call(response_url, ecs, "Delete", {"RoleArn": ROLE}, PhysicalResourceId=ROLE)["Status"] == "SUCCESS"


@pytest.mark.parametrize(("kind", "operation"), [("Create", "Put"), ("Delete", "Delete")])
def test_a_refusal_by_aws_names_code_and_operation(
    response_url: ResponseUrl, ecs: Stubber, kind: str, operation: str
) -> None:
    ecs.add_client_error(f"{operation.lower()}_account_setting", "AccessDeniedException")
    answer = call(response_url, ecs, kind, {"RoleArn": ROLE}, PhysicalResourceId=ROLE)
    assert answer["Status"] == "FAILED"
    assert f"AWS answered AccessDeniedException to {operation}AccountSetting." in answer["Reason"]


@pytest.mark.parametrize("role", ["", "wa-hosts", "arn:aws:iam::123456789012:user/me", ROLE + "\n", None])
def test_what_is_no_role_is_refused_and_leaves_nothing(response_url: ResponseUrl, ecs: Stubber, role: object) -> None:
    answer = call(response_url, ecs, "Create", {"RoleArn": role})
    assert (answer["Status"], answer["PhysicalResourceId"]) == ("FAILED", NEVER_CREATED)
    assert answer["Reason"].startswith("Property RoleArn:")
