"""A rollback that begins is told to the functions that wait for it, before its first resource goes back."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

from emulator.handlers import internals, rollbacks
from emulator.target import Target

from .templates import att, ref, resource

CODE = """
import boto3, json

def handler(event, context):
    ssm = boto3.client("ssm")
    value = ssm.get_parameter(Name="/told/first")["Parameter"]["Value"]
    ssm.put_parameter(Name="/told/seen", Type="String", Overwrite=True, Value=json.dumps([event, value]))
"""


def resources(value: str) -> dict[str, Any]:
    role = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}
        ],
    }
    may = [{"Effect": "Allow", "Action": ["ssm:GetParameter", "ssm:PutParameter"], "Resource": "*"}]
    parameters = {"PolicyName": "parameters", "PolicyDocument": {"Version": "2012-10-17", "Statement": may}}
    pattern = {
        "source": ["aws.cloudformation"],
        "detail-type": ["CloudFormation Stack Status Change"],
        "detail": {"status-details": {"status": ["UPDATE_ROLLBACK_IN_PROGRESS"]}},
    }
    return {
        "Role": resource("IAM::Role", AssumeRolePolicyDocument=role, Policies=[parameters]),
        "Function": resource(
            "Lambda::Function",
            Runtime="python3.12",
            Handler="index.handler",
            Role=att("Role", "Arn"),
            Code={"ZipFile": CODE},
        ),
        "Rule": resource(
            "Events::Rule",
            EventPattern=pattern,
            Targets=[{"Id": "one", "Arn": att("Function", "Arn"), "Input": '"a rollback begins"'}],
        ),
        "Permission": resource(
            "Lambda::Permission",
            Action="lambda:InvokeFunction",
            FunctionName=ref("Function"),
            Principal="events.amazonaws.com",
            SourceArn=att("Rule", "Arn"),
        ),
        "First": resource("SSM::Parameter", Name="/told/first", Type="String", Value=value),
        "Second": resource("SSM::Parameter", Name="/told/second", Type="String", Value=value) | {"DependsOn": "First"},
    }


def test_a_function_hears_of_a_rollback_before_anything_goes_back(
    running: Target, apply: Callable[..., dict[str, Any]]
) -> None:
    assert apply(resources("old"))["StackStatus"] == "CREATE_COMPLETE"
    running.fail_next("AWS::SSM::Parameter", "Second")
    assert apply(resources("new"))["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    ssm = running.client("ssm")
    assert ssm.get_parameter(Name="/told/seen")["Parameter"]["Value"] == '["a rollback begins", "new"]'
    assert ssm.get_parameter(Name="/told/first")["Parameter"]["Value"] == "old"
    ssm.delete_parameter(Name="/told/seen")


def test_a_thread_that_has_not_begun_stops_no_rollback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another part of the target may start a thread at that moment; the rollback would never end."""
    tell: list[Callable[[str], Any]] = []
    monkeypatch.setattr(internals, "before_each_rollback", tell.append)
    rollbacks.register()
    seen = iter([[], [threading.Thread()]])
    monkeypatch.setattr(threading, "enumerate", lambda: next(seen))
    monkeypatch.setattr(internals, "publish", lambda *_: None)
    asyncio.run(tell[0]("stack"))
