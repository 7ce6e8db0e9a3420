"""What a production deployment is warned of at synth, and that nothing of it ends the synth."""

from typing import Any

import pytest

from stacks.settings import Settings
from stacks.settings.advice import advice
from tests.assembly import CDK_CONTEXT
from tests.conftest import Synth

NAMED = {"availability_zone_names": "us-east-1a,us-east-1b,us-east-1c"}


def warnings(**context: Any) -> dict[str, str]:
    return {each.id: each.text for each in advice(*Settings.from_context({**CDK_CONTEXT, **context}))}


@pytest.mark.parametrize(
    ("context", "about", "said"),
    [
        ({"availability_zone_names": None}, "zones-by-position", "first 3 zones of the account"),
        ({"image_tag": "latest"}, "image-tag-latest", "Name a version."),
        ({"spares": "0"}, "no-spares", "Set spares=1."),
        ({"webs": "1"}, "one-webapp", "Set webs=2 or more."),
        (
            {"active_coreapps": 2, "messages_per_second": 20.5},
            "rate-above-coreapps",
            "messages_per_second is 20.5, yet the vendor rates 2 active coreapps for 20 messages/s. Set "
            "active_coreapps=4, or leave it out.",
        ),
        (
            {"active_coreapps": 32, "messages_per_second": 251},
            "rate-above-coreapps",
            "The vendor supports 250 messages/s at most: spread the load over clusters.",
        ),
        ({"messages_per_second": 300}, "rate-above-coreapps", "rates 32 active coreapps for 250 messages/s"),
    ],
)
def test_production_is_warned_of_one_thing_at_a_time(context: dict[str, Any], about: str, said: str) -> None:
    whole = {key: value for key, value in {**NAMED, **context}.items() if value is not None}
    found = warnings(**whole)
    assert found.keys() == {about}
    assert said in found[about]
    assert warnings(**whole, deployment="staging").keys() == set()


@pytest.mark.parametrize(
    "context",
    [
        {},
        {"messages_per_second": 20, "active_coreapps": 2},
        {"messages_per_second": 250, "active_coreapps": 32},
        {"messages_per_second": 120},
        {"spares": 1, "webs": 2, "image_tag": "latest-1"},
    ],
)
def test_production_hears_nothing_of_what_is_usual(context: dict[str, Any]) -> None:
    assert warnings(**NAMED, **context) == {}


def test_the_warnings_are_shown_by_the_cdk_and_change_no_template(synth: Synth) -> None:
    made = synth(image_tag="latest", spares=0)
    assert len(made.advised()) == 3
    assert made.messages() == made.advised()
    assert all("multiconnect:" not in template.path.read_text(encoding="utf-8") for template in made.templates.values())
