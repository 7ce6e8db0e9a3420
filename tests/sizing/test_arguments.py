"""Each argument of `plan` is declared once, with its default, and reaches the request under its own name."""

import inspect
from dataclasses import MISSING, fields

import pytest

import sizing
from sizing.errors import Problem
from sizing.planning import plan as planning
from sizing.planning.request import Request

PARAMETERS = inspect.signature(sizing.plan).parameters
FIELDS = {field.name: field for field in fields(Request)}


def test_the_request_has_a_field_for_each_argument_and_no_other():
    assert list(FIELDS) == list(PARAMETERS)


@pytest.mark.parametrize("name", PARAMETERS)
def test_an_argument_has_one_type_and_one_default(name):
    assert FIELDS[name].type == PARAMETERS[name].annotation
    assert PARAMETERS[name].default is not inspect.Parameter.empty
    assert FIELDS[name].default is FIELDS[name].default_factory is MISSING  # a second default could differ


def test_only_coreapps_and_rate_may_be_given_by_position():
    positional = [name for name, each in PARAMETERS.items() if each.kind is not inspect.Parameter.KEYWORD_ONLY]
    assert positional == ["active_coreapps", "messages_per_second"]
    assert all(field.kw_only for field in FIELDS.values())


@pytest.fixture
def request_of(monkeypatch):
    """Return what `plan` would be asked; the values are not checked, so they may be anything."""

    def request_of(*positional, **arguments):
        seen = []

        def stop(request):
            seen.append(request)
            return [Problem("nothing", None, "to go on")]

        monkeypatch.setattr(planning, "problems_of", stop)
        with pytest.raises(sizing.SizingError, match="to go on"):
            sizing.plan(*positional, **arguments)
        (request,) = seen
        return request

    return request_of


def test_every_argument_reaches_the_field_of_its_name(request_of):
    given = {name: object() for name in PARAMETERS}  # no two are alike, so that no two can change places
    request = request_of(**given)
    assert {name: getattr(request, name) for name in FIELDS} == given


@pytest.mark.parametrize("name", PARAMETERS)
def test_an_argument_changes_its_own_field_alone(request_of, name):
    changed = object()
    request, usual = request_of(**{name: changed}), request_of()
    assert {each for each in FIELDS if getattr(request, each) != getattr(usual, each)} == {name}
    assert getattr(request, name) is changed


def test_what_is_not_given_has_the_default_that_the_signature_shows(request_of):
    request = request_of()
    assert {name: getattr(request, name) for name in FIELDS} == {
        name: each.default for name, each in PARAMETERS.items()
    }


def test_arguments_by_position_are_coreapps_and_rate(request_of):
    request = request_of(8, 100)
    assert (request.active_coreapps, request.messages_per_second) == (8, 100)


@pytest.mark.parametrize(
    ("environment", "zones", "gateways", "storage_gib"), [("production", 3, 3, 100), ("staging", 2, 1, 20)]
)
def test_a_plan_says_what_was_assumed_for_arguments_left_out(environment, zones, gateways, storage_gib):
    answer = sizing.plan(environment=environment)
    assert answer.hosts.availability_zones == zones
    assert answer.nat_gateways == gateways
    assert answer.database.storage_gib == storage_gib
    asked = sizing.plan(
        environment=environment,
        availability_zones=zones,
        nat_gateways=gateways,
        database_storage_gib=storage_gib,
    )
    assert asked == answer


def test_a_plan_says_what_was_asked():
    answer = sizing.plan(nat_gateways=0, availability_zones=4, database_storage_gib=500)
    assert (answer.nat_gateways, answer.hosts.availability_zones, answer.database.storage_gib) == (0, 4, 500)
