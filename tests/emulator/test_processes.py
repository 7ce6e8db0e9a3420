"""Programs end with the command that runs them, and a command ends in one line."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from emulator import processes
from emulator.workspace import PROJECT

# A bound for a program that hangs, not an expectation.
HANGS_SECONDS = 300
# A program that starts another one, says so, and waits.
PARENT = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(child.pid, flush=True)
time.sleep(600)
"""


def ended(pid: int) -> bool:
    """Tell whether a process is gone, or only waits for somebody who reads its status."""
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_what_a_program_started_ends_with_an_interruption(tmp_path: Path) -> None:
    seen = list[int]()

    def watch(line: str) -> None:
        seen.append(int(line))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        processes.run_logged(
            [sys.executable, "-c", PARENT], cwd=tmp_path, environment=os.environ, log=tmp_path / "log", watch=watch
        )
    while not ended(seen[0]):  # a grandchild that lives on is found by the time limit of a test
        time.sleep(0.01)


def test_a_log_holds_commands_and_their_output_and_its_end_is_shown_with_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    lines, log = list[str](), tmp_path / "logs" / "cdk.log"
    for program in ("print(*range(100), sep='\\n')", "import sys; print('why', file=sys.stderr); sys.exit(3)"):
        status = processes.run_logged(
            [sys.executable, "-c", program], cwd=tmp_path, environment=os.environ, log=log, watch=lines.append
        )
    assert status == 3
    assert lines == [*map(str, range(100)), "why"]
    assert log.read_text().count("\n$ ") == 1
    end = processes.end_of(log).splitlines()
    assert len(end) == processes.SHOWN_LINES + 1
    assert end[-2:] == ["why", "All of it: logs/cdk.log"]


def command(body: str) -> subprocess.Popen[str]:
    """Start a command whose main function has this body."""
    program = (
        f"import signal, time\nfrom emulator.processes import exit_status\ndef main():\n    {body}\n    return 0\n"
    )
    # Under nohup the tests ignore SIGHUP, and the command would inherit that.
    program += "signal.signal(signal.SIGHUP, signal.SIG_DFL)\nraise SystemExit(exit_status(main))"
    return subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=PROJECT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize(
    ("number", "status", "said"),
    [
        (signal.SIGINT, 130, "Interrupted. Run the same command again.\n"),
        (signal.SIGTERM, 143, ""),
        (signal.SIGHUP, 129, ""),
    ],
)
def test_a_signal_is_one_line_at_most(number: int, status: int, said: str) -> None:
    with command("print('ready', flush=True); time.sleep(600)") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        assert process.communicate(timeout=HANGS_SECONDS)[1] == said
    assert process.returncode == status


@pytest.mark.parametrize("body", ["print('x' * 100_000)", "print('x')"], ids=["at once", "when it ends"])
def test_a_closed_pipe_is_silence(body: str) -> None:
    with command(f"input(); {body}") as process:
        assert process.stdout is not None
        process.stdout.close()
        process.stdout = None
        assert process.communicate("\n", timeout=HANGS_SECONDS)[1] == ""
    assert process.returncode == 141


def test_a_program_that_does_not_heed_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stubborn = "import os, signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(os.getpid(), flush=True)"
    seen = list[int]()

    def watch(line: str) -> None:
        seen.append(int(line))
        raise KeyboardInterrupt

    monkeypatch.setattr(processes, "END_SECONDS", 0.2)
    with pytest.raises(KeyboardInterrupt):
        processes.run_logged(
            [sys.executable, "-c", f"{stubborn}; time.sleep(600)"],
            cwd=tmp_path,
            environment=os.environ,
            log=tmp_path / "log",
            watch=watch,
        )
    assert ended(seen[0])
