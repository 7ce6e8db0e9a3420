"""The one responder for CloudFormation custom resources.

CloudFormation waits up to an hour for an answer that never comes, and throws away one without its ids
(https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref.html). So every event gets one complete
answer, whether the work succeeds, is refused, fails, has a bug, or takes almost as long as Lambda allows.
"""

import json
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Any, Protocol

from functions.deadline import Deadline
from functions.errors import Failure, Refusal, explain
from functions.log import log

NEVER_CREATED = "never-created"
"""Physical id of what was refused before anything was changed; its deletion is a success."""

MAX_ANSWER_BYTES = 4096
"""CloudFormation's limit for the whole answer; the Reason is cut so that the rest fits."""

MAX_REASON_LETTERS = 400
"""A letter takes up to 6 bytes in JSON, and the ids together up to 1600, so 400 letters always fit."""

ANSWER_SECONDS = 15.0
"""Kept back from Lambda's time limit to send the answer, which is tried again with growing pauses."""

PUT_TIMEOUT_SECONDS = 5.0

GRACE_SECONDS = 2.0
"""Time between the deadline of the work, which then says itself what is missing, and the alarm that interrupts it."""


class _OutOfTime(BaseException):
    """Raised by the alarm that interrupts the work.

    It is no subclass of `Exception`, so that no `except Exception` in the work can catch it and go on.
    """


class LambdaContext(Protocol):
    """The part of Lambda's context object that is used here."""

    log_stream_name: str

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds before Lambda ends this call."""
        ...


@dataclass(frozen=True)
class Request:
    """What CloudFormation asks for.

    Attributes:
        properties: ResourceProperties; CloudFormation passes every scalar as a string.
        old_properties: OldResourceProperties of an update, empty otherwise.
        physical_id: PhysicalResourceId of an update or a delete, empty for a create.
        stack: StackId, the ARN of the stack that the custom resource belongs to.
        deadline: When the work must be done or given up with a reason, well before Lambda's own limit.
    """

    properties: Mapping[str, Any]
    old_properties: Mapping[str, Any]
    physical_id: str
    stack: str
    deadline: Deadline

    def text(self, name: str) -> str:
        """Return the property `name`.

        Raises:
            Refusal: It is missing, empty or no text.
        """
        value = self.properties.get(name)
        if not isinstance(value, str) or not value:
            given = "nothing" if name not in self.properties else f"{type(value).__name__} of length 0 or no text"
            raise Refusal(f"Property {name}: {given} was given; a text is needed. Set it on the custom resource.")
        return value


@dataclass(frozen=True)
class Answer:
    """What the work returns.

    Attributes:
        physical_id: Names what was made. When an update returns another one than before, CloudFormation sends a
            delete for the old one.
        data: What `Fn::GetAtt` can read. Never a secret: these values are shown in the stack's events.
    """

    physical_id: str
    data: Mapping[str, str] = field(default_factory=dict)


class Resource(Protocol):
    """The work behind a custom resource. Calls are repeated by CloudFormation and by Lambda."""

    def identify(self, request: Request) -> str:
        """Return the physical id of what the request's properties describe, without changing anything."""
        ...

    def create(self, request: Request) -> Answer:
        """Make what the properties say. A `Refusal` says that nothing was changed."""
        ...

    def update(self, request: Request) -> Answer:
        """Change it to what the properties say, or make another one and return the new id."""
        ...

    def delete(self, request: Request) -> None:
        """Undo what `request.physical_id` names; a success when it is gone already."""
        ...


Handler = Callable[[Mapping[str, Any], LambdaContext], None]


def custom_resource(make: Callable[[], Resource]) -> Handler:
    """Return the Lambda handler of a custom resource.

    Args:
        make: Makes the resource. It is called once for each event that needs it, after the alarm is set, because
            making clients of AWS takes time too.

    Returns:
        A handler that sends one answer to the ResponseURL of each event. It raises an error only when the event has
        no ResponseURL, or when the answer could not be delivered. Lambda then calls it again, which is safe because
        all work can be repeated.
    """

    def handler(event: Mapping[str, Any], context: LambdaContext) -> None:
        url = event.get("ResponseURL")
        if not isinstance(url, str):
            raise Refusal("The event has no ResponseURL: this function is called by CloudFormation, not by hand.")
        started = time.monotonic()
        end = Deadline.after(context.get_remaining_time_in_millis() / 1000)
        answer = _work(make, event, context, end)
        log(
            "answer",
            request_type=event.get("RequestType"),
            logical_id=event.get("LogicalResourceId"),
            request_id=event.get("RequestId"),
            physical_id=answer["PhysicalResourceId"],
            status=answer["Status"],
            reason=answer.get("Reason"),
            seconds=round(time.monotonic() - started, 3),
        )
        _deliver(url, answer, end)

    return handler


