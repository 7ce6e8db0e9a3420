"""CloudWatch, SNS, EventBridge and Step Functions: what watches and tells."""

from __future__ import annotations

import json
import re
from typing import Any

from ministack.core.responses import get_account_id, get_region

from emulator.handlers import internals
from emulator.handlers.internals import Step

from .book import number, properties_of, refuse
from .iam import statements, trusts, unknown_principal

_ALARM, _DASHBOARD = "AWS::CloudWatch::Alarm", "AWS::CloudWatch::Dashboard"
_TOPIC_POLICY, _SUBSCRIPTION = "AWS::SNS::TopicPolicy", "AWS::SNS::Subscription"
_RULE, _MACHINE = "AWS::Events::Rule", "AWS::StepFunctions::StateMachine"
_PUT_ALARM = "https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html"
_PUT_DASHBOARD = "https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutDashboard.html"
_TOPIC_POLICIES = "https://docs.aws.amazon.com/sns/latest/dg/sns-access-policy-language-api-permissions-reference.html"
_DAY_SECONDS, _WEEK_SECONDS = 86_400, 604_800
# What a topic's policy may allow; a wildcard includes actions of the account, so SNS refuses it.
_TOPIC_ACTIONS = frozenset(
    "sns:" + name.lower()
    for name in (
        "Publish", "AddPermission", "RemovePermission", "DeleteTopic", "GetTopicAttributes", "SetTopicAttributes",
        "ListSubscriptionsByTopic", "Subscribe", "Receive", "GetDataProtectionPolicy", "PutDataProtectionPolicy",
        "ListTagsForResource", "TagResource", "UntagResource",
    )
)  # fmt: skip


@refuse(_DASHBOARD, source=_PUT_DASHBOARD)
def dashboard_is_json(step: Step) -> str | None:
    """The body of a dashboard is a JSON object."""
    try:
        whole = isinstance(json.loads(properties_of(step).get("DashboardBody", "")), dict)
    except ValueError:
        whole = False
    return None if whole else "The field DashboardBody must be a valid JSON object"


@refuse(_DASHBOARD, source=_PUT_DASHBOARD)
def dashboard_widgets(step: Step) -> str | None:
    """Each widget has a type, and each metric in it is a list of texts with a last object of options."""
    try:
        widgets = json.loads(properties_of(step)["DashboardBody"]).get("widgets", [])
    except (ValueError, KeyError, AttributeError):
        return None
    errors = list[dict[str, str]]()
    for index, widget in enumerate(widgets):
        if "type" not in widget:
            errors.append({"dataPath": f"/widgets/{index}", "message": "Should have required property 'type'"})
        for place, metric in enumerate((widget.get("properties") or {}).get("metrics") or []):
            errors += [
                {
                    "dataPath": f"/widgets/{index}/properties/metrics/{place}/{field}",
                    "message": 'Invalid metric field type, only "String" type is allowed',
                }
                for field, value in enumerate(metric)
                if not isinstance(value, str) and not (isinstance(value, dict) and field == len(metric) - 1)
            ]
    if not errors:
        return None
    return f"The dashboard body is invalid, there are {len(errors)} validation errors: {json.dumps(errors)}"


@refuse(_DASHBOARD, source=_PUT_DASHBOARD)
def dashboard_name(step: Step) -> str | None:
    """The name of a dashboard has letters, digits, hyphens and underscores alone."""
    name = properties_of(step).get("DashboardName")
    if not name or re.fullmatch(r"[\w-]{1,255}", name, re.ASCII):
        return None
    return (
        f"The value {name} for field DashboardName contains invalid characters. It can only contain alphanumerics, "
        "dash (-) and underscore (_)."
    )


@refuse(_ALARM, source=_PUT_ALARM, own_words=True)
def alarm_period(step: Step) -> str | None:
    """A period is 10, 20 or 30 s or a multiple of 60 s."""
    given = properties_of(step)
    periods = [
        given.get("Period"),
        *((item.get("MetricStat") or {}).get("Period") for item in given.get("Metrics") or []),
    ]
    for period in (number(each) for each in periods if each is not None):
        if period not in (10, 20, 30) and (period < 60 or period % 60):
            return "Period must be 10, 20, 30 or a multiple of 60"
    return None


