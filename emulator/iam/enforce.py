"""Enforcement on the target: requests of roles, and what services of AWS do for resources of the stacks."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, unquote

from emulator.asgi import Application, answer, read, replayed
from emulator.handlers.registry import extend

from . import duties, internals, live
from .caller import parse
from .duty import DENIAL, Duty
from .judge import Denial, judge
from .model import Call, Session
from .requests import calls

# Types whose roles are tried when a stack makes or changes one, and those that it takes to find the roles.
_JUDGED = (
    "AWS::ECS::Service",
    "AWS::Lambda::Function",
    "AWS::Logs::LogGroup",
    "AWS::RDS::DBInstance",
    "AWS::StepFunctions::StateMachine",
)
# MiniStack lacks this one; `emulator.handlers` adds it.
_JUDGED_TOO = ("AWS::EC2::FlowLog",)
_REMEMBERED = (
    "AWS::AutoScaling::AutoScalingGroup",
    "AWS::EC2::LaunchTemplate",
    "AWS::ECS::CapacityProvider",
    "AWS::ECS::ClusterCapacityProviderAssociations",
    "AWS::ECS::TaskDefinition",
    "AWS::EFS::AccessPoint",
    "AWS::EFS::FileSystem",
    "AWS::IAM::InstanceProfile",
    "AWS::IAM::Role",
)
_SIGNED_FOR = re.compile(r"Credential=[^/]+/[^/]+/[^/]+/(?P<service>[^/]+)/aws4_request")
# The two operations of Lambda's REST protocol that functions call.
_FUNCTION = re.compile(r"/2015-03-31/functions/(?P<name>[^/]+)(?P<rest>/invocations)?/?")

_account = live.Live()


class Journal:
    """The calls of roles that were judged, each once."""

    def __init__(self) -> None:
        self._calls: dict[tuple[str, str, str], bool] = {}

    def note(self, session: Session, call: Call, allowed: bool) -> None:
        """Note a call."""
        self._calls[session.role.name, call.action, call.resource] = allowed

    def calls(self) -> list[dict[str, Any]]:
        """Return all of them, oldest first."""
        return [
            {"role": role, "action": action, "resource": resource, "allowed": allowed}
            for (role, action, resource), allowed in self._calls.items()
        ]


def judge_stacks() -> None:
    """Judge from now on what stacks make. Call it before other checks of the same types are put around this one.

    AWS looks at permissions when it starts to use a resource, after all that is wrong with the resource itself.
    """
    for resource_type in _JUDGED:
        extend(resource_type, check=_check(resource_type))


def judge_services() -> None:
    """Judge from now on what services of AWS do in this process. Call it when all types are in the table."""
    for resource_type in _JUDGED_TOO:
        extend(resource_type, check=_check(resource_type))
    for resource_type in _REMEMBERED:
        extend(resource_type, after=_remember(resource_type))
    internals.authenticate_alone()
    internals.before_invocations(_may_run)
    internals.before_function_logs(_may_log)
    internals.before_machine_calls(_may_invoke)
    internals.before_events(_may_start)
    internals.before_alarm_actions(_may_publish)


# ---- what stacks make ----


def _remember(resource_type: str) -> Callable[[str, Mapping[str, Any]], dict[str, Any]]:
    def after(physical_id: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        live.describe(resource_type, physical_id, properties)
        return {}

    return after


def _check(resource_type: str) -> Callable[[Mapping[str, Any]], None]:
    def check(properties: Mapping[str, Any]) -> None:
        made = duties.of(_account, resource_type, _arn(resource_type, properties), properties)
        if why := _first_refusal(duty for duty in made if not duty.quiet):
            raise ValueError(why)
        for duty in made:
            if duty.quiet:
                _said(_first_refusal([duty]))

    return check


def _arn(resource_type: str, properties: Mapping[str, Any]) -> str:
    """Return the ARN that a resource gets; what CloudFormation will name has a name that nobody would choose."""
    start = f"{_account.region}:{_account.id}"
    match resource_type:
        case "AWS::Logs::LogGroup":
            return f"arn:aws:logs:{start}:log-group:{properties.get('LogGroupName', 'unnamed')}"
        case "AWS::StepFunctions::StateMachine":
            return f"arn:aws:states:{start}:stateMachine:{properties.get('StateMachineName', 'unnamed')}"
        case "AWS::Lambda::Function":
            return f"arn:aws:lambda:{start}:function:{properties.get('FunctionName', 'unnamed')}"
        case _:
            return f"arn:aws:ec2:{start}:vpc-flow-log/unnamed"


def _first_refusal(tried: Iterable[Duty]) -> str | None:
    """Return what AWS says to the first duty that a policy does not allow; None if all are allowed."""
    for duty in tried:
        if denial := judge(_account, duty.principal, duty.call):
            return duty.refusal.replace(DENIAL, denial.message)
    return None


# ---- what services do ----


def _said(why: str | None) -> str | None:
    """Write a refusal that nobody hears on AWS into the target's log."""
    if why:
        print(f"AccessDenied: {why}", file=sys.stderr, flush=True)
    return why


