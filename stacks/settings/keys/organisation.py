"""What an organisation asks of everything in its accounts."""

from collections.abc import Mapping
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, BeforeValidator

from stacks.settings.change import IN_PLACE, restarts
from stacks.settings.declaration import TOPIC, setting

MOST_TAGS: Final = 45
"""A resource takes 50. The CDK and AWS add some of their own, such as Name, `aws-cdk:subnet-type` and AmazonECSManaged.

Source: https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html
"""

TAG_KEY_LETTERS: Final = 128
TAG_VALUE_LETTERS: Final = 256
TAG_SIGNS: Final = " _.:/=+-@"
"""Beside letters and digits. Some services take more; every one takes these."""

TAKEN_TAGS: Final = ("name", "amazonecsmanaged")
"""Keys whose values the stacks or ECS set themselves."""

KEY_ARN: Final = (
    r"^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/"
    r"(mrk-[0-9a-f]{32}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})$"
)
"""An alias will not do: what a role may decrypt with is named by keys alone."""

POLICY_LETTERS: Final = "[A-Za-z0-9_+=,.@-]"
"""What names and paths of IAM are made of."""


def _pairs(value: object) -> object:
    """`-c tags=Owner=ops,CostCenter=42` gives text where cdk.json gives an object."""
    if not isinstance(value, str):
        return value
    pairs = [part.strip().partition("=") for part in value.split(",")]
    if not all(separator for _, separator, _ in pairs) or len({key for key, *_ in pairs}) < len(pairs):
        raise ValueError("not pairs with one value for each key")
    return {key: text for key, _, text in pairs}


def _tag_text(text: str) -> str:
    if text.lower().startswith("aws:") or text != text.strip():
        raise ValueError("a tag that AWS keeps for itself, or with spaces around it")
    if not all(letter.isalnum() or letter in TAG_SIGNS for letter in text):
        raise ValueError("a sign that not every service takes")
    return text


def _tag_key(text: str) -> str:
    if not 1 <= len(_tag_text(text)) <= TAG_KEY_LETTERS or text.lower() in TAKEN_TAGS:
        raise ValueError("too short, too long, or set by the stacks themselves")
    return text


def _tag_value(text: str) -> str:
    if len(_tag_text(text)) > TAG_VALUE_LETTERS:
        raise ValueError("too long")
    return text


def _together(tags: Mapping[str, str]) -> Mapping[str, str]:
    """Return the tags of a resource. Keys of IAM that differ in case alone are one key."""
    if len({key.lower() for key in tags}) < len(tags) or len(tags) > MOST_TAGS:
        raise ValueError("too many tags, or two keys that differ in case alone")
    return tags


TagKey = Annotated[str, AfterValidator(_tag_key)]
TagValue = Annotated[str, AfterValidator(_tag_value)]
TagMap = Annotated[Mapping[TagKey, TagValue], BeforeValidator(_pairs), AfterValidator(_together)]


class Organisation(BaseModel):
    """What an organisation asks of everything in its accounts (docs/security.md)."""

    model_config = TOPIC

    tags: TagMap = setting(
        {},
        "Tags of the stacks and of every resource that takes tags; hosts, their volumes and tasks get them too (T-46). "
        "Default: none.",
        f"an object of texts, or Key=value pairs with commas: up to {MOST_TAGS} tags, keys of 1 to {TAG_KEY_LETTERS} "
        f"and values of up to {TAG_VALUE_LETTERS} letters, digits, spaces and _.:/=+-@, no key twice in another case, "
        "none that begins with aws:, and neither Name nor AmazonECSManaged, which the stacks and ECS set themselves",
        change=restarts("tasks", "hosts"),
    )
    permissions_boundary: str | None = setting(
        None,
        "Managed policy that bounds every role. Default: none.",
        "the name, with its path if it has one, or the ARN of a managed policy of the account",
        change=IN_PLACE,
        pattern=rf"^(arn:aws[a-z-]*:iam::([0-9]{{12}}|aws):policy/)?({POLICY_LETTERS}+/)*{POLICY_LETTERS}{{1,128}}$",
    )
    bootstrap_qualifier: str | None = setting(
        None,
        "Qualifier that the account was bootstrapped with. Default: the CDK's own.",
        "1 to 10 letters, digits, hyphens and underscores",
        change=IN_PLACE,
        pattern=r"^[A-Za-z0-9_-]{1,10}$",
    )
    secrets_key_arn: str | None = setting(
        None,
        "KMS key that shards_secret is encrypted with (T-44). Default: AWS's own key for Secrets Manager.",
        "the ARN of a key, not of an alias",
        change=IN_PLACE,
        pattern=KEY_ARN,
    )
    volume_key_arn: str | None = setting(
        None,
        "KMS key for the hosts' volumes; its policy must let EC2 Auto Scaling use it (docs/runbooks.md, T-45). "
        "Default: the account's own default for volumes.",
        "the ARN of a key, not of an alias",
        change=restarts("hosts"),
        pattern=KEY_ARN,
    )
