"""Shared by the tests of templates: every context is synthesized once in a session."""

import json
import signal
from collections.abc import Callable
from typing import Any

import pytest

from tests.assembly import Assembly, synthesize

Synth = Callable[..., Assembly]


def pytest_configure() -> None:
    # A shell that runs the tests in the background lets them ignore Ctrl-C, and each program that a test starts would
    # inherit that and never hear a test's SIGINT.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--renew-snapshots", action="store_true", help="write what is kept in the repository anew: templates, settings"
    )


@pytest.fixture(scope="session")
def synth(tmp_path_factory: pytest.TempPathFactory) -> Synth:
    """Synthesize a deployment with `key=value` in the place of `-c key=value`."""
    made: dict[str, Assembly] = {}

    def synth(deployment: str = "production", **context: Any) -> Assembly:
        key = json.dumps([deployment, context], sort_keys=True)
        if key not in made:
            made[key] = synthesize(tmp_path_factory.mktemp(deployment), {"deployment": deployment, **context})
        return made[key]

    return synth


@pytest.fixture(scope="session")
def production(synth: Synth) -> Assembly:
    return synth()


@pytest.fixture(scope="session")
def staging(synth: Synth) -> Assembly:
    return synth("staging")
