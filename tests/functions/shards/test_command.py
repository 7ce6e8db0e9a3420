"""By hand: the same guards, the same observation, and a line that says how far it is."""

import io
import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from functions.shards.account import fingerprint, today
from functions.shards.command import main
from standin.account import CERTIFICATE
from standin.clock import Clock

from .conftest import PACE, PASSWORD, Stack, confirmed_secret, running, secret


@pytest.fixture
def stack(clock: Clock) -> Iterator[Stack]:
    with running(clock, shards=2, spares=6) as made:
        yield made


@pytest.fixture
def secret_file(tmp_path: Path) -> Path:
    path = tmp_path / "account.json"
    path.write_text(confirmed_secret())
    return path


def call(stack: Stack, secret_file: Path, *words: str) -> tuple[int, str]:
    out = io.StringIO()
    command, *more = words
    place = ["--url", stack.standin.url, "--ca-file", str(stack.standin.ca_file), "--secret-file", str(secret_file)]
    return main([command, *place, *more], out, PACE), out.getvalue()


def test_get_shows_the_number_and_what_it_lacks(stack: Stack, secret_file: Path) -> None:
    assert call(stack, secret_file, "get") == (0, "2 shards on 8 coreapps: all served\n")
    for number in range(1, 8):
        stack.standin.kill(f"coreapp-{number}")
    assert call(stack, secret_file, "get") == (0, "2 shards on 8 coreapps: 0 of 2 coreapps connected\n")
    stack.clock.advance(35)  # the coreapp that is left takes a shard over (M-6)
    left = "2 shards on 1 coreapps: 1 of 2 coreapps connected; shards 1 not owned by exactly one coreapp\n"
    assert call(stack, secret_file, "get") == (0, left)


def test_plan_shows_the_documented_order_of_an_increase(stack: Stack, secret_file: Path) -> None:
    status, shown = call(stack, secret_file, "plan", "--to", "8")
    assert status == 0
    assert shown.splitlines()[1:] == [
        "1. Grow the service to at least 8 coreapps (8 run).",
        "2. Set 8 shards: all coreapps restart, 45-60 s without service.",
        "Nothing forbids it.",
    ]


def test_plan_shows_the_documented_order_of_a_decrease(stack: Stack, secret_file: Path) -> None:
    status, shown = call(stack, secret_file, "plan", "--to", "1")
    assert status == 0
    assert [line[:12] for line in shown.splitlines()[1:4]] == ["1. Set 1 sha", "2. Wait unti", "3. Shrink th"]


def test_plan_shows_what_forbids_it(stack: Stack, secret_file: Path) -> None:
    status, shown = call(stack, secret_file, "plan", "--to", "16")
    assert (status, shown.splitlines()[-1]) == (
        1,
        "Not yet: 16 shards need as many coreapps; 8 run. Grow the service first.",
    )


def test_set_waits_until_every_shard_is_served(stack: Stack, secret_file: Path) -> None:
    status, shown = call(stack, secret_file, "set", "8")
    assert status == 0
    assert "expect 45-60 s without service" in shown
    assert shown.splitlines()[-1].startswith("[##############################]")
    assert shown.rstrip().endswith("all served")
    assert stack.shards() == 8
    assert call(stack, secret_file, "set", "8")[1].endswith("Nothing to do. To send it all the same, add --again.\n")


def test_a_dry_run_checks_everything_and_sends_nothing(
    stack: Stack, secret_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(stack, secret_file, "set", "8", "--dry-run")[1].endswith("Dry run: nothing was sent.\n")
    secret_file.write_text(secret())
    assert call(stack, secret_file, "set", "8", "--dry-run")[0] == 1
    assert "Nobody has confirmed" in capsys.readouterr().err
    assert stack.shards() == 2


def test_confirm_lets_the_certificate_be_sent(stack: Stack, secret_file: Path) -> None:
    secret_file.write_text(secret())
    out, before = io.StringIO(), today()
    assert main(["confirm", "--secret-file", str(secret_file)], out) == 0
    shown = [f"Confirmed on {day}: certificate {fingerprint(CERTIFICATE)[:16]}...\n" for day in (before, today())]
    assert out.getvalue() in shown, "the day may end meanwhile"
    assert call(stack, secret_file, "set", "4")[0] == 0


def test_again_brings_back_a_client_that_is_logged_off(
    stack: Stack, secret_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    secret_file.write_text(confirmed_secret(cert="d3Jvbmc="))
    assert call(stack, secret_file, "set", "4")[0] == 1
    assert "set <the number that get shows> --again" in capsys.readouterr().err
    secret_file.write_text(confirmed_secret())
    assert call(stack, secret_file, "set", "2", "--again")[0] == 0
    assert stack.standin.state()["standing"] == "registered"


def test_a_secret_in_secrets_manager_is_read_and_confirmed(aws: None, stack: Stack) -> None:
    client = boto3.client("secretsmanager")
    client.create_secret(Name="account", SecretString=secret())
    out = io.StringIO()
    assert main(["confirm", "--secret", "account"], out) == 0
    place = ["--url", stack.standin.url, "--ca-file", str(stack.standin.ca_file), "--secret", "account"]
    assert main(["set", "4", *place], out, PACE) == 0
    kept = json.loads(client.get_secret_value(SecretId="account")["SecretString"])
    assert kept["certificate_fingerprint"] == fingerprint(CERTIFICATE)


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["get", "--url", "http://127.0.0.1:1"], "https://<host> or https://<host>:<port> is needed"),
        (["get", "--url", "https://127.0.0.1:1", "--ca-file", "/none.pem"], "/none.pem: No such file or directory"),
    ],
)
def test_bad_input_is_told_without_a_traceback(
    secret_file: Path, words: list[str], error: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words, "--secret-file", str(secret_file)]) == 1
    assert error in capsys.readouterr().err


def test_a_secret_that_aws_does_not_have_is_told(aws: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["get", "--url", "https://127.0.0.1:1", "--secret", "none"]) == 1
    assert capsys.readouterr().err == "AWS answered ResourceNotFoundException to GetSecretValue.\n"


def test_a_number_that_is_not_allowed_ends_with_2(secret_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["set", "3", "--url", "https://127.0.0.1", "--secret-file", str(secret_file)])
    assert caught.value.code == 2
    assert "invalid choice: 3" in capsys.readouterr().err


def test_on_a_terminal_one_line_fills_up(secret_file: Path) -> None:
    reader, writer = pty.openpty()
    # The command is a process of its own, which waits by the real time: so the stand-in's time passes here.
    with running(Clock(speed=600), shards=2, spares=6) as stack:
        words = ["set", "8", "--url", stack.standin.url, "--ca-file", str(stack.standin.ca_file)]
        command = [sys.executable, "-m", "functions.shards", *words, "--secret-file", str(secret_file)]
        process = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, cwd=Path(__file__).parents[3])
    os.close(writer)
    shown = os.read(reader, 65536).decode()
    os.close(reader)
    assert process.returncode == 0
    assert process.stderr.decode().splitlines() == [
        f"Asking {stack.standin.url}; giving up after 30 s.",
        f"Setting 8 shards at {stack.standin.url}; giving up after 600 s.",
    ]
    assert "\r\x1b[K[" in shown
    assert "all served" in shown
    assert PASSWORD not in shown
