"""What sizing takes and settings have by the same name is handed over, each key as itself."""

import inspect
from typing import Any

import pytest

import sizing
from stacks.settings import Settings, checks
from tests.assembly import CDK_CONTEXT

SHARED = sorted(inspect.signature(sizing.plan).parameters.keys() & Settings.model_fields.keys())

# For each shared key a value that is not its default in production.
OTHER_VALUES: dict[str, Any] = {
    "active_coreapps": 8,
    "availability_zones": 4,
    "database_class": "db.m7g.4xlarge",
    "database_families": ("r7g", "m7g"),
    "database_storage_gib": 400,
    "engine": "mysql",  # the only one that settings take
    "engine_version": "8.4",  # the only one that settings take
    "eni_trunking": False,
    "environment": "staging",
    "host_families": ("m6i", "r6i"),
    "host_type": "m6i.4xlarge",
    "interface_endpoints": False,
    "masters": 4,
    "message_type": "video",
    "messages_per_second": 33.0,
    "nat_gateways": 2,
    "region": "eu-west-1",
    "spares": 2,
    "tls": False,
    "webs": 5,
    "without_endpoints": ("ecs", "logs"),
}


def test_every_shared_key_has_a_value_to_try() -> None:
    assert sorted(OTHER_VALUES) == SHARED


@pytest.mark.parametrize("key", SHARED)
def test_a_key_reaches_the_argument_of_its_name_and_no_other(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[dict[str, Any]] = []

    def recording(**arguments: Any) -> sizing.Plan:
        calls.append(arguments)
        return sizing.plan(**arguments)

    monkeypatch.setattr(checks, "plan", recording)

    def handed(**context: Any) -> dict[str, Any]:
        calls.clear()
        Settings.from_context({**CDK_CONTEXT, "allow_plaintext_database": True, **context})
        return next(call for call in calls if set(call) == set(SHARED))

    before, after = handed(), handed(**{key: OTHER_VALUES[key]})
    assert after[key] == OTHER_VALUES[key]
    changed = {name for name in SHARED if before[name] != after[name]}
    # A staging deployment has no endpoints by default.
    assert changed - {"interface_endpoints"} <= {key}


def test_a_new_argument_that_is_also_a_setting_needs_no_third_declaration(monkeypatch: pytest.MonkeyPatch) -> None:
    def plan(*, alarm_email: str | None = None, **_: Any) -> str:
        return f"planned for {alarm_email}"

    monkeypatch.setattr(checks, "SIZING_ARGUMENTS", inspect.signature(plan).parameters)
    monkeypatch.setattr(checks, "plan", plan)
    monkeypatch.setattr(checks, "CHECKS", ())
    monkeypatch.setattr(checks, "PLAN_CHECKS", ())
    made, problems = checks.judge({"alarm_email": "a@example.org", "unknown": 1}, set(), {})
    assert (made, problems) == ("planned for a@example.org", [])
