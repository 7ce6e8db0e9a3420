"""Whatever happens, CloudFormation gets one complete answer in time."""

import contextlib
import json
import signal
from collections.abc import Callable
from typing import Any

import pytest

from functions.custom_resource import ANSWER_SECONDS, MAX_ANSWER_BYTES, NEVER_CREATED, Answer, Request, custom_resource
from functions.errors import Failure, Refusal
from standin.clock import Clock

from .conftest import Context, ResponseUrl

IDS = ("StackId", "RequestId", "LogicalResourceId")
SECRET = "pa55word"


class Thing:
    """A resource whose calls do what a test says, and are written down."""

    def __init__(self, act: Callable[[Request], Answer] = lambda _: Answer("thing-1", {"Key": "value"})) -> None:
        self.act = act
        self.calls: list[str] = []

    def identify(self, request: Request) -> str:
        return "thing-1"

    def create(self, request: Request) -> Answer:
        self.calls.append("create")
        return self.act(request)

    def update(self, request: Request) -> Answer:
        self.calls.append("update")
        return self.act(request)

    def delete(self, request: Request) -> None:
        self.calls.append("delete")
        self.act(request)


def raising(error: BaseException) -> Callable[[Request], Answer]:
    def act(_: Request) -> Answer:
        raise error

    return act


def call(
    response_url: ResponseUrl, thing: Thing, kind: str, context: Context | None = None, **more: str
) -> dict[str, Any]:
    event = response_url.event(kind, {}, **more)
    custom_resource(lambda: thing)(event, context or Context())
    answer = response_url.answers[-1]
    assert {name: answer[name] for name in IDS} == {name: event[name] for name in IDS}
    assert answer["PhysicalResourceId"]
    assert len(response_url.bodies[-1]) <= MAX_ANSWER_BYTES
    return answer


@pytest.mark.parametrize(
    ("kind", "physical_id", "calls", "data"),
    [
        ("Create", {}, ["create"], {"Key": "value"}),
        ("Update", {"PhysicalResourceId": "thing-0"}, ["update"], {"Key": "value"}),
        ("Delete", {"PhysicalResourceId": "thing-1"}, ["delete"], None),
    ],
)
def test_success_is_answered_with_every_id(
    response_url: ResponseUrl, kind: str, physical_id: dict[str, Any], calls: list[str], data: dict[str, str] | None
) -> None:
    thing = Thing()
    answer = call(response_url, thing, kind, **physical_id)
    assert (answer["Status"], answer["PhysicalResourceId"], answer.get("Data")) == ("SUCCESS", "thing-1", data)
    assert thing.calls == calls
    # The presigned address is signed for an empty content type.
    assert response_url.content_types == [""]


@pytest.mark.parametrize(
    ("error", "physical_id", "reason"),
    [
        (Refusal("Say a name."), NEVER_CREATED, "Say a name."),
        (Failure("It broke; try again."), "thing-1", "It broke; try again."),
        (ValueError(f"near '{SECRET}'"), "thing-1", "Unexpected ValueError."),
    ],
)
def test_a_failed_creation_says_whether_there_is_something_to_undo(
    response_url: ResponseUrl, error: Exception, physical_id: str, reason: str, capfd: pytest.CaptureFixture[str]
) -> None:
    answer = call(response_url, Thing(raising(error)), "Create")
    assert (answer["Status"], answer["PhysicalResourceId"]) == ("FAILED", physical_id)
    assert answer["Reason"] == f"{reason} Log stream: 2026/11/22/[$LATEST]abc"
    assert SECRET not in capfd.readouterr().out + response_url.bodies[-1].decode()


@pytest.mark.parametrize("error", [Refusal("no"), Failure("no"), RuntimeError("no")])
@pytest.mark.parametrize("kind", ["Update", "Delete"])
def test_a_failed_change_keeps_the_identity(response_url: ResponseUrl, error: Exception, kind: str) -> None:
    answer = call(response_url, Thing(raising(error)), kind, PhysicalResourceId="thing-0")
    assert (answer["Status"], answer["PhysicalResourceId"]) == ("FAILED", "thing-0")


@pytest.mark.parametrize("physical_id", [{"PhysicalResourceId": NEVER_CREATED}, {}])
def test_deleting_what_never_was_is_a_success(response_url: ResponseUrl, physical_id: dict[str, Any]) -> None:
    thing = Thing()
    assert call(response_url, thing, "Delete", **physical_id)["Status"] == "SUCCESS"
    assert thing.calls == []


