"""Trunking goes on and off for the named role alone, by that role itself (T-1)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from functions.aws import NEW_RIGHT_SECONDS, AccountSettings, account_settings_of
from functions.custom_resource import NEVER_CREATED, custom_resource
from functions.eni_trunking.handler import PAUSE_SECONDS, EniTrunking
from standin.clock import Clock

from .conftest import Context, ResponseUrl

ROLE = "arn:aws:iam::123456789012:role/wa-hosts"
OTHER = "arn:aws:iam::123456789012:role/path/wa-hosts-2"
ON = {"name": "awsvpcTrunking", "value": "enabled"}
OFF = {"name": "awsvpcTrunking"}
REPLY = {"setting": ON}


@dataclass
class Roles:
    """STS and ECS: which roles were assumed, how often that is refused first, and what they then may call."""

    ecs: Stubber
    assumed: list[str] = field(default_factory=list)
    refusals: int = 0

    def settings_of(self, role: str) -> AccountSettings:
        if self.refusals:
            self.refusals -= 1
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "not authorized"}}, "AssumeRole")
        self.assumed.append(role)
        return self.ecs.client


@pytest.fixture
def roles() -> Iterator[Roles]:
    client = boto3.client("ecs", region_name="us-east-1", aws_access_key_id="k", aws_secret_access_key="s")
    with Stubber(client) as stubber:
        yield Roles(stubber)
        stubber.assert_no_pending_responses()


Call = Callable[..., dict[str, Any]]


@pytest.fixture
def call(response_url: ResponseUrl, roles: Roles, clock: Clock) -> Call:
    def call(kind: str, properties: dict[str, Any], **more: Any) -> dict[str, Any]:
        handler = custom_resource(lambda: EniTrunking(roles.settings_of))
        handler(response_url.event(kind, properties, **more), Context(seconds=600, now=clock.now))
        return response_url.answers[-1]

    return call


def test_the_role_turns_its_own_trunking_on_and_again(call: Call, roles: Roles) -> None:
    for _ in range(2):
        roles.ecs.add_response("put_account_setting", REPLY, ON)  # and names no principal
        answer = call("Create", {"RoleArn": ROLE})
        assert (answer["Status"], answer["PhysicalResourceId"]) == ("SUCCESS", ROLE)
    assert roles.assumed == [ROLE, ROLE]


def test_another_role_is_another_resource_so_that_the_old_one_is_turned_off(call: Call, roles: Roles) -> None:
    roles.ecs.add_response("put_account_setting", REPLY, ON)
    old = {"PhysicalResourceId": ROLE, "OldResourceProperties": {"RoleArn": ROLE}}
    assert call("Update", {"RoleArn": OTHER}, **old)["PhysicalResourceId"] == OTHER

    roles.ecs.add_response("delete_account_setting", REPLY, OFF)
    assert call("Delete", {"RoleArn": ROLE}, PhysicalResourceId=ROLE)["Status"] == "SUCCESS"
    assert roles.assumed == [OTHER, ROLE]


@pytest.mark.parametrize("kind", ["Create", "Delete"])
def test_rights_that_iam_has_not_spread_yet_are_waited_for(call: Call, roles: Roles, clock: Clock, kind: str) -> None:
    roles.refusals = 3
    operation = {"Create": "put_account_setting", "Delete": "delete_account_setting"}[kind]
    roles.ecs.add_client_error(operation, "AccessDeniedException")
    roles.ecs.add_response(operation, REPLY, ON if kind == "Create" else OFF)
    before = clock.now()
    assert call(kind, {"RoleArn": ROLE}, PhysicalResourceId=ROLE)["Status"] == "SUCCESS"
    assert roles.assumed == [ROLE, ROLE]
    assert 0 < clock.now() - before < NEW_RIGHT_SECONDS


def test_a_role_that_never_lets_itself_be_assumed_fails_a_create_and_says_so(
    call: Call, roles: Roles, clock: Clock
) -> None:
    roles.refusals = 1000
    before = clock.now()
    answer = call("Create", {"RoleArn": ROLE})
    assert answer["Status"] == "FAILED"
    assert "AWS answered AccessDenied to AssumeRole." in answer["Reason"]
    assert clock.now() - before == NEW_RIGHT_SECONDS


@pytest.mark.parametrize("cause", ["role", "setting"])
def test_a_role_that_is_gone_or_refuses_does_not_keep_a_stack_from_being_deleted(
    call: Call, roles: Roles, cause: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if cause == "role":
        roles.refusals = 1000
    else:
        for _ in range(int(NEW_RIGHT_SECONDS / PAUSE_SECONDS)):
            roles.ecs.add_client_error("delete_account_setting", "AccessDeniedException")
    assert call("Delete", {"RoleArn": ROLE}, PhysicalResourceId=ROLE)["Status"] == "SUCCESS"
    assert "its setting goes with it" in capsys.readouterr().out


@pytest.mark.parametrize(("kind", "operation"), [("Create", "Put"), ("Delete", "Delete")])
def test_any_other_refusal_by_aws_names_code_and_operation(call: Call, roles: Roles, kind: str, operation: str) -> None:
    roles.ecs.add_client_error(f"{operation.lower()}_account_setting", "ThrottlingException")
    answer = call(kind, {"RoleArn": ROLE}, PhysicalResourceId=ROLE)
    assert answer["Status"] == "FAILED"
    assert f"AWS answered ThrottlingException to {operation}AccountSetting." in answer["Reason"]


@pytest.mark.parametrize("role", ["", "wa-hosts", "arn:aws:iam::123456789012:user/me", ROLE + "\n", None])
def test_what_is_no_role_is_refused_and_leaves_nothing(call: Call, roles: Roles, role: object) -> None:
    answer = call("Create", {"RoleArn": role})
    assert (answer["Status"], answer["PhysicalResourceId"]) == ("FAILED", NEVER_CREATED)
    assert answer["Reason"].startswith("Property RoleArn:")
    assert roles.assumed == []


def test_the_client_acts_with_the_credentials_of_the_role(aws: None) -> None:
    role = boto3.client("iam").create_role(RoleName="wa-hosts", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    credentials: Any = account_settings_of(role)
    assert credentials.meta.region_name == "us-east-1"
    assert credentials._request_signer._credentials.access_key.startswith("ASIA"), "credentials of a session"
