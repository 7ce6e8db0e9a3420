"""`python -m standin` as a person starts and stops it."""

import re
import signal
import ssl
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "standin"]


@contextmanager
def running(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """Start it and give its process and the three lines that it prints when it is ready."""
    process = subprocess.Popen(
        [*COMMAND, *arguments], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout
    assert process.stderr
    with process.stdout, process.stderr:
        yield process, [process.stdout.readline() for _ in range(3)]
        process.kill()
        process.wait()


def read(lines: list[str], path: str) -> str:
    url = re.search(r"https://127\.0\.0\.1:\d+", lines[1])
    assert url
    context = ssl.create_default_context(cafile=lines[2].partition(": ")[2].strip())
    with urllib.request.urlopen(url[0] + path, context=context) as answer:
        text: str = answer.read().decode()
        return text


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_its_first_line_says_what_it_is_and_a_signal_ends_it_cleanly(number: signal.Signals) -> None:
    with running("--coreapps", "9", "--speed", "60") as (process, lines):
        assert lines[0] == "This is a stand-in of the WhatsApp Business API client: no message leaves this machine.\n"
        assert '"coreapp-9"' in read(lines, "/_standin/state")
        process.send_signal(number)
        rest, errors = process.communicate()
        assert (process.returncode, rest, errors) == (0, "", "")


def test_a_killed_stand_in_continues_from_its_file_with_the_same_certificates(tmp_path: Path) -> None:
    state = str(tmp_path / "state.sqlite3")
    with running("--state", state, "--coreapps", "5", "--shards", "4") as (process, first):
        before = read(first, "/_standin/state")
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert (tmp_path / "state.server.pem").stat().st_mode & 0o077 == 0
    ca = (tmp_path / "state.ca.pem").read_bytes()
    with running("--state", state) as (_, second):
        after = read(second, "/_standin/state")
    assert (tmp_path / "state.ca.pem").read_bytes() == ca
    assert re.findall('"(?:name|coreapp)":"[^"]*"', after) == re.findall('"(?:name|coreapp)":"[^"]*"', before)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--shards", "3"], "shards=3: allowed are 1, 2, 4, 8, 16, 32"),
        (["--masters", "0"], "give 2 masters or more"),
        (["--port", "99999"], "port=99999: give 0 to 65535"),
        (["--speed", "0"], "speed=0.0: give simulated seconds per real second"),
        (["--restart-seconds", "45"], "--restart-seconds: '45': give the least and the most seconds, such as 45,60"),
        (["--registered-days", "x"], "--registered-days: 'x': give a number of days, or never"),
        (["--state", "/nowhere/at/all.sqlite3"], "/nowhere/at/all"),
        (["--colour"], "--colour"),
    ],
)
def test_bad_input_exits_2_with_one_clear_line(arguments: list[str], message: str) -> None:
    refused(arguments, message)


def test_a_state_file_that_is_something_else_is_left_alone(tmp_path: Path) -> None:
    other = tmp_path / "notes.txt"
    other.write_text("not a database, and dear to somebody")
    refused(["--state", str(other)], f"{other}: this is no database of a stand-in")
    assert list(tmp_path.iterdir()) == [other]
    assert other.read_text() == "not a database, and dear to somebody"


def test_a_port_in_use_is_said() -> None:
    with running() as (_, lines):
        port = lines[1].split()[2].rpartition(":")[2]
        refused(["--port", port], f"port={port}: Address already in use")


def refused(arguments: list[str], message: str) -> None:
    ended = subprocess.run([*COMMAND, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert message in ended.stderr
    assert "Traceback" not in ended.stderr
