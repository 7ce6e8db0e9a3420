"""What services of AWS do for a resource of a stack: with the role that it names, or under the policy of another.

Each duty says what a stack's event says when AWS is not allowed to do it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from .containers import service
from .duty import DENIAL, Duties, Duty, Properties, as_session, assumes, log_stream, session_of, writes_logs
from .model import Account, Call, Service, Session


def of(account: Account, resource_type: str, arn: str, properties: Properties) -> list[Duty]:
    """Return the duties of a resource.

    Args:
        account: What else there is.
        resource_type: Its CloudFormation type.
        arn: Its ARN, or what is known of it.
        properties: Its properties, without functions of CloudFormation.
    """
    duties = _DUTIES.get(resource_type)
    return list(duties(account, arn, properties)) if duties else []


# ---- Lambda ----

# AWSLambdaVPCAccessExecutionRole, version 3 (T-38).
_NETWORK_ACTIONS = (
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
)
_TRACES = ("xray:PutTraceSegments", "xray:PutTelemetryRecords")


def function_session(account: Account, arn: str, properties: Properties) -> Session:
    """Return the session in which a function runs."""
    return session_of(account, str(properties.get("Role")), arn.rsplit(":", 1)[-1])


def function_logs(account: Account, arn: str, properties: Properties) -> list[Duty]:
    """Return the calls by which Lambda writes what a function prints."""
    group = str((properties.get("LoggingConfig") or {}).get("LogGroup") or f"/aws/lambda/{arn.rsplit(':', 1)[-1]}")
    return list(as_session(function_session(account, arn, properties), writes_logs(account, group), quiet=True))


def _function(account: Account, arn: str, properties: Properties) -> Iterator[Duty]:
    cannot = "The role defined for the function cannot be assumed by Lambda."
    yield from assumes(account, "lambda.amazonaws.com", str(properties.get("Role")), cannot)
    yield from function_logs(account, arn, properties)
    session = function_session(account, arn, properties)
    if (properties.get("VpcConfig") or {}).get("SubnetIds"):
        for action in _NETWORK_ACTIONS:
            name = action.partition(":")[2]
            refusal = f"The provided execution role does not have permissions to call {name} on EC2"
            yield from as_session(session, {action: "*"}, refusal)
    if (properties.get("TracingConfig") or {}).get("Mode") == "Active":
        refusal = "The provided execution role does not have permissions to call PutTraceSegments on XRAY"
        yield from as_session(session, dict.fromkeys(_TRACES, "*"), refusal)


# ---- Step Functions and EventBridge ----

# https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html and .../xray-iam.html
_LOG_DELIVERY = (
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:DescribeLogGroups",
    "logs:DescribeResourcePolicies",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:UpdateLogDelivery",
)
_MACHINE_TRACES = (*_TRACES, "xray:GetSamplingRules", "xray:GetSamplingTargets")
_INVOKED = re.compile(r"arn:aws[a-z-]*:lambda:[^:\"]+:\d+:function:[\w-]+(?::[\w$-]+)?")


def machine_session(account: Account, arn: str, role: str) -> Session:
    """Return the session in which a state machine runs."""
    return session_of(account, role, arn.rsplit(":", 1)[-1])


def _state_machine(account: Account, arn: str, properties: Properties) -> Iterator[Duty]:
    role = str(properties.get("RoleArn"))
    cannot = (
        "Neither the global service principal states.amazonaws.com, nor the regional one is authorized to assume the "
        "provided role."
    )
    yield from assumes(account, "states.amazonaws.com", role, cannot, arn)
    session = machine_session(account, arn, role)
    definition = properties.get("DefinitionString") or json.dumps(properties.get("Definition") or {})
    for function in sorted(set(_INVOKED.findall(str(definition)))):
        # Looked at by each execution, and not when the state machine is made.
        yield from as_session(session, {"lambda:InvokeFunction": function}, quiet=True)
    if (properties.get("LoggingConfiguration") or {}).get("Destinations"):
        refusal = "The state machine IAM Role is not authorized to access the Log Destination"
        yield from as_session(session, dict.fromkeys(_LOG_DELIVERY, "*"), refusal)
    if str((properties.get("TracingConfiguration") or {}).get("Enabled")).lower() == "true":
        yield from as_session(session, dict.fromkeys(_MACHINE_TRACES, "*"), quiet=True)


def rule_target(account: Account, rule: str, function: str) -> Duty:
    """Return the call by which a rule of EventBridge starts a function."""
    context = {"aws:SourceArn": rule, "aws:SourceAccount": account.id}
    return Duty(
        principal=Service(host="events.amazonaws.com"),
        call=Call(action="lambda:InvokeFunction", resource=function, context=context),
    )


def _rule(account: Account, arn: str, properties: Properties) -> Iterator[Duty]:
    for target in properties.get("Targets") or []:
        if ":lambda:" in str(target.get("Arn")):
            yield rule_target(account, arn, str(target["Arn"]))
        if ":sns:" in str(target.get("Arn")) and target.get("RoleArn"):
            yield from _rule_topic(account, arn, str(target["RoleArn"]), str(target["Arn"]))


def _rule_topic(account: Account, rule: str, role: str, topic: str) -> Iterator[Duty]:
    """Yield what a rule needs to publish to a topic with a role of its own."""
    refusal = f"Provided role '{role}' cannot be assumed by principal 'events.amazonaws.com'."
    yield from assumes(account, "events.amazonaws.com", role, refusal, rule)
    calls = {"sns:Publish": topic}
    if key := account.key_of(topic):
        calls |= {"kms:Decrypt": key, "kms:GenerateDataKey": key}
    yield from as_session(session_of(account, role, "events"), calls)


# ---- CloudWatch ----


def alarm_actions(account: Account, alarm: str, topic: str) -> list[Duty]:
    """Return what an alarm needs to reach a topic (T-8, T-39)."""
    context = {"aws:SourceArn": alarm, "aws:SourceAccount": account.id}
    host = Service(host="cloudwatch.amazonaws.com")
    words = f'Resource: {alarm} is not authorized to perform: SNS:Publish on resource: {topic}"'
    refusal = f'Failed to execute action {topic}. Received error: "{words}'
    made = [Duty(principal=host, call=Call(action="sns:Publish", resource=topic, context=context), refusal=refusal)]
    if key := account.key_of(topic):
        # Encryption of a message asks SNS for both, in the name of the service that publishes.
        made += [
            Duty(
                principal=host,
                call=Call(action=action, resource=key, context=context),
                refusal=f"Failed to execute action {topic}. Received error: CloudWatch Alarms does not have "
                "authorization to access the SNS topic encryption key.",
            )
            for action in ("kms:Decrypt", "kms:GenerateDataKey")
        ]
    return made


def _alarm(account: Account, arn: str, properties: Properties) -> Iterator[Duty]:
    topics = {
        str(action)
        for name in ("AlarmActions", "OKActions", "InsufficientDataActions")
        for action in properties.get(name) or []
    }
    for topic in sorted(topics):
        if ":sns:" in topic:
            yield from alarm_actions(account, arn, topic)


def _log_group(account: Account, arn: str, properties: Properties) -> Iterator[Duty]:
    key = str(properties.get("KmsKeyId") or "")
    # A key of somebody else has a policy that the account cannot see.
    if not key or account.resource_policy(key) is None:
        return
    group = arn.removesuffix(":*")
    for action in ("kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncryptTo"):
        call = Call(action=action, resource=key, context={"kms:EncryptionContext:aws:logs:arn": group})
        refusal = f"The specified KMS key does not exist or is not allowed to be used with Arn '{group}'"
        yield Duty(principal=Service(host=f"logs.{account.region}.amazonaws.com"), call=call, refusal=refusal)


# ---- network and database ----


def _flow_log(account: Account, arn: str, properties: Properties) -> Iterator[Duty]:
    role = properties.get("DeliverLogsPermissionArn")
    if not role:
        return
    cannot = "Unable to assume given IAM role"
    yield from assumes(account, "vpc-flow-logs.amazonaws.com", str(role), cannot, arn)
    group = str(properties.get("LogGroupName") or properties.get("LogDestination"))
    calls = writes_logs(account, group) | {
        "logs:DescribeLogStreams": log_stream(account, group).removesuffix(":log-stream:stream") + ":*"
    }
    yield from as_session(session_of(account, str(role), "flow-logs"), calls, f"Access error: {DENIAL}", quiet=True)


def _database(account: Account, arn: str, properties: Properties) -> Iterator[Duty]:
    role = properties.get("MonitoringRoleArn")
    if not role:
        return
    refusal = "IAM role ARN value is invalid or does not include the required permissions for: ENHANCED_MONITORING"
    yield from assumes(account, "monitoring.rds.amazonaws.com", str(role), refusal)
    group = f"arn:aws:logs:{account.region}:{account.id}:log-group:RDSOSMetrics"
    calls = {"logs:CreateLogGroup": group, **writes_logs(account, "RDSOSMetrics")}
    yield from as_session(session_of(account, str(role), "RDSEnhancedMonitoring"), calls, refusal, quiet=True)


_DUTIES: dict[str, Duties] = {
    "AWS::CloudWatch::Alarm": _alarm,
    "AWS::CloudWatch::CompositeAlarm": _alarm,
    "AWS::EC2::FlowLog": _flow_log,
    "AWS::ECS::Service": service,
    "AWS::Events::Rule": _rule,
    "AWS::Lambda::Function": _function,
    "AWS::Logs::LogGroup": _log_group,
    "AWS::RDS::DBInstance": _database,
    "AWS::StepFunctions::StateMachine": _state_machine,
}