def _work(
    make: Callable[[], Resource], event: Mapping[str, Any], context: LambdaContext, end: Deadline
) -> dict[str, Any]:
    """Do what the event asks and return the complete answer, whatever happens."""
    kind = event.get("RequestType")
    current = str(event.get("PhysicalResourceId") or "")
    identity = current or NEVER_CREATED
    time_for_work = max(0.001, end.remaining() - ANSWER_SECONDS)
    request = Request(
        properties=event.get("ResourceProperties") or {},
        old_properties=event.get("OldResourceProperties") or {},
        physical_id=current,
        stack=str(event.get("StackId", "")),
        deadline=Deadline.after(time_for_work - min(GRACE_SECONDS, time_for_work / 2)),
    )
    answer: dict[str, Any] = {"Status": "FAILED", "PhysicalResourceId": identity}
    # The ids are copied as they are, because CloudFormation throws away an answer whose ids differ.
    answer |= {name: event.get(name, "") for name in ("StackId", "RequestId", "LogicalResourceId")}
    try:
        with _alarm(time_for_work):
            if kind not in ("Create", "Update", "Delete"):
                raise Refusal(f"RequestType {kind!r}: allowed are Create, Update and Delete.")
            if kind == "Delete":
                if identity != NEVER_CREATED:
                    make().delete(request)
                return answer | {"Status": "SUCCESS"}
            resource = make()
            if kind == "Create":
                # When a creation fails half-way, CloudFormation sends a delete for the id that was answered. The real
                # id lets that delete undo the half that was done.
                answer["PhysicalResourceId"] = resource.identify(request)
            done = resource.create(request) if kind == "Create" else resource.update(request)
            success = {"Status": "SUCCESS", "PhysicalResourceId": done.physical_id, "Data": dict(done.data)}
            if (size := len(_encoded(answer | success))) > MAX_ANSWER_BYTES:
                raise Failure(f"The answer has {size} bytes, allowed are {MAX_ANSWER_BYTES}: return less Data.")
            return answer | success
    except Refusal as refusal:
        answer["PhysicalResourceId"] = identity
        reason = str(refusal)
    except Failure as failure:
        reason = str(failure)
    except _OutOfTime:
        reason = f"Not done within {time_for_work:.0f} s. Deploy again; if that repeats, raise the timeout."
    except Exception as error:
        reason = explain(error)
    return answer | {"Reason": _short(reason, f" Log stream: {context.log_stream_name}")}


def _encoded(answer: Mapping[str, Any]) -> bytes:
    return json.dumps(answer, ensure_ascii=False).encode()


def _short(reason: str, ending: str) -> str:
    """Return reason and ending in at most `MAX_REASON_LETTERS`; only the reason is cut."""
    room = MAX_REASON_LETTERS - len(ending)
    return (reason if len(reason) <= room else reason[: room - 1] + "…") + ending


@contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    """Raise `_OutOfTime` in the main thread, where Lambda runs handlers, even out of a blocking call."""

    def ring(_number: int, _frame: FrameType | None) -> None:
        raise _OutOfTime

    handler = signal.signal(signal.SIGALRM, ring)
    started = time.monotonic()
    before, _ = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        # An alarm that was set before goes on with the time that is left of it.
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
        if before:
            signal.setitimer(signal.ITIMER_REAL, max(0.001, before - (time.monotonic() - started)))


def _deliver(url: str, answer: Mapping[str, Any], end: Deadline) -> None:
    """PUT the answer, again and again with growing pauses until shortly before Lambda's own limit."""
    pause = 0.5
    while True:
        request = urllib.request.Request(  # noqa: S310 - CloudFormation's own presigned address
            url,
            data=_encoded(answer),
            method="PUT",
            # The address is signed for an empty content type.
            headers={"Content-Type": ""},
        )
        try:
            timeout = min(PUT_TIMEOUT_SECONDS, max(0.1, end.remaining()))
            with urllib.request.urlopen(request, timeout=timeout):  # noqa: S310
                return
        except urllib.error.HTTPError as error:
            error.close()
            problem, final = f"HTTP {error.code}", error.code < 500 and error.code != 429
        except OSError as error:
            problem, final = type(error).__name__, False
        log("answer not delivered", problem=problem, request_id=answer["RequestId"])
        if final or end.remaining() <= pause + 1:
            raise Failure(f"CloudFormation's answer address could not be reached: {problem}.")
        end.sleep(pause)
        pause *= 2
