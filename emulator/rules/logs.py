"""CloudWatch Logs, Secrets Manager and Systems Manager: names that are taken, keys, sizes."""

from __future__ import annotations

import json
import re

from ministack.core.responses import get_account_id, get_region

from emulator.handlers import internals
from emulator.handlers.internals import Step

from .book import number, properties_of, refuse
from .kms import exists

_GROUP, _SECRET, _PARAMETER = "AWS::Logs::LogGroup", "AWS::SecretsManager::Secret", "AWS::SSM::Parameter"
_PUT_RETENTION = "https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html"
_CREATE_SECRET = "https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html"  # noqa: S105 -- an address
_PUT_PARAMETER = "https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html"
_DAYS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)
_STANDARD_BYTES, _ADVANCED_BYTES = 4096, 8192


@refuse(_GROUP, source="T-5", moment="create", code="AlreadyExists")
def log_group_exists(step: Step) -> str | None:
    """A log group cannot be made under the name of one that exists, such as one that an earlier stack retained."""
    name = properties_of(step).get("LogGroupName")
    if not name or name not in internals.log_groups:
        return None
    return (
        f"Resource of type 'AWS::Logs::LogGroup' with identifier '{{\"/properties/LogGroupName\":\"{name}\"}}' "
        "already exists."
    )


@refuse(_GROUP, source=_PUT_RETENTION)
def retention_days(step: Step) -> str | None:
    """Logs are kept for one of the numbers of days that the API lists."""
    days = properties_of(step).get("RetentionInDays")
    if days is None or number(days) in _DAYS:
        return None
    listed = ", ".join(map(str, _DAYS))
    return (
        f"1 validation error detected: Value '{days}' at 'retentionInDays' failed to satisfy constraint: "
        f"Member must satisfy enum value set: [{listed}]"
    )


@refuse(_GROUP, source="https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html")
def unknown_log_key(step: Step) -> str | None:
    """The key of a log group must exist."""
    given = properties_of(step)
    if not given.get("KmsKeyId") or exists(given["KmsKeyId"]):
        return None
    name = given.get("LogGroupName") or step.physical_id or step.logical_id
    arn = f"arn:aws:logs:{get_region()}:{get_account_id()}:log-group:{name}"
    return f"The specified KMS key does not exist or is not allowed to be used with Arn '{arn}'"


@refuse(_SECRET, source=_CREATE_SECRET, moment="create", code="AlreadyExists")
def secret_exists(step: Step) -> str | None:
    """A secret cannot have the name of another one, which includes those that wait for their deletion."""
    name = properties_of(step).get("Name")
    record = internals.secrets.get(str(name)) if name else None
    if record is None:
        return None
    if record.get("DeletedDate"):
        return "You can't create this secret because a secret with this name is already scheduled for deletion."
    return f"The operation failed because the secret {name} already exists."


@refuse(_SECRET, source=_CREATE_SECRET)
def secret_key(step: Step) -> str | None:
    """The key of a secret must exist."""
    key = properties_of(step).get("KmsKeyId")
    if not key or exists(key):
        return None
    return (
        "Secrets Manager can't encrypt the protected secret text using the provided KMS key. "
        "Check that the KMS key is available, enabled, and not in an invalid state."
    )


@refuse(_SECRET, source="https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetRandomPassword.html")
def generated_secret(step: Step) -> str | None:
    """A generated password has 1 to 4,096 characters, and the template around it is a JSON object."""
    generated = properties_of(step).get("GenerateSecretString") or {}
    length = generated.get("PasswordLength")
    if length is not None and not 1 <= number(length) <= 4096:
        bound = "less than or equal to 4096" if number(length) > 4096 else "greater than or equal to 1"
        return (
            f"1 validation error detected: Value '{length}' at 'passwordLength' failed to satisfy constraint: "
            f"Member must have value {bound}"
        )
    if "SecretStringTemplate" in generated:
        try:
            whole = isinstance(json.loads(generated["SecretStringTemplate"]), dict)
        except ValueError:
            whole = False
        if not whole:
            return "Could not parse SecretStringTemplate JSON."
    return None


@refuse(_SECRET, source=_CREATE_SECRET)
def secret_name(step: Step) -> str | None:
    """The name of a secret has letters, digits and /_+=.@- alone."""
    name = properties_of(step).get("Name")
    if not name or re.fullmatch(r"[\w/+=.@-]{1,512}", name, re.ASCII):
        return None
    return "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!"


@refuse(_PARAMETER, source=_PUT_PARAMETER, moment="create", code="AlreadyExists")
def parameter_exists(step: Step) -> str | None:
    """A parameter cannot be made under a name that is taken."""
    name = properties_of(step).get("Name")
    taken = name and name in internals.parameters
    return (
        "The parameter already exists. To overwrite this value, set the overwrite option in the request to true."
        if taken
        else None
    )


@refuse(_PARAMETER, source=_PUT_PARAMETER)
def parameter_size(step: Step) -> str | None:
    """The value of a parameter has at most 4,096 bytes, of an advanced one 8,192."""
    given = properties_of(step)
    size = len(str(given.get("Value", "")).encode())
    advanced = given.get("Tier") in ("Advanced", "Intelligent-Tiering")
    if size <= (_ADVANCED_BYTES if advanced else _STANDARD_BYTES):
        return None
    if advanced:
        return f"Advanced tier parameters support a maximum parameter value of {_ADVANCED_BYTES} characters."
    return (
        f"Standard tier parameters support a maximum parameter value of {_STANDARD_BYTES} characters. To create a "
        "larger parameter value, upgrade the parameter to use the advanced-parameter tier."
    )


@refuse(_PARAMETER, source=_PUT_PARAMETER)
def parameter_name(step: Step) -> str | None:
    """The name of a parameter does not begin with `aws` or `ssm`, and has letters, digits and _.-/ alone."""
    name = str(properties_of(step).get("Name") or "")
    if re.match(r"/?(aws|ssm)", name, re.IGNORECASE):
        return 'Parameter name: can\'t be prefixed with "aws" or "ssm" (case-insensitive).'
    if name and not re.fullmatch(r"[\w./-]+", name, re.ASCII):
        return (
            'Parameter name: can\'t be prefixed with "ssm" (case-insensitive). If formed as a path, it can consist of '
            "sub-paths divided by slash symbol; each sub-path can be formed as a mix of letters, numbers and the "
            "following 3 symbols .-_"
        )
    return None


@refuse(_PARAMETER, source=_PUT_PARAMETER)
def parameter_pattern(step: Step) -> str | None:
    """A value matches the pattern that its parameter allows."""
    given = properties_of(step)
    pattern = given.get("AllowedPattern")
    if not pattern or re.search(pattern, str(given.get("Value", ""))):
        return None
    return f"Parameter value, cannot be validated against allowedPattern: {pattern}"
