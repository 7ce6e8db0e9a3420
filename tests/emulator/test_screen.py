"""What a command shows: one line for each step, and a running clock where a line can be written over."""

import io
import re
import threading
from types import SimpleNamespace

import pytest

from emulator import screen as module
from emulator.screen import Screen


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True

    def rows(self) -> list[str]:
        """Return what a terminal holds in the end: each row after its last `clear`."""
        return [row.rsplit("\r\033[K", 1)[-1] for row in self.getvalue().split("\n")]


class Awaited(Terminal):
    """A terminal on which one waits for a text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text, self.seen = text, threading.Event()

    def write(self, text: str, /) -> int:
        if self.text in text:
            self.seen.set()
        return super().write(text)


@pytest.fixture(autouse=True)
def terminal_of_60_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setattr(module, "TICK_SECONDS", 0.01)
    # No second passes, however slow the machine is.
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: 0.0))


def test_a_file_has_a_line_before_and_a_line_after() -> None:
    out = io.StringIO()
    with Screen(out).step("Packages", usual_seconds=30):
        assert out.getvalue() == "...  Packages (usually 30 s)\n"
    assert re.fullmatch(r"...  Packages \(usually 30 s\)\nok   Packages: \d+\.\d s\n", out.getvalue())


def test_a_terminal_has_a_clock_while_it_runs_and_one_line_after() -> None:
    out = Awaited("0 s  Packages: pip")
    screen = Screen(out)
    with screen.step("Packages") as step:
        screen.note("pip " + "x" * 100)
        assert out.seen.wait()
        step.result = "12 of 68"
    rows = out.rows()
    assert re.fullmatch(r"ok   Packages: 12 of 68, \d+\.\d s", rows[0])
    assert rows[1:] == [""]
    drawn = re.findall(r"\r\033\[K([^\r\n]+)", out.getvalue())
    assert max(map(len, drawn)) <= 59, "a full line would wrap"


def test_a_dumb_terminal_is_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    out = Terminal()
    with Screen(out).step("Packages"):
        pass
    assert "\033" not in out.getvalue()


def test_lines_stay_above_the_status_line() -> None:
    out = Awaited("0 s  Deploy")
    screen = Screen(out)
    with screen.step("Deploy", lines=False):
        assert out.seen.wait()
        screen.say("shards 2 -> 8")
    assert out.rows() == ["shards 2 -> 8", ""]


def test_a_step_inside_another_is_its_note() -> None:
    out = Awaited("Deploy: Templates")
    screen = Screen(out)
    with screen.step("Deploy"), screen.step("Templates"):
        assert out.seen.wait()
    assert [row[:11] for row in out.rows()] == ["ok   Deploy", ""]


@pytest.mark.parametrize(
    ("problem", "rows"),
    [
        (SystemExit("why"), [r"...  Packages", r"no   Packages: 0\.0 s", ""]),
        (ValueError("why"), [r"...  Packages", r"no   Packages: 0\.0 s", ""]),
        (KeyboardInterrupt(), [r"...  Packages", ""]),
    ],
)
def test_a_step_that_fails_says_so_and_one_that_is_interrupted_leaves_that_to_its_command(
    problem: BaseException, rows: list[str]
) -> None:
    out = io.StringIO()
    with pytest.raises(type(problem)), Screen(out).step("Packages"):
        raise problem
    for row, wanted in zip(out.getvalue().split("\n"), rows, strict=True):
        assert re.fullmatch(wanted, row)