def test_an_unknown_request_type_is_refused(response_url: ResponseUrl) -> None:
    answer = call(response_url, Thing(), "Upsert")
    assert (answer["Status"], answer["PhysicalResourceId"]) == ("FAILED", NEVER_CREATED)
    assert answer["Reason"].startswith("RequestType 'Upsert': allowed are Create, Update and Delete.")


def test_the_answer_is_sent_before_lambda_ends_the_call(response_url: ResponseUrl) -> None:
    left: list[float] = []

    def hang(_: Request) -> Answer:
        left.append(signal.getitimer(signal.ITIMER_REAL)[0])
        with contextlib.suppress(Exception):
            signal.raise_signal(signal.SIGALRM)  # the signal that the timer sends when nothing is left
        return Answer("too-late")

    answer = call(response_url, Thing(hang), "Create", Context(ANSWER_SECONDS + 600))
    # The rest of Lambda's time is kept back for the answer.
    assert 0 < left[0] <= 600
    assert (answer["Status"], answer["PhysicalResourceId"]) == ("FAILED", "thing-1")
    assert "Not done within" in answer["Reason"]
    assert len(response_url.answers) == 1


def test_an_alarm_that_was_set_before_goes_on_afterwards(response_url: ResponseUrl) -> None:
    rung: list[int] = []
    handler = signal.signal(signal.SIGALRM, lambda number, _: rung.append(number))
    before = signal.setitimer(signal.ITIMER_REAL, 500)
    try:
        call(response_url, Thing(), "Create")
        assert 0 < signal.getitimer(signal.ITIMER_REAL)[0] <= 500
        signal.raise_signal(signal.SIGALRM)
    finally:
        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, *before)
    assert rung == [signal.SIGALRM]


@pytest.mark.parametrize("text", ["x" * 10_000, "é" * 10_000, "\U0001f4a5" * 10_000])
def test_a_long_reason_is_cut_but_keeps_the_log_stream(response_url: ResponseUrl, text: str) -> None:
    more: dict[str, Any] = {"PhysicalResourceId": "i" * 1024, "StackId": "s" * 200, "LogicalResourceId": "l" * 255}
    answer = call(response_url, Thing(raising(Failure(text))), "Update", **more)
    assert answer["Reason"].endswith("… Log stream: 2026/11/22/[$LATEST]abc")


def test_data_beyond_the_limit_is_a_failure(response_url: ResponseUrl) -> None:
    answer = call(response_url, Thing(lambda _: Answer("thing-1", {"Key": "x" * 5000})), "Create")
    assert answer["Status"] == "FAILED"
    assert "return less Data" in answer["Reason"]


def test_the_answer_is_sent_again_until_it_is_taken(response_url: ResponseUrl) -> None:
    response_url.refusals += [503, 500]
    assert call(response_url, Thing(), "Create")["Status"] == "SUCCESS"
    assert len(response_url.bodies) == 3
    assert len(set(response_url.bodies)) == 1


def test_an_answer_that_is_refused_for_good_is_not_sent_again(response_url: ResponseUrl) -> None:
    response_url.refusals += [403]
    with pytest.raises(Failure, match="HTTP 403"):
        custom_resource(Thing)(response_url.event("Create", {}), Context())
    assert len(response_url.bodies) == 1


def test_an_address_that_cannot_be_reached_is_told_before_lambda_ends(clock: Clock) -> None:
    event = ResponseUrl("http://127.0.0.1:9/").event("Create", {})
    context = Context(60, now=clock.now)
    with pytest.raises(Failure, match="could not be reached"):
        custom_resource(Thing)(event, context)
    # Tried again after 0.5, 1, 2 ... seconds as long as another pause fits in.
    assert 60 - context.get_remaining_time_in_millis() / 1000 == 0.5 + 1 + 2 + 4 + 8 + 16


def test_a_call_by_hand_is_told_so() -> None:
    with pytest.raises(Refusal, match="called by CloudFormation"):
        custom_resource(Thing)({"RequestType": "Create"}, Context())


@pytest.mark.parametrize("value", ["", None, 8])
def test_a_property_that_is_no_text_is_refused_by_name(response_url: ResponseUrl, value: object) -> None:
    thing = Thing(lambda request: Answer(request.text("Name")))
    event = response_url.event("Create", {"Name": value})
    custom_resource(lambda: thing)(event, Context())
    assert response_url.answers[-1]["Reason"].startswith("Property Name:")


def test_each_answer_is_one_json_line_in_the_log(response_url: ResponseUrl, capfd: pytest.CaptureFixture[str]) -> None:
    call(response_url, Thing(), "Create")
    (line,) = capfd.readouterr().out.splitlines()
    entry = json.loads(line)
    assert (entry["step"], entry["status"], entry["physical_id"]) == ("answer", "SUCCESS", "thing-1")
    assert "Signature" not in line
