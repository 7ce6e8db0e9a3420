"""docs/settings.md lists every key as it is declared."""

import json

import pytest

import sizing
from stacks.settings import Settings
from stacks.settings.declaration import SIZING_ARGUMENTS, allowed_for, change_of
from tests.assembly import ROOT

DOCUMENT = ROOT / "docs" / "settings.md"
INTRODUCTION = """\
# Settings

Keys of a deployment below `deployments` in `cdk.json`; `-c key=value` overrides one. Numbers such as D-1 are in
[decisions](decisions.md).

- Every problem is told at once and before the CDK is loaded: the key, the value, what is allowed, and the nearest key
  or value when one is near.
- Every deployment in `cdk.json` must be sound as it stands there. The one that is asked for is judged with `-c` on top.
- `null` is refused; leave a key out for its default. Refused as well are a key that stands twice in one object, and a
  number that is not finite.
- What production should know of a value that is taken is a warning at synth; it ends nothing.
- The last column says what another value does to a deployment that is live: `in place` stops nothing; `restart` renews
  tasks, hosts or the database one after another; `one way` cannot be taken back; `replaced` gives up something that
  others may know by its address; `in order` takes several deploys one of the two ways, since CloudFormation refuses to
  drop what another stack still uses, and leaves everything as it was; `never` is another deployment.
- Context keys of the CDK itself (`@...`, `aws:...`, answers of look-ups) pass. Another key with `:` or `/` is refused
  when it looks like one of these.
"""


def topics() -> list[type]:
    """Return the models of the topics in the order of their keys."""
    return [each for each in reversed(Settings.__mro__) if each.__module__.startswith("stacks.settings.keys.")]


def rendered() -> str:
    """Return docs/settings.md: a table of the keys of each topic."""
    lines = [INTRODUCTION]
    for topic in topics():
        lines += [
            f"## {topic.__name__}",
            "",
            f"{topic.__doc__}",
            "",
            "| key | default | allowed | what it decides | on a live deployment |",
            "|---|---|---|---|---|",
        ]
        for key in topic.__annotations__:
            if key == "model_config":
                continue
            field = Settings.model_fields[key]
            decides, _, default = str(field.description).partition(" Default: ")
            default = default.removesuffix(".") or f"`{json.dumps(field.default)}`"
            cells = (f"`{key}`", default, allowed_for(field), decides, str(change_of(field) or "not said"))
            lines.append("| " + " | ".join(cell.replace("|", "\\|").replace("<", "&lt;") for cell in cells) + " |")
        lines.append("")
    return "\n".join(lines)


def test_the_settings_page_lists_every_key_as_it_is(request: pytest.FixtureRequest) -> None:
    if request.config.getoption("--renew-snapshots"):
        DOCUMENT.write_text(rendered(), encoding="utf-8")
    page = DOCUMENT.read_text(encoding="utf-8")
    assert page == rendered(), "renew it: pytest tests/stacks --renew-snapshots"
    assert [line.split("`")[1] for line in page.splitlines() if line.startswith("| `")] == list(Settings.model_fields)


@pytest.mark.parametrize(
    ("key", "figure"),
    [
        ("availability_zones", lambda plan: plan.hosts.availability_zones),
        ("database_storage_gib", lambda plan: plan.database.storage_gib),
    ],
)
def test_the_page_tells_the_defaults_that_sizing_holds(key: str, figure: object) -> None:
    assert callable(figure)
    production, staging = (figure(sizing.plan(environment=each)) for each in ("production", "staging"))
    assert f"Default: {production} in production, {staging} in staging." in str(Settings.model_fields[key].description)


def test_a_default_that_sizing_holds_stands_in_no_setting() -> None:
    """Either the setting has none, or it is the same object that the signature has."""
    differing = {
        key: (field.default, SIZING_ARGUMENTS[key].default)
        for key, field in Settings.model_fields.items()
        if key in SIZING_ARGUMENTS and field.default_factory is None and field.default != SIZING_ARGUMENTS[key].default
    }
    # sizing takes another version for another engine; settings have one engine.
    assert differing.keys() == {"engine_version"}
