"""Shared by all tests: assemblies, the order of the tests, and what randomized tests may take."""

import json
import signal
from collections.abc import Callable
from typing import Any

import hypothesis
import pytest

from tests import kept
from tests.assembly import Assembly

Synth = Callable[..., Assembly]

# Hypothesis would fail an example that takes more than 0.2 s, which on a busy machine says nothing about the code.
hypothesis.settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("any machine")

SHARED = {"running": "target", "database": "mariadb", "browser": "browser"}
"""Fixtures that start a server or a program once in a session, and the group whose tests share it in one worker."""


def pytest_configure() -> None:
    # A shell that runs the tests in the background lets them ignore Ctrl-C, and each program that a test starts would
    # inherit that and never hear a test's SIGINT.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--renew-snapshots", action="store_true", help="write what is kept in the repository anew: templates, settings"
    )


# First: pytest selects by marker, and xdist reads the groups, in this same hook.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Group the tests that share something costly, and put the groups first, the life of a deployment before all.

    A worker that is left with a long test at the end would keep the others waiting.
    """
    for item in items:
        for fixture in getattr(item, "fixturenames", ()):
            if fixture in SHARED:
                item.add_marker(pytest.mark.xdist_group(SHARED[fixture]))
    ranks = ("deploy", "resize", "walks", *SHARED.values())

    def rank(item: pytest.Item) -> int:
        mark = item.get_closest_marker("xdist_group")
        return ranks.index(mark.args[0]) if mark else len(ranks)

    items.sort(key=rank)


@pytest.fixture(scope="session")
def synth() -> Synth:
    """Return the assembly of a deployment, with `key=value` in the place of `-c key=value`."""
    made: dict[str, Assembly] = {}

    def synth(deployment: str = "production", **context: Any) -> Assembly:
        key = json.dumps([deployment, context], sort_keys=True)
        if key not in made:
            made[key] = kept.assembly({"deployment": deployment, **context})
        return made[key]

    return synth


@pytest.fixture(scope="session")
def production(synth: Synth) -> Assembly:
    return synth()


@pytest.fixture(scope="session")
def staging(synth: Synth) -> Assembly:
    return synth("staging")
