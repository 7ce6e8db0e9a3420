"""What somebody who deploys to production should hear, although nothing of it is refused."""

from collections.abc import Iterator
from typing import NamedTuple

from sizing import Plan
from sizing.facts import published
from sizing.planning.request import rate_for
from stacks.settings.model import Settings


class Advice(NamedTuple):
    """One warning.

    Attributes:
        id: What it is about; the CDK shows it, and takes it to acknowledge the warning.
        text: The key, what its value leads to, and the mend.
    """

    id: str
    text: str


def advice(settings: Settings, plan: Plan) -> Iterator[Advice]:
    """Yield the warnings of one deployment; only production has any."""
    if settings.environment != "production":
        return
    if settings.availability_zone_names is None:
        yield Advice(
            "zones-by-position",
            f"availability_zone_names is not set, so CloudFormation takes the first {plan.hosts.availability_zones} "
            "zones of the account. Their order is not guaranteed: when AWS adds a zone, a later deploy may ask for "
            "other subnets and fail (T-13). Name the zones that the subnets are in.",
        )
    if settings.image_tag == "latest":
        yield Advice(
            "image-tag-latest",
            "image_tag is latest, which is another image whenever the registry says so: tasks that start later run "
            "another version beside the first one, and a rollback does not bring the old one back. Name a version.",
        )
    if plan.spares == 0:
        yield Advice(
            "no-spares",
            "spares is 0, so no coreapp takes over the shard of one that fails, and its messages wait until ECS has "
            "started another (M-5, M-7). Set spares=1.",
        )
    if plan.webs == 1:
        yield Advice(
            "one-webapp",
            "webs is 1, so the API is gone while its only webapp is replaced or its host is lost; the vendor's default "
            "is 3 (M-16). Set webs=2 or more.",
        )
    carried = rate_for(plan.active_coreapps)
    if plan.messages_per_second > carried:
        enough = next((count for count in published.SHARD_COUNTS if plan.messages_per_second <= rate_for(count)), None)
        mend = (
            f"Set active_coreapps={enough}, or leave it out."
            if enough
            else f"The vendor supports {published.SUPPORTED_RATE} messages/s at most: spread the load over clusters."
        )
        yield Advice(
            "rate-above-coreapps",
            f"messages_per_second is {plan.messages_per_second:g}, yet the vendor rates {plan.active_coreapps} active "
            f"coreapps for {carried:g} messages/s. {mend}",
        )
