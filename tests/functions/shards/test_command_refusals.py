"""Whatever is given to the command line, and whatever happens to it: one clear line and an exit status."""

import io
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import boto3
import pytest

from functions.deadline import Deadline
from functions.shards import command, progress
from functions.shards.command import main
from standin.clock import Clock

from .conftest import PACE, confirmed_secret, running

ROOT = Path(__file__).parents[3]
REFUSED_PORT = 1
"""Nothing listens there on the machine of a test."""


@pytest.fixture
def secret_file(tmp_path: Path) -> Path:
    path = tmp_path / "account.json"
    path.write_text(confirmed_secret())
    return path


@pytest.fixture
def no_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment in which AWS's SDK finds nothing."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """Run a command that must fail, and return the one line that says why."""
    assert main(words, pace=PACE) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    (line,) = [line for line in shown.err.splitlines() if not line.startswith("Asking ")]
    return line


def test_a_missing_region_is_said(no_aws: None, capsys: pytest.CaptureFixture[str]) -> None:
    line = refused(capsys, "get", "--url", "https://127.0.0.1", "--secret", "account")
    assert line.startswith("No AWS region is set. Set AWS_DEFAULT_REGION")


def test_missing_credentials_are_said(
    no_aws: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    line = refused(capsys, "confirm", "--secret", "account")
    assert line.startswith("No AWS credentials were found. Log in")


def test_any_other_error_of_the_sdk_is_one_line(
    no_aws: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    line = refused(capsys, "confirm", "--secret", "account")
    assert line == "AWS cannot be asked: The config profile (nobody) could not be found"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://h:99999", "https://h:99999"),
        ("https://h:0", "https://h:0"),
        ("https://h:port", "https://h:port"),
        ("https://[::1", "https://[::1"),
        ("https://h/v1", "https://h/v1"),
        ("https://h?x=1", "https://h?x=1"),
        ("http://h", "http://h"),
        ("h:9090", "h:9090"),
        ("", ""),
        ("https://admin:hidden@h", "https://...@h"),
        ("https://:hidden@h", "https://...@h"),
    ],
)
def test_an_address_that_is_not_host_and_port_is_refused_before_the_secret_is_read(
    url: str, shown: str, capsys: pytest.CaptureFixture[str]
) -> None:
    line = refused(capsys, "get", "--url", url, "--secret-file", "/no-such-file")
    assert line == (
        f"--url: {shown!r} was given; https://<host> or https://<host>:<port> is needed. "
        "A port is a number from 1 to 65535."
    )


