"""The book of rules: what AWS refuses, each rule with its source, in AWS's own words."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from emulator.handlers.internals import Properties, Step

# "change" is a create or an update; an update without any change is no step at all.
Moment = Literal["create", "change", "update", "delete"]
Judge = Callable[[Step], str | None]


class Refusal(ValueError):
    """A step that AWS refuses, with the reason that CloudFormation shows in the stack's events."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One thing that AWS refuses.

    Attributes:
        name: The name of its function.
        subject: The CloudFormation type that it judges, or an action of an API, such as `ecs:PutAccountSetting`.
        moment: The step of CloudFormation that it judges; for an action always `call`.
        refuses: One sentence: what is refused.
        source: Where AWS says so: a number of docs/aws.md (`T-n`) or an address.
        code: AWS's error code: CloudFormation's `HandlerErrorCode`, or the API's.
        own_words: Whether the reason is in our words: that AWS refuses is documented, what it says was not found.
    """

    name: str
    subject: str
    moment: Moment | Literal["call", "outputs"]
    refuses: str
    source: str
    code: str
    own_words: bool = False

    @property
    def service(self) -> str:
        """The service, such as `RDS`."""
        return self.subject.split("::")[1] if "::" in self.subject else self.subject.partition(":")[0].upper()


RULES: list[Rule] = []
_judges: dict[str, list[tuple[Rule, Judge]]] = {}
# The names that AWS's SDK gives the services, as CloudFormation writes them in its messages.
_SERVICES = {
    "EC2": "Ec2",
    "ECS": "Ecs",
    "EFS": "Efs",
    "IAM": "Iam",
    "KMS": "Kms",
    "RDS": "Rds",
    "SNS": "Sns",
    "SSM": "Ssm",
    "Logs": "CloudWatchLogs",
    "Events": "EventBridge",
    "StepFunctions": "Sfn",
}


def note(
    judge: Callable[..., Any], *, subject: str, moment: Any, source: str, code: str, own_words: bool = False
) -> Rule:
    """Enter a rule whose function is asked elsewhere; what it refuses is the first sentence of its docstring."""
    refuses = " ".join((judge.__doc__ or "").partition("\n\n")[0].split())
    rule = Rule(
        name=judge.__name__.strip("_"),
        subject=subject,
        moment=moment,
        refuses=refuses,
        source=source,
        code=code,
        own_words=own_words,
    )
    RULES.append(rule)
    return rule


def refuse(
    *subjects: str, source: str, moment: Moment = "change", code: str = "InvalidRequest", own_words: bool = False
) -> Callable[[Judge], Judge]:
    """Let a function judge the steps of some CloudFormation types; it returns AWS's words, or None.

    Args:
        subjects: The types.
        source: A number of docs/aws.md (`T-n`) or an address.
        moment: Which steps. Default: creates and updates.
        code: CloudFormation's `HandlerErrorCode`. Default: `InvalidRequest`.
        own_words: Whether the words are ours, because AWS's were not found. Default: they are AWS's.
    """

    def enter(judge: Judge) -> Judge:
        for subject in subjects:
            rule = note(judge, subject=subject, moment=moment, source=source, code=code, own_words=own_words)
            _judges.setdefault(subject, []).append((rule, judge))
        return judge

    return enter


def judge(step: Step) -> None:
    """Refuse a step to which a rule applies.

    Raises:
        Refusal: In CloudFormation's form, with AWS's words.
    """
    for rule, words_of in _judges.get(step.resource_type, ()):
        if _applies(rule, step) and (words := words_of(step)):
            name = _SERVICES.get(rule.service, rule.service)
            # CloudFormation itself says that a resource exists; all else comes from the service.
            by_service = not words.startswith("Resource of type")
            origin = f" (Service: {name}, Status Code: 400, Request ID: {uuid.uuid4()})" if by_service else ""
            raise Refusal(
                f'Resource handler returned message: "{words}{origin}" '
                f"(RequestToken: {uuid.uuid4()}, HandlerErrorCode: {rule.code})"
            )


def _applies(rule: Rule, step: Step) -> bool:
    if step.new is None:
        return rule.moment == "delete"
    if step.old is None:
        return rule.moment in ("create", "change")
    return rule.moment in ("update", "change")


def properties_of(step: Step) -> Properties:
    """Return the properties that a create or update asks for."""
    return step.new or {}


def is_true(value: Any) -> bool:
    """Tell whether a property is true; CloudFormation takes the word as well."""
    return str(value).lower() == "true"


def number(value: Any, default: int = 0) -> int:
    """Return a whole number that CloudFormation takes as text as well."""
    return int(value) if str(value or "").isdecimal() else default
