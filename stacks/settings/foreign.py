"""Which keys of the context are the CDK's own, or another library's."""

import re
from collections.abc import Collection

from stacks.settings.suggestion import nearest, squeezed

KEY_OF_THE_CDK = re.compile(
    r"@"  # feature flags: @aws-cdk/core:checkSecretUsage
    r"|aws:|aws-cdk|cli-|(?:tree|debug)$"  # switches of the CLI
    # Answers of look-ups: availability-zones:account=123456789012:region=eu-west-1
    r"|(?:ami|availability-zones|cc-api-provider|endpoint-service-availability-zones|hosted-zone|key-provider"
    r"|load-balancer|load-balancer-listener|security-group|ssm|vpc-provider|plugin):[^=]+="
)
"""The look-ups are those of `ContextProvider` in aws-cdk-lib's cloud-assembly-schema."""

CLEARLY_OURS = 0.8
"""How near a key with a colon or a slash must be to one of ours to be a slip of the keyboard, of at most 1."""


def is_foreign(key: str, ours: Collection[str]) -> bool:
    """Tell whether a key of the context has nothing to do with settings.

    Our keys have neither a colon nor a slash, so a key with one belongs to the CDK or to another library. It is taken
    for a misspelt one of ours when it looks like one: `-c tls:=false` must not leave TLS on.

    Args:
        key: A key at the top of the context.
        ours: The settings keys.

    Example:
        >>> keys = ["tls", "region", "availability_zones"]
        >>> [is_foreign(key, keys) for key in ("@aws-cdk/core:x", "acme/audit:level", "tls:", "tls", "regoin/")]
        [True, True, False, False, False]
    """
    if KEY_OF_THE_CDK.match(key):
        return True
    first, *more = re.split(r"[:/]", key)
    if not more:
        return False
    return squeezed(first) not in map(squeezed, ours) and nearest(key, ours, CLEARLY_OURS) is None
