"""What a resource's policy lets an AWS service do, judged as IAM judges it.

Only what the policies of these templates use is known: service principals, wildcards in actions and resources, and a
few condition operators. Anything else is an error, so that no statement is passed over.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

ACCOUNT, REGION, PARTITION = "111122223333", "us-east-1", "aws"

PSEUDO_PARAMETERS = {
    "AWS::AccountId": ACCOUNT,
    "AWS::Partition": PARTITION,
    "AWS::Region": REGION,
    "AWS::URLSuffix": "amazonaws.com",
}


@dataclass(frozen=True)
class Request:
    """What a service asks for.

    Attributes:
        service: The principal, such as `cloudwatch.amazonaws.com`.
        action: Such as `sns:Publish`.
        resource: The ARN, or the name that `resolved` gives to a resource of the template.
        context: The condition keys that the request carries, with their values.
    """

    service: str
    action: str
    resource: str
    context: Mapping[str, str] = field(default_factory=dict)


def allowed(policy: Mapping[str, Any], request: Request) -> bool:
    """Return whether a policy allows a request: some statement allows it, and none denies it."""
    effects = {
        statement["Effect"] for statement in listed(resolved(policy)["Statement"]) if _applies(statement, request)
    }
    assert effects <= {"Allow", "Deny"}
    return effects == {"Allow"}


def resolved(value: Any) -> Any:
    """Return a value of a template with its functions carried out; a resource stands as its logical id."""
    if isinstance(value, list):
        return [resolved(item) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        (name, argument), *_ = value.items()
        if name == "Ref":
            return PSEUDO_PARAMETERS.get(argument, argument)
        if name == "Fn::GetAtt":
            return argument[0]
        if name == "Fn::Join":
            return argument[0].join(map(str, resolved(argument[1])))
        if name == "Fn::Sub":
            return re.sub(r"\$\{([^}]+)\}", lambda found: PSEUDO_PARAMETERS.get(found[1], found[1]), argument)
        assert not name.startswith("Fn::"), name
    return {key: resolved(inner) for key, inner in value.items()}


def listed(value: Any) -> list[Any]:
    """Return a list as it is, and one value as a list."""
    return value if isinstance(value, list) else [value]


def _applies(statement: Mapping[str, Any], request: Request) -> bool:
    unknown = statement.keys() - {"Sid", "Effect", "Principal", "Action", "Resource", "Condition"}
    assert not unknown, unknown
    return (
        _is_principal(statement["Principal"], request.service)
        and any(_like(request.action.lower(), action.lower()) for action in listed(statement["Action"]))
        and any(_like(request.resource, resource) for resource in listed(statement["Resource"]))
        and all(
            _holds(operator, request.context.get(key), [str(wanted) for wanted in listed(values)])
            for operator, conditions in statement.get("Condition", {}).items()
            for key, values in conditions.items()
        )
    )


def _is_principal(principal: str | Mapping[str, Any], service: str) -> bool:
    """A service is meant by its own name, or by a star."""
    if principal == "*":
        return True
    assert isinstance(principal, Mapping), principal
    return service in listed(principal.get("Service", [])) or "*" in listed(principal.get("AWS", []))


def _holds(operator: str, given: str | None, wanted: list[str]) -> bool:
    """A condition on a key that the request does not carry never holds."""
    if given is None:
        return False
    if operator in ("StringEquals", "Bool"):
        return given in wanted
    if operator == "StringLike":
        return any(_like(given, pattern) for pattern in wanted)
    if operator in ("ArnLike", "ArnEquals"):
        # Each of the six parts of an ARN is compared for itself, so that a star ends at a colon.
        return any(
            len(parts := pattern.split(":", 5)) == len(found := given.split(":", 5)) and all(map(_like, found, parts))
            for pattern in wanted
        )
    raise AssertionError(f"no such operator is known: {operator}")


def _like(text: str, pattern: str) -> bool:
    expression = "".join({"*": ".*", "?": "."}.get(letter, re.escape(letter)) for letter in pattern)
    return re.fullmatch(expression, text) is not None
