"""MiniStack's private tables and functions that IAM needs, under public names.

Beside `emulator/handlers/internals.py` no other module of the emulator touches MiniStack's private names.
"""

from __future__ import annotations

import contextvars
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from ministack.core import iam_actions, iam_evaluator, router
from ministack.core.responses import get_account_id, get_region
from ministack.services import (
    cloudformation,
    cloudwatch,
    cloudwatch_logs,
    eventbridge,
    iam,
    kms,
    lambda_svc,
    secretsmanager,
    sns,
    stepfunctions,
    sts,
)
from ministack.services.cloudformation import custom_resource

Record = dict[str, Any]

# ---- what the account holds ----


def parsed(document: Any) -> Mapping[str, Any]:
    """Return a policy document, which MiniStack keeps as text or as what the text says."""
    return cast("Mapping[str, Any]", json.loads(document) if isinstance(document, str) else document)


def account_id() -> str:
    """Return the account of the request that is being answered."""
    return get_account_id()


def region() -> str:
    """Return the region of the request that is being answered."""
    return get_region()


def role(name: str) -> Record | None:
    """Return the record of a role."""
    return cast("Record | None", iam._roles.get(name))


def managed_policy(arn: str) -> Any:
    """Return the document of a managed policy, AWS's or the account's; None if MiniStack has none with this ARN."""
    return iam_evaluator._resolve_managed_policy_document(arn, get_account_id())


def resource_policy(arn: str) -> Any:
    """Return the policy of a key, topic, function or secret; None if it is not there or has none."""
    found = iam_evaluator._resource_policy(arn.split(":")[2], arn) if arn.count(":") >= 5 else None
    return found[0] or None if found else None


def secret(name_or_arn: str) -> Record | None:
    """Return the record of a secret."""
    return cast("Record | None", secretsmanager._resolve(name_or_arn)[1])


def topic(arn: str) -> Record | None:
    """Return the record of a topic."""
    return cast("Record | None", sns._topics.get(arn))


def log_group(name: str) -> Record | None:
    """Return the record of a log group."""
    return cast("Record | None", cloudwatch_logs._log_groups.get(name))


def stack(name: str) -> Record | None:
    """Return the record of a stack."""
    return cast("Record | None", cloudformation._stacks.get(name))


def function_arn(name: str) -> str | None:
    """Return the ARN of a function; None if there is none with this name."""
    found = lambda_svc._functions.get(name)
    return str(found["config"]["FunctionArn"]) if found else None


def key_arn(reference: str) -> str | None:
    """Return the ARN of one of the account's own keys by id, ARN or alias; None if it has none such."""
    found = kms._resolve_key(reference)
    return found["Arn"] if found else None


# ---- who calls ----


def caller_arn() -> str:
    """Return the ARN of who made the request that is being answered; the account's root user's if nobody did."""
    return iam_evaluator.caller_arn()


def session_arn(headers: Mapping[str, str], query: Mapping[str, Any]) -> str | None:
    """Return the ARN of the session that a request is signed with; None when a key of another kind signs it."""
    session = sts._sessions.get(router.extract_access_key_id(dict(headers), dict(query)))
    return str(session["Arn"]) if session else None


def authenticate_alone() -> None:
    """Let MiniStack check signatures, and leave the judgement of policies to `emulator.iam`.

    MiniStack judges calls on resources that it does not know as calls on `*`.
    """
    shipped = iam_evaluator.enforce

    def enforce(*arguments: Any, **named: Any) -> Any:
        found = shipped(*arguments, **named)
        return found if isinstance(found, iam_evaluator.AuthError) else None

    iam_evaluator.enforce = enforce


def refusal(service: str, action: str, principal: str, message: str, headers: Mapping[str, str]) -> Any:
    """Return a denial in the protocol of a service: status, headers and body."""
    return iam_actions.access_denied_response(
        service, action, principal, "00000000-0000-0000-0000-000000000000", message=message, headers=dict(headers)
    )


# ---- the evaluator ----


def evaluate_session(
    *,
    principal_arn: str,
    account: str,
    region: str,
    action: str,
    resource: str,
    context: Mapping[str, str],
    identity: Sequence[Any],
    boundary: Any,
    resource_policy: Any,
    resource_policy_needed: bool,
) -> str:
    """Return what MiniStack's evaluator says to a call of a role's session: `Allow`, `Deny` or `ImplicitDeny`.

    Args:
        principal_arn: ARN of the role.
        account: Account of the role and of the resource.
        region: Region of the call.
        action: IAM action.
        resource: ARN of the resource, or `*`.
        context: Condition keys of the request.
        identity: Policy documents of the role.
        boundary: Document of its permissions boundary. None: it has none.
        resource_policy: Policy document of the resource. None: it has none.
        resource_policy_needed: Whether the resource's policy must allow, whatever the role's say.
    """
    asked = _asked(principal_arn, "AssumedRole", account, region, action, resource, context)
    limits = [] if boundary is None else [[iam_evaluator.parse_policy_document(boundary)]]
    result = iam_evaluator.evaluate(asked, [iam_evaluator.parse_policy_document(each) for each in identity], *limits)
    if resource_policy is not None or resource_policy_needed:
        result = iam_evaluator.combine_resource_policy(
            result, asked, resource_policy, account, resource_policy_needed, tuple(limits)
        )
    return result.decision


