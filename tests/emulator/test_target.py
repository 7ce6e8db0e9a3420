"""The target's process: found by its lock, never by a stale process id, and reachable from this machine alone."""

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from importlib.metadata import version
from typing import Any

import psutil
import pytest

from emulator import life, report, target
from emulator.launch import FAULTS_PATH, MINISTACK, check_version
from emulator.workspace import Workspace


@pytest.mark.parametrize("other", ["1.5.32", "1.5.34", "1.5.33.post1", "1.6.0", ""])
def test_any_other_ministack_is_refused(other: str) -> None:
    with pytest.raises(SystemExit, match=f"MiniStack {other} is installed.*pip install ministack=={MINISTACK}"):
        check_version(other)


def test_the_installed_ministack_is_the_one() -> None:
    check_version(version("ministack"))


def test_start_is_idempotent_and_stop_ends_it(empty: Workspace) -> None:
    first = target.start(empty)
    assert target.start(empty) == first == target.find(empty)
    assert target.stop(empty)
    assert target.find(empty) is None
    assert not first.answers()
    assert not target.stop(empty)


def test_nothing_listens_but_its_port_on_the_loopback(running: target.Target) -> None:
    assert listening(running.pid) == {("127.0.0.1", running.port)}


def listening(pid: int) -> set[tuple[str, int]]:
    """Addresses on which a process or one of its children listens."""
    process = psutil.Process(pid)
    family = [process, *process.children(recursive=True)]
    connections = [each for one in family for each in one.net_connections()]
    return {(each.laddr.ip, each.laddr.port) for each in connections if each.status == psutil.CONN_LISTEN}


def test_the_target_inherits_neither_credentials_nor_settings(
    empty: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("SOME_TOKEN", "not for the target")
    environment = psutil.Process(target.start(empty).pid).environ()
    assert not [name for name in environment if name.startswith("AWS_") or "TOKEN" in name]


def test_a_target_that_was_killed_is_replaced(empty: Workspace) -> None:
    killed = target.start(empty)
    os.kill(killed.pid, signal.SIGKILL)
    while target.find(empty):
        time.sleep(0.05)
    assert empty.lock.exists()
    assert target.start(empty).pid != killed.pid


def test_a_process_that_merely_has_the_old_id_is_left_alone(empty: Workspace) -> None:
    empty.state.mkdir()
    empty.lock.write_text(json.dumps({"pid": os.getpid(), "port": 9}))
    assert target.find(empty) is None
    assert not target.stop(empty)


@pytest.fixture
def locked(empty: Workspace) -> Iterator[Workspace]:
    """A workspace whose lock is held, by this process, and whose file holds nothing yet."""
    empty.state.mkdir()
    with empty.lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield empty


@pytest.mark.parametrize("written", ["", '{"pid": 12', '{"pid": 12, "po'])
def test_a_target_that_never_says_where_it_is_ends_the_search(
    locked: Workspace, monkeypatch: pytest.MonkeyPatch, written: str
) -> None:
    locked.lock.write_text(written)
    monkeypatch.setattr(target, "ANNOUNCE_SECONDS", 0.2)
    with pytest.raises(SystemExit, match=f"holds the lock {locked.lock}, but has written neither .* for 0.2 s"):
        target.find(locked)


def test_a_target_that_says_late_where_it_is_is_found(locked: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []

    def write_at_the_third_wait(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            locked.lock.write_text(json.dumps({"pid": 12, "port": 34}))

    monkeypatch.setattr(target.time, "sleep", write_at_the_third_wait)
    assert target.find(locked) == target.Target(pid=12, port=34)
    assert len(waits) == 3


def test_a_second_target_in_the_same_folder_is_refused(empty: Workspace) -> None:
    target.start(empty)
    command = [sys.executable, "-m", "emulator", "--state", str(empty.state), "serve"]
    second = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert second.returncode == 1
    assert "another target runs already" in second.stderr


def test_a_start_that_fails_shows_the_log(empty: Workspace) -> None:
    ended = r"did not start; its log ends with:(.|\n)*Address already in use"
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(SystemExit, match=ended):
        target.start(empty, port=taken.getsockname()[1])


def test_targets_in_two_folders_know_nothing_of_each_other(empty: Workspace, running: target.Target) -> None:
    other = target.start(empty)
    assert other.port != running.port
    other.client("sns").create_topic(Name="here")
    assert "here" not in str(running.client("sns").list_topics()["Topics"])


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ({}, "resource_type is missing, for example AWS::ECS::Service"),
        ({"resource_type": ""}, "resource_type is missing"),
        ({"resource_type": 5}, "a fault is a JSON object of strings with the keys resource_type, logical_id, reason"),
        (["AWS::ECS::Service"], "a fault is a JSON object of strings"),
        ({"resource_type": "x", "after": "1"}, "unknown key after; allowed are resource_type, logical_id, reason"),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(running: target.Target, fault: Any, message: str) -> None:
    request = urllib.request.Request(running.endpoint + FAULTS_PATH, json.dumps(fault).encode())
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request)
    with refused.value as answer:
        assert answer.code == 400
        assert message in json.load(answer)["message"]


def test_faults_wait_until_they_are_forgotten(running: target.Target) -> None:
    def waiting() -> list[dict[str, str]]:
        with urllib.request.urlopen(running.endpoint + FAULTS_PATH) as answer:
            return json.load(answer)

    running.fail_next("AWS::ECS::Service", "Coreapp", reason="no room")
    assert waiting() == [{"resource_type": "AWS::ECS::Service", "logical_id": "Coreapp", "reason": "no room"}]
    running.forget_faults()
    assert waiting() == []


def test_a_target_left_in_the_middle_of_something_is_replaced(
    empty: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    left = life.usable_target(empty)
    wait = {"Type": "AWS::CloudFormation::WaitCondition", "Properties": {"Handle": {"Ref": "H"}, "Timeout": "3600"}}
    resources = {"H": {"Type": "AWS::CloudFormation::WaitConditionHandle"}, "Wait": wait}
    template = json.dumps({"Resources": resources})
    left.client("cloudformation").create_stack(StackName="stuck", TemplateBody=template)

    new = life.usable_target(empty)
    assert new.pid != left.pid
    assert report.stacks(new) == []
    assert "an earlier run was interrupted (stuck is CREATE_IN_PROGRESS): starting a new target" in " ".join(
        capsys.readouterr().out.split()
    )


def test_a_settled_target_is_kept(empty: Workspace, settle: Callable[..., dict[str, Any]]) -> None:
    first = life.usable_target(empty)
    topic = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}
    first.client("cloudformation").create_stack(StackName="fine", TemplateBody=json.dumps(topic))
    assert settle(first, "fine")["StackStatus"] == "CREATE_COMPLETE"
    assert life.usable_target(empty) == first


def test_only_what_ended_is_a_state_to_start_from() -> None:
    def is_settled(status: str) -> bool:
        return report.Stack(name="s", status=status).settled

    assert all(map(is_settled, ("CREATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "ROLLBACK_COMPLETE")))
    assert not any(map(is_settled, ("CREATE_IN_PROGRESS", "UPDATE_ROLLBACK_FAILED", "REVIEW_IN_PROGRESS")))
