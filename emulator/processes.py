"""Other programs that a command runs, and how a command ends. Standard library alone."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn

# After that, what was asked to end is killed: npm, for one, does not heed.
END_SECONDS = 2.0
SHOWN_LINES = 20
# As shells count: 128 and the number of the signal.
INTERRUPTED = 128 + signal.SIGINT
CLOSED_PIPE = 128 + signal.SIGPIPE


def run(command: Sequence[str], *, cwd: Path, environment: Mapping[str, str]) -> int:
    """Run a program that writes where we write, and return its exit status.

    It and all that it starts are ended when this process is interrupted.

    Args:
        command: The program and its words.
        cwd: Its folder.
        environment: Its environment.
    """
    return _run(command, cwd=cwd, environment=environment)


def run_logged(
    command: Sequence[str],
    *,
    cwd: Path,
    environment: Mapping[str, str],
    log: Path,
    watch: Callable[[str], None],
) -> int:
    """Run a program whose output goes to the end of a log file, and return its exit status.

    It and all that it starts are ended when this process is interrupted.

    Args:
        command: The program and its words.
        cwd: Its folder.
        environment: Its environment.
        log: The file; made if it is not there.
        watch: Called with each line of the output, without its end, as it comes.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a", encoding="utf-8") as file:
        file.write(f"$ {' '.join(command)}\n")
        file.flush()

        def both(line: str) -> None:
            file.write(line)
            file.flush()
            watch(line.rstrip())

        return _run(command, cwd=cwd, environment=environment, each_line=both)


def _run(
    command: Sequence[str],
    *,
    cwd: Path,
    environment: Mapping[str, str],
    each_line: Callable[[str], None] | None = None,
) -> int:
    with subprocess.Popen(
        command,
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE if each_line else None,
        stderr=subprocess.STDOUT if each_line else None,
        text=True,
        errors="replace",
        # A group of its own: Ctrl-C reaches this process alone, which ends the group. Otherwise each program in it
        # would print its own traceback.
        process_group=0,
    ) as process:
        try:
            if each_line:
                for line in process.stdout or ():
                    each_line(line)
            return process.wait()
        except BaseException:
            _end(process)
            raise


def _end(process: subprocess.Popen[str]) -> None:
    """End a program with its whole process group, gently at first."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            continue
        except ProcessLookupError:
            return


def end_of(log: Path, left_out: re.Pattern[str] | None = None) -> str:
    """Return the last 20 lines of a log that are not empty, and its name.

    Args:
        log: The file.
        left_out: What lines begin with that tell a reader nothing. Default: all are shown.
    """
    lines = [
        line
        for line in log.read_text(encoding="utf-8", errors="replace").splitlines()
        if line.strip() and not (left_out and left_out.match(line))
    ]
    return "\n".join([*lines[-SHOWN_LINES:], f"All of it: {shown(log)}"])


def shown(path: Path) -> str:
    """Return a path as one types it: relative to the working folder where it lies below."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def exit_status(main: Callable[[], int]) -> int:
    """Run the main function of a command and return its exit status, whatever ends it early.

    Ctrl-C is one line and status 130. A closed pipe, as in `make status | head -1`, is silence and status 141. SIGTERM
    and SIGHUP end the command, and the programs that it runs, with status 143 and 129.
    """
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup
            signal.signal(number, _leave)
    try:
        status = main()
        # Here, and not when Python ends, where it could not be caught.
        sys.stdout.flush()
    except KeyboardInterrupt:
        print("Interrupted. Run the same command again.", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # What is still in the buffer would raise once more when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return CLOSED_PIPE
    return status


def _leave(number: int, frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)