@refuse(_ALARM, source=_PUT_ALARM)
def alarm_span(step: Step) -> str | None:
    """An alarm looks at one day at most, with periods of an hour or longer at seven."""
    given = properties_of(step)
    period = number(given.get("Period"), 60)
    span = period * number(given.get("EvaluationPeriods"), 1)
    if span > (_WEEK_SECONDS if period >= 3600 else _DAY_SECONDS):
        return "Metrics cannot be checked across more than a day (EvaluationPeriods * Period must be <= 86400)."
    return None


@refuse(_ALARM, source=_PUT_ALARM, own_words=True)
def alarm_datapoints(step: Step) -> str | None:
    """The datapoints to alarm are at most the evaluation periods."""
    given = properties_of(step)
    if number(given.get("DatapointsToAlarm")) <= number(given.get("EvaluationPeriods"), 1):
        return None
    return "DatapointsToAlarm must be less than or equal to EvaluationPeriods"


@refuse(_ALARM, source=_PUT_ALARM)
def alarm_actions(step: Step) -> str | None:
    """Each action of an alarm is an ARN, and no state has more than five."""
    given = properties_of(step)
    for kind in ("AlarmActions", "OKActions", "InsufficientDataActions"):
        actions = given.get(kind) or []
        if len(actions) > 5:
            name = kind[0].lower() + kind[1:] if kind != "OKActions" else "oKActions"
            return (
                f"1 validation error detected: Value '{actions}' at '{name}' failed to satisfy constraint: "
                "Member must have length less than or equal to 5"
            )
        for action in actions:
            if not re.match(r"arn:aws[\w-]*:[\w-]+:", str(action)):
                return f"Invalid arn syntax: {action}"
    return None


@refuse(_ALARM, source=_PUT_ALARM)
def alarm_words(step: Step) -> str | None:
    """Comparison, statistic and treatment of missing data are words that the API knows."""
    given = properties_of(step)
    allowed = {
        "Statistic": ("SampleCount", "Average", "Sum", "Minimum", "Maximum"),
        "TreatMissingData": ("breaching", "notBreaching", "ignore", "missing"),
    }
    for key, words in allowed.items():
        if given.get(key) is not None and given[key] not in words:
            name = key[0].lower() + key[1:]
            return (
                f"1 validation error detected: Value '{given[key]}' at '{name}' failed to satisfy constraint: "
                f"Member must satisfy enum value set: [{', '.join(words)}]"
            )
    return None


@refuse(_TOPIC_POLICY, source="https://docs.aws.amazon.com/sns/latest/dg/sns-create-custom-policy.html")
def topic_principal(step: Step) -> str | None:
    """The policy of a topic cannot name a role or user that does not exist."""
    unknown = unknown_principal(properties_of(step).get("PolicyDocument"))
    return "Invalid parameter: Policy Error: PrincipalNotFound" if unknown else None


@refuse(_TOPIC_POLICY, source=_TOPIC_POLICIES)
def topic_actions(step: Step) -> str | None:
    """The policy of a topic names actions of a topic, without a wildcard."""
    for statement in statements(properties_of(step).get("PolicyDocument")):
        actions = statement.get("Action", [])
        for action in [actions] if isinstance(actions, str) else actions:
            if str(action).lower() not in _TOPIC_ACTIONS:
                return "Invalid parameter: Policy statement action out of service scope!"
    return None


@refuse(_SUBSCRIPTION, source="https://docs.aws.amazon.com/sns/latest/api/API_Subscribe.html")
def subscription_endpoint(step: Step) -> str | None:
    """The endpoint of a subscription has the form of its protocol."""
    given = properties_of(step)
    forms = {"email": r"[^@\s]+@[^@\s]+", "https": r"https://\S+", "http": r"http://\S+", "lambda": r"arn:.*:lambda:.*"}
    protocol = str(given.get("Protocol"))
    if protocol in forms and not re.fullmatch(forms[protocol], str(given.get("Endpoint") or "")):
        kind = "Email address" if protocol == "email" else "Endpoint must match the specified protocol"
        return f"Invalid parameter: {kind}"
    return None


