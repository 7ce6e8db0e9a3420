"""Whoever misspells a key is told the one that was meant."""

from collections.abc import Callable

import pytest

from stacks.settings import Settings
from stacks.settings.suggestion import nearest

KEYS = tuple(Settings.model_fields)


def camel(key: str) -> str:
    first, *others = key.split("_")
    return first + "".join(word.capitalize() for word in others)


SLIPS: dict[str, Callable[[str], set[str]]] = {
    "hyphens": lambda key: {key.replace("_", "-")},
    "spaces": lambda key: {key.replace("_", " "), f" {key} "},
    "no underscores": lambda key: {key.replace("_", "")},
    "camel case": lambda key: {camel(key)},
    "capitals": lambda key: {key.upper(), key.title()},
    "a colon": lambda key: {f"{key}:"},
    "two letters in each other's place": lambda key: {
        key[:at] + key[at + 1] + key[at] + key[at + 2 :] for at in range(len(key) - 1)
    },
    "a letter left out": lambda key: {key[:at] + key[at + 1 :] for at in range(len(key))} if len(key) > 3 else set(),
    "a letter twice": lambda key: {key[:at] + key[at] + key[at:] for at in range(len(key))},
    "another letter": lambda key: {key[:at] + "x" + key[at + 1 :] for at in range(len(key))} if len(key) > 3 else set(),
}


@pytest.mark.parametrize("slip", SLIPS)
def test_every_key_is_found_whatever_the_slip(slip: str) -> None:
    wrong = {
        (key, given, found)
        for key in KEYS
        for given in SLIPS[slip](key) - set(KEYS)
        if (found := nearest(given, KEYS)) != key
    }
    assert wrong == set()


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("coreapps", "active_coreapps"),
        ("activeCoreapps", "active_coreapps"),
        ("zones", "availability_zones"),
        ("nat", "nat_gateways"),
        ("messages", "messages_per_second"),
        ("email", "alarm_email"),
        ("trunking", "eni_trunking"),
        ("storage_gib", "database_storage_gib"),
        ("scheme", "load_balancer_scheme"),
        ("image", "image_tag"),
        ("env", "environment"),
        ("db_class", "database_class"),
        ("cidr", "vpc_cidr"),
        ("spare", "spares"),
        ("web", "webs"),
    ],
)
def test_a_part_of_a_key_is_enough(given: str, meant: str) -> None:
    assert nearest(given, KEYS) == meant


@pytest.mark.parametrize("given", ["colour", "x", "", "::", "_", "ünicode", "zzzz", "\x00", 5, None, ["tls"]])
def test_nothing_is_suggested_where_nothing_is_near(given: object) -> None:
    assert nearest(given, KEYS) is None
    assert nearest(given, []) is None