def _may_run(configuration: Mapping[str, Any]) -> str | None:
    arn = str(configuration.get("FunctionArn"))
    assumed = duties.of(_account, "AWS::Lambda::Function", arn, configuration)[:1]
    return _said(_first_refusal(assumed))


def _may_log(configuration: Mapping[str, Any]) -> str | None:
    return _said(_first_refusal(duties.function_logs(_account, str(configuration.get("FunctionArn")), configuration)))


def _may_invoke(machine: Mapping[str, Any], function: str) -> str | None:
    session = duties.machine_session(_account, str(machine["stateMachineArn"]), str(machine["roleArn"]))
    denial = judge(_account, session, Call(action="lambda:InvokeFunction", resource=function))
    return _said(denial.message if denial else None)


def _may_start(rule: str, target: str) -> str | None:
    if ":lambda:" not in target:
        return None
    return _said(_first_refusal([duties.rule_target(_account, rule, target)]))


def _may_publish(alarm: str, topic: str) -> str | None:
    return _said(_first_refusal(duties.alarm_actions(_account, alarm, topic)))


# ---- requests ----


def judged(app: Application, journal: Journal) -> Application:
    """Return an ASGI application that hands on what policies allow, and refuses the rest in AWS's words.

    Whoever deploys may do everything: only sessions of the stacks' roles are judged.
    """

    async def outer(scope: Any, receive: Any, send: Any) -> None:
        session = _session(scope) if scope["type"] == "http" else None
        if session is None:
            await app(scope, receive, send)
            return
        body = await read(receive)
        headers = _headers(scope)
        refused = _refused(session, journal, scope, headers, body)
        if refused is None:
            await app(scope, replayed(body, receive), send)
        else:
            await answer(send, *refused)

    return outer


def _headers(scope: Any) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}


def _session(scope: Any) -> Session | None:
    """Return the session that a request is signed with; None for who deploys and for unsigned requests."""
    headers = _headers(scope)
    arn = internals.session_arn(headers, parse_qs(scope["query_string"].decode("latin-1")))
    if arn is None or (caller := parse(arn)).is_deployer:
        return None
    return duties.session_of(_account, str(caller.role_arn), arn.rsplit("/", 1)[-1])


def _refused(session: Session, journal: Journal, scope: Any, headers: Mapping[str, str], body: bytes) -> Any:
    """Return the refusal of a request as status, headers and body; None if it is allowed."""
    signed = _SIGNED_FOR.search(headers.get("authorization", ""))
    service = signed["service"] if signed else ""
    operation, parameters = _parsed(scope, headers, body)
    needed = calls(_account, service, operation, parameters)
    if needed is None:
        action = f"{service}:{operation or scope['path']}"
        words = f"{session.arn} calls {action}, which emulator/iam/requests.py does not know: add it to its table"
        return internals.refusal(service, action, session.arn, words, headers)
    for call in _of_function(session, needed):
        denial = judge(_account, session, call)
        journal.note(session, call, denial is None)
        if denial:
            return _denied(denial, service, headers)
    return None


def _of_function(session: Session, needed: Iterable[Call]) -> Iterable[Call]:
    """Yield the calls with the condition key that tells which function's code makes them, if a function does."""
    arn = internals.function_arn(session.name)
    for call in needed:
        yield replace(call, context={**call.context, "lambda:SourceFunctionArn": arn}) if arn else call


def _denied(denial: Denial, service: str, headers: Mapping[str, str]) -> Any:
    _said(denial.message)
    return internals.refusal(service, denial.call.action, denial.principal.arn, denial.message, headers)


def _parsed(scope: Any, headers: Mapping[str, str], body: bytes) -> tuple[str, Mapping[str, Any]]:
    """Return the operation of a request and its parameters."""
    if target := headers.get("x-amz-target"):
        return target.rsplit(".", 1)[-1], json.loads(body or b"{}")
    if function := _FUNCTION.fullmatch(scope["path"]):
        invoked = scope["method"] == "POST" and function["rest"]
        known = "Invoke" if invoked else "GetFunction" if scope["method"] == "GET" and not function["rest"] else ""
        return known, {"FunctionName": unquote(function["name"])}
    query = parse_qs(body.decode("utf-8", "replace")) | parse_qs(scope["query_string"].decode("latin-1"))
    parameters = {name: values[0] for name, values in query.items()}
    return parameters.pop("Action", ""), parameters