@refuse(_RULE, source="https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutRule.html")
def schedule(step: Step) -> str | None:
    """A schedule is `rate(...)` with the right number of its unit, or `cron(...)` with six fields."""
    text = properties_of(step).get("ScheduleExpression")
    if text is None:
        return None
    rate = re.fullmatch(r"rate\((\d+) (minute|hour|day)(s?)\)", str(text))
    if rate and int(rate[1]) > 0 and (rate[1] == "1") != bool(rate[3]):
        return None
    cron = re.fullmatch(r"cron\((.+)\)", str(text))
    if cron and len(cron[1].split()) == 6 and "?" in (cron[1].split()[2], cron[1].split()[4]):
        return None
    return "Parameter ScheduleExpression is not valid."


@refuse(
    _RULE,
    source="https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html",
    code="ServiceLimitExceeded",
    own_words=True,
)
def five_targets(step: Step) -> str | None:
    """A rule has at most five targets."""
    return (
        "The requested resource exceeds the maximum number allowed."
        if len(properties_of(step).get("Targets") or []) > 5
        else None
    )


@refuse(_RULE, source="https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutTargets.html")
def targets_are_arns(step: Step) -> str | None:
    """Each target of a rule has an ARN and an id of its own."""
    targets = properties_of(step).get("Targets") or []
    for target in targets:
        if not str(target.get("Arn")).startswith("arn:"):
            return f"Parameter {target.get('Arn')} is not valid. Reason: Provided Arn is not in correct format."
    return None


@refuse(
    _MACHINE,
    source="https://docs.aws.amazon.com/step-functions/latest/apireference/API_CreateStateMachine.html",
    moment="create",
    code="AlreadyExists",
)
def machine_exists(step: Step) -> str | None:
    """A state machine cannot be made under the name of one that exists."""
    name = properties_of(step).get("StateMachineName")
    arn = f"arn:aws:states:{get_region()}:{get_account_id()}:stateMachine:{name}"
    return f"State Machine Already Exists: '{arn}'" if name and arn in internals.state_machines else None


@refuse(
    _MACHINE,
    source="https://docs.aws.amazon.com/step-functions/latest/dg/procedure-create-iam-role.html",
    own_words=True,
)
def machine_role(step: Step) -> str | None:
    """The role of a state machine exists and lets Step Functions assume it."""
    arn = properties_of(step).get("RoleArn")
    if trusts(arn, "states.amazonaws.com") or trusts(arn, f"states.{get_region()}.amazonaws.com"):
        return None
    return (
        "Neither the global service principal states.amazonaws.com, nor the regional one is authorized to assume "
        "the provided role."
    )


@refuse(_MACHINE, source="https://docs.aws.amazon.com/step-functions/latest/dg/concepts-amazon-states-language.html")
def machine_definition(step: Step) -> str | None:
    """A definition is JSON with states, its start is one of them, and each next state exists."""
    given = properties_of(step)
    definition: Any = given.get("Definition") or given.get("DefinitionString")
    if isinstance(definition, str):
        try:
            definition = json.loads(definition)
        except ValueError as error:
            return f"Invalid State Machine Definition: 'INVALID_JSON_DESCRIPTION: {error.args[0]}'"
    if not isinstance(definition, dict):
        return None
    states = definition.get("States") or {}
    if definition.get("StartAt") not in states:
        return (
            "Invalid State Machine Definition: 'MISSING_TRANSITION_TARGET: Missing 'StartAt' target: "
            f"{definition.get('StartAt')} at /StartAt'"
        )
    for name, state in states.items():
        if "Next" in state and state["Next"] not in states:
            return (
                "Invalid State Machine Definition: 'MISSING_TRANSITION_TARGET: Missing 'Next' target: "
                f"{state['Next']} at /States/{name}/Next'"
            )
    return None