def evaluate_service(
    *, host: str, region: str, action: str, resource: str, context: Mapping[str, str], resource_policy: Any
) -> str:
    """Return what MiniStack's evaluator says to a call of a service of AWS: `Allow`, `Deny` or `ImplicitDeny`.

    Args:
        host: The service, such as `cloudwatch.amazonaws.com`.
        region: Region of the call.
        action: IAM action.
        resource: ARN of the resource.
        context: Condition keys of the request.
        resource_policy: Policy document of the resource. None: it has none.
    """
    # With an ARN of the account, a statement that names the account would let the service through.
    asked = _asked("*", "Service", "", region, action, resource, context)
    return iam_evaluator.evaluate_resource_policy(resource_policy, asked, service=host).decision


def _asked(
    principal_arn: str, kind: str, account: str, region: str, action: str, resource: str, context: Mapping[str, str]
) -> iam_evaluator.EvalContext:
    keys = {key.lower(): value for key, value in context.items()}
    return iam_evaluator.EvalContext(
        principal_arn=principal_arn,
        principal_type=kind,
        principal_account=account,
        action=action,
        resource_arn=resource,
        region=region,
        secure_transport=keys.get("aws:securetransport") == "true",
        service_context=keys,
    )


# ---- what services do in this process, past the API ----

# Each check returns None to let it happen, or says why not.
Check = Callable[[Record], str | None]


def before_invocations(check: Check) -> None:
    """Call `check` with the configuration of each function that is about to run."""
    run, ask = lambda_svc._execute_function, custom_resource.invoke_custom_resource

    def checked_run(function: Record, event: Any) -> Any:
        if why := check(function.get("config") or function):
            return {"error": True, "body": {"errorType": "AccessDeniedException", "errorMessage": why}}
        return run(function, event)

    def checked_ask(request_type: str, logical_id: str, properties: Record, *rest: Any, **named: Any) -> Any:
        # Without this, the stack would wait for an answer of a function that never ran.
        _, config, _ = lambda_svc._get_func_record_for_ref(properties.get("ServiceToken", ""))
        if config and (why := check(config)):
            raise ValueError(why)
        return ask(request_type, logical_id, properties, *rest, **named)

    lambda_svc._execute_function = checked_run
    custom_resource.invoke_custom_resource = checked_ask


def before_function_logs(check: Check) -> None:
    """Call `check` with the configuration of each function whose output is about to be written."""
    write = lambda_svc._emit_lambda_logs

    def checked(function: Record, *rest: Any, **named: Any) -> None:
        if check(function.get("config") or function) is None:
            write(function, *rest, **named)

    lambda_svc._emit_lambda_logs = checked


_machine: contextvars.ContextVar[Record | None] = contextvars.ContextVar("machine", default=None)


def before_machine_calls(check: Callable[[Record, str], str | None]) -> None:
    """Call `check` with each state machine that is about to invoke a function, and the function's ARN."""
    run, invoke = stepfunctions._run_execution, stepfunctions._call_lambda

    def running(execution: str) -> None:
        record = stepfunctions._executions.get(execution) or {}
        token = _machine.set(stepfunctions._state_machines.get(record.get("stateMachineArn")))
        try:
            run(execution)
        finally:
            _machine.reset(token)

    def checked(function: str, event: Any) -> Any:
        machine = _machine.get()
        _, config, _ = lambda_svc._get_func_record_for_ref(function)
        if machine and config and (why := check(machine, str(config["FunctionArn"]))):
            raise stepfunctions._ExecutionError("Lambda.AWSLambdaException", why)
        return invoke(function, event)

    stepfunctions._run_execution, stepfunctions._call_lambda = running, checked


def before_events(check: Callable[[str, str], str | None]) -> None:
    """Call `check` with the ARNs of each rule of EventBridge and of the target that it is about to start."""
    start = eventbridge._invoke_target

    def checked(target: Record, event: Any, rule: Record, *rest: Any, **named: Any) -> None:
        if check(str(rule.get("Arn")), str(target.get("Arn"))) is None:
            start(target, event, rule, *rest, **named)

    eventbridge._invoke_target = checked


def before_alarm_actions(check: Callable[[str, str], str | None]) -> None:
    """Call `check` with the ARNs of each alarm and of the topic that it is about to publish to.

    What `check` says goes into the alarm's history, as on AWS.
    """
    act = cloudwatch._dispatch_alarm_actions
    fields = {"ALARM": "AlarmActions", "OK": "OKActions", "INSUFFICIENT_DATA": "InsufficientDataActions"}

    def checked(alarm: Record, old_state: str, new_state: str, reason: str) -> None:
        field = fields.get(new_state, "AlarmActions")
        allowed = list[str]()
        for topic in alarm.get(field) or []:
            if why := check(str(alarm.get("AlarmArn")), str(topic)):
                entry = {
                    "AlarmName": alarm.get("AlarmName"),
                    "AlarmType": "MetricAlarm",
                    "Timestamp": cloudwatch._ts_iso(cloudwatch.time.time()),
                    "HistoryItemType": "Action",
                    "HistorySummary": why,
                    "HistoryData": json.dumps({"actionState": "Failed", "error": why}),
                }
                cloudwatch._history_entries().append(entry)
            else:
                allowed.append(str(topic))
        act(alarm | {field: allowed}, old_state, new_state, reason)

    cloudwatch._dispatch_alarm_actions = checked
