"""Which deployment, and where it goes."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel

from multiconnect.certificates import certificate_regions
from stacks.settings.change import never
from stacks.settings.declaration import TOPIC, OneOf, default_of_sizing, setting
from stacks.settings.errors import Refusal

RESERVED_PREFIXES = ("aws", "ssm", "ecs", "fargate", "sg-", "internal-")
"""Beginnings that AWS refuses in names, all of which CloudFormation makes from the name of the stack.

Parameters begin with neither aws nor ssm, capacity providers with none of aws, ecs and fargate, security groups not
with sg-, load balancers not with internal-: PutParameter, CreateCapacityProvider, CreateSecurityGroup and
CreateLoadBalancer in the API references.
"""


def _unreserved(name: str) -> str:
    for prefix in RESERVED_PREFIXES:
        if name.startswith(prefix):
            raise Refusal(f"AWS keeps names that begin with {prefix} for itself")
    return name


class Deployment(BaseModel):
    """Which deployment, and where it goes."""

    model_config = TOPIC

    deployment: str = setting(
        "production",
        "Which deployment of cdk.json.",
        "a name below `deployments`",
        change=never("each deployment has stacks of its own"),
    )
    environment: Literal["production", "staging"] = setting(
        default_of_sizing("environment"),
        "Chooses defaults (M-16) and how strictly data is kept.",
        change=never("zones, database and retention follow from it; make another deployment and move the data"),
    )
    name: Annotated[str, AfterValidator(_unreserved)] = setting(
        lambda known: f"wa-{known['environment']}",
        "Prefix of the four stacks. Default: wa-<environment>.",
        "3 to 40 lower-case letters, digits and single hyphens, a letter first",
        pattern=r"^[a-z](-?[a-z0-9])+$",
        min_length=3,
        max_length=40,
        change=never("another name is another deployment beside this one"),
    )
    region: Annotated[str, OneOf(certificate_regions())] = setting(
        default_of_sizing("region"),
        "Where it is deployed; a region that root certificates of RDS are shipped for.",
        change=never("another region is another deployment beside this one"),
    )
    account: str | None = setting(
        None,
        "Whose account. Default: that of the credentials at deploy time.",
        "12 digits",
        pattern=r"^[0-9]{12}$",
        change=never("another account is another deployment beside this one"),
    )
