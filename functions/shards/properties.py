"""The properties of the two custom resources, which the reconciler and the runbook are given too.

All of them are texts, named in `functions.contract`:

- `Place`: "before" or "after" the coreapp service.
- `Shards`: the declared number of shards.
- `Endpoint`: the address of the webapp, https://<host>[:<port>].
- `StackName`: optional. It names a stack whose outputs give what is missing of `Endpoint`, `ClusterName` and
  `ServiceName`. The runbook and the reconciler use it, since they are no part of that stack.
- `SecretArn`: the secret with the client's account (`functions.shards.account`).
- `CaParameterName`: optional. It names the SSM parameter with the PEM bundle that certifies the webapp. Default: the
  public authorities.
- `ClusterName`, `ServiceName`: optional. They name the ECS service of the coreapps, so that M-21 is checked against
  the tasks that run. The resource before the service cannot name it, because the service depends on that resource.
- `CertificateMaxAgeDays`: optional. Default: `functions.shards.account.CERTIFICATE_MAX_AGE_DAYS`.
"""

from collections.abc import Mapping
from typing import Any, cast

from functions import contract
from functions.errors import Refusal
from functions.shards.account import CERTIFICATE_MAX_AGE_DAYS
from functions.shards.decision import Place


def required_text(properties: Mapping[str, Any], name: str) -> str:
    """Return the property `name`.

    Raises:
        Refusal: It is missing, empty or no text.

    Example:
        >>> required_text({"SecretArn": "wa-production/client-account"}, "SecretArn")
        'wa-production/client-account'
    """
    value = properties.get(name)
    if not isinstance(value, str) or not value:
        raise Refusal(f"Property {name} is missing. Set it on the custom resource.")
    return value


def declared_shards(properties: Mapping[str, Any]) -> int:
    """Return the property `Shards` as a number.

    Raises:
        Refusal: It is missing or not one of `functions.contract.SHARD_COUNTS`.

    Example:
        >>> declared_shards({"Shards": "8"})
        8
    """
    text = required_text(properties, contract.SHARDS)
    if text not in map(str, contract.SHARD_COUNTS):
        allowed = ", ".join(map(str, contract.SHARD_COUNTS))
        raise Refusal(f"Property {contract.SHARDS}: {text!r} was given; allowed are {allowed}.")
    return int(text)


def place(properties: Mapping[str, Any]) -> Place:
    """Return the property `Place`.

    Raises:
        Refusal: It is missing or neither "before" nor "after".

    Example:
        >>> place({"Place": "after"})
        'after'
    """
    text = required_text(properties, contract.PLACE)
    if text not in (contract.BEFORE, contract.AFTER):
        raise Refusal(
            f"Property {contract.PLACE}: {text!r} was given; allowed are {contract.BEFORE!r} and {contract.AFTER!r}."
        )
    return cast(Place, text)


def certificate_max_age_days(properties: Mapping[str, Any]) -> int:
    """Return the property `CertificateMaxAgeDays` as a number of days, or its default.

    Raises:
        Refusal: It is no number of days.

    Example:
        >>> certificate_max_age_days({})
        30
    """
    text = str(properties.get(contract.CERTIFICATE_MAX_AGE_DAYS) or CERTIFICATE_MAX_AGE_DAYS)
    if not text.isdecimal():
        raise Refusal(f"Property {contract.CERTIFICATE_MAX_AGE_DAYS}: {text!r} was given; a number of days is needed.")
    return int(text)