@pytest.mark.parametrize("option", ["--secret-file", "--ca-file"])
@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "No such file or directory. Give a readable file with "),
        (Path(), "Is a directory. Give a readable file with "),
        (b"\x89PNG\xff", "it holds no text in UTF-8. Give a file with "),
    ],
    ids=["missing", "folder", "binary"],
)
def test_a_file_that_cannot_be_read_is_named_with_its_option(
    secret_file: Path,
    tmp_path: Path,
    option: str,
    content: bytes | Path | None,
    problem: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "given"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        path.mkdir()
    secret = [] if option == "--secret-file" else ["--secret-file", str(secret_file)]
    line = refused(capsys, "get", "--url", "https://127.0.0.1", option, str(path), *secret)
    assert line.startswith(f"{option} {path}: {problem}")


@pytest.mark.parametrize("content", ["", "\n", "none", "Zertifizierungsstelle für Tests"])
def test_a_ca_file_without_certificates_is_refused(
    secret_file: Path, tmp_path: Path, content: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "ca.pem"
    path.write_text(content, encoding="utf-8")
    place = ["--url", "https://127.0.0.1", "--ca-file", str(path)]
    line = refused(capsys, "get", *place, "--secret-file", str(secret_file))
    assert line == f"--ca-file {path} holds no PEM certificate. Store the server's CA bundle in it."


@pytest.mark.parametrize("content", ["", "not json", "[]", "[" * 100_000], ids=["empty", "text", "list", "deep"])
def test_a_secret_file_that_is_no_object_is_refused(
    tmp_path: Path, content: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "account.json"
    path.write_text(content)
    assert refused(capsys, "confirm", "--secret-file", str(path)) == "The secret must be a JSON object."


def test_a_secret_file_that_cannot_be_written_is_named(
    secret_file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(path: Path, *_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "write_text", refuse)
    line = refused(capsys, "confirm", "--secret-file", str(secret_file))
    assert line == f"--secret-file {secret_file}: Permission denied. Give a file that may be written."


def test_a_cluster_without_a_service_is_refused(secret_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["get", "--url", "https://127.0.0.1", "--secret-file", str(secret_file), "--ecs-cluster", "wa"]
    with pytest.raises(SystemExit) as caught:
        main(words)
    assert caught.value.code == 2
    assert capsys.readouterr().err.endswith("error: --ecs-cluster names no service. Give --ecs-service too.\n")


@pytest.fixture
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    def pause(_: Deadline, seconds: float) -> bool:
        raise AssertionError(f"paused for {seconds} s")

    monkeypatch.setattr(Deadline, "sleep", pause)


@pytest.mark.parametrize("words", [["get"], ["plan", "--to", "8"]])
@pytest.mark.parametrize(
    ("address", "problem"),
    [
        (
            f"127.0.0.1:{REFUSED_PORT}",
            f"Nothing listens at 127.0.0.1:{REFUSED_PORT}: the connection was refused. "
            "Check the address, or wait for the client.",
        ),
        ("no-such-client.invalid", "The host name no-such-client.invalid cannot be resolved ("),
    ],
)
def test_an_address_where_nothing_listens_is_an_answer_at_once(
    secret_file: Path,
    no_pause: None,
    words: list[str],
    address: str,
    problem: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    line = refused(capsys, *words, "--url", f"https://{address}", "--secret-file", str(secret_file))
    assert line.startswith(problem)


def test_set_waits_for_a_client_that_is_starting(
    secret_file: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(clock, shards=2) as stack:
        stack.standin.stop()
        pauses: list[float] = []

        def start_in_the_first_pause(_: Deadline, seconds: float) -> bool:
            if not pauses:
                stack.standin.start()
            pauses.append(seconds)
            return True

        monkeypatch.setattr(Deadline, "sleep", start_in_the_first_pause)
        out = io.StringIO()
        place = ["--url", stack.standin.url, "--ca-file", str(stack.standin.ca_file)]
        assert main(["set", "2", *place, "--secret-file", str(secret_file)], out, PACE) == 0
        assert pauses
        assert "Nothing to do" in out.getvalue()


def test_a_client_that_stays_silent_is_told_with_what_to_check(
    secret_file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "OBSERVE_SECONDS", 0.1)
    with silent_server() as url:
        line = refused(capsys, "get", "--url", url, "--secret-file", str(secret_file))
    assert line.endswith(
        "TimeoutError. The client gave no complete answer within 0 s. Check --url, and that this machine may reach it."
    )


@contextmanager
def silent_server() -> Iterator[str]:
    """A server that takes connections and never says a word; gives its address."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"https://127.0.0.1:{server.getsockname()[1]}"


@contextmanager
def process(*words: str, **options: object) -> Iterator[subprocess.Popen[str]]:
    """Run the command line as a process that Ctrl-C reaches, even when the tests run in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        started = subprocess.Popen(
            [sys.executable, "-m", "functions.shards", *words],
            cwd=ROOT,
            text=True,
            stderr=subprocess.PIPE,
            **options,  # type: ignore[call-overload]
        )
    finally:
        signal.signal(signal.SIGINT, before)
    with started:
        try:
            yield started
        finally:
            started.kill()


def test_it_says_at_once_what_it_waits_for_and_ctrl_c_is_one_line(secret_file: Path) -> None:
    with silent_server() as url, process("get", "--url", url, "--secret-file", str(secret_file)) as started:
        assert started.stderr
        assert started.stderr.readline() == f"Asking {url}; giving up after 30 s.\n"
        started.send_signal(signal.SIGINT)
        rest = started.stderr.read()
        assert started.wait() == 130
    assert rest == (
        "Interrupted. If shards were being set, `python -m functions.shards get` shows the number that is set now.\n"
    )


def test_ctrl_c_while_the_libraries_are_loaded_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "boto3.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\nsignal.pause()\n")
    with process("--help", env={**os.environ, "PYTHONPATH": str(tmp_path)}) as started:
        assert started.stderr
        shown = started.stderr.read()
        assert started.wait() == 130
    assert shown.startswith("Interrupted. ")
    assert len(shown.splitlines()) == 1


@pytest.fixture(params=["", "1"], ids=["buffered", "unbuffered"])
def closed_pipe(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A pipe that nobody reads, for a Python that writes at once or keeps what it writes for a while."""
    monkeypatch.setenv("PYTHONUNBUFFERED", request.param)
    reader, writer = os.pipe()
    os.close(reader)
    yield writer
    os.close(writer)


def test_a_closed_pipe_is_one_line(secret_file: Path, clock: Clock, closed_pipe: int) -> None:
    with running(clock, shards=1) as stack:
        place = ["--url", stack.standin.url, "--ca-file", str(stack.standin.ca_file)]
        with process("get", *place, "--secret-file", str(secret_file), stdout=closed_pipe) as started:
            assert started.stderr
            asking, *rest = started.stderr.read().splitlines()
            assert started.wait() == 1
    assert asking.startswith("Asking ")
    assert rest == [
        "Standard output was closed before the command was done. If shards were being set, "
        "`python -m functions.shards get` shows the number that is set now."
    ]


def test_help_into_a_closed_pipe_is_no_traceback(closed_pipe: int) -> None:
    with process("--help", stdout=closed_pipe) as started:
        assert started.stderr
        shown = started.stderr.read().splitlines()
        assert started.wait() in (0, 1)
    # Without a buffer it is argparse that meets the closed pipe, and it says nothing.
    assert [line[:27] for line in shown] in ([], ["Standard output was closed "])


def test_nothing_is_sent_once_the_pipe_is_closed(secret_file: Path, clock: Clock, closed_pipe: int) -> None:
    with running(clock, shards=1, spares=3) as stack:
        place = ["--url", stack.standin.url, "--ca-file", str(stack.standin.ca_file)]
        with process("set", "2", *place, "--secret-file", str(secret_file), stdout=closed_pipe) as started:
            assert started.stderr
            assert "Setting" not in started.stderr.read()
            assert started.wait() == 1
        assert stack.shards() == 1


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Seconds(threading.Event):
    """An event whose waiter is let go when the test says that a second has passed, or when the event is set."""

    waits, passed = threading.Semaphore(0), threading.Semaphore(0)

    def wait(self, timeout: float | None = None) -> bool:
        self.waits.release()
        self.passed.acquire()
        return self.is_set()

    def set(self) -> None:
        super().set()
        self.passed.release()


def test_on_a_terminal_a_clock_runs_and_its_line_is_cleared(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, terminal = Clock(start=0, speed=None), Terminal()
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=clock.now))
    monkeypatch.setattr(progress, "threading", SimpleNamespace(Event=Seconds, Thread=threading.Thread))
    line = "\r\x1b[KAsking https://h; giving up after 30 s."
    shown = line
    with progress.waiting(terminal, "Asking https://h", 30):
        for second in (1, 2):
            Seconds.waits.acquire()
            assert terminal.getvalue() == shown
            clock.advance(1)
            Seconds.passed.release()
            shown += f"{line} {second} s so far."
        Seconds.waits.acquire()
    assert terminal.getvalue() == f"{shown}\r\x1b[K"


def test_elsewhere_it_is_said_once() -> None:
    stream = io.StringIO()
    with progress.waiting(stream, "Asking https://h", 30):
        pass
    assert stream.getvalue() == "Asking https://h; giving up after 30 s.\n"
