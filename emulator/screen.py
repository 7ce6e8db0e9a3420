"""One line for each step on the screen, with a running clock on a terminal. Standard library alone."""

from __future__ import annotations

import os
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TextIO

# Often enough for a clock that counts seconds.
TICK_SECONDS = 0.5


@dataclass
class Step:
    """One step under way.

    Attributes:
        title: What it does.
        note: What it is at; shown behind the title on a terminal.
        result: What came of it; shown behind the title when it ends.
    """

    title: str
    note: str = ""
    result: str = ""


class Screen:
    """Shows steps one after the other.

    A terminal has a status line with the seconds gone by while a step runs. A file or a pipe has a line when the step
    begins, so that nobody wonders what a silent program does, and a line when it ends.
    """

    def __init__(self, out: TextIO | None = None) -> None:
        """Make one that writes to `out`. Default: what `sys.stdout` is at the time of writing."""
        self._given = out
        self._lock = threading.RLock()
        self._step: Step | None = None
        self._lines = True
        self._began = 0.0

    @property
    def live(self) -> bool:
        """Whether a line can be written over."""
        return self._out.isatty() and os.environ.get("TERM") != "dumb"

    @contextmanager
    def step(self, title: str, *, usual_seconds: int | None = None, lines: bool = True) -> Iterator[Step]:
        """Show a step while the block runs. A step inside another one is the outer one's note.

        Args:
            title: What it does.
            usual_seconds: How long it usually takes; said where there is no running clock. Default: not said.
            lines: Whether it leaves lines behind. False: it is seen on a terminal alone, and only while it runs.
        """
        if self._step is not None:
            with self._inner(self._step, title) as inner:
                yield inner
            return
        step, began = Step(title), time.monotonic()
        if lines and not self.live:
            self.say(f"...  {title}" + (f" (usually {usual_seconds} s)" if usual_seconds else ""))
        with self._lock:
            self._step, self._lines, self._began = step, lines, began
        end = threading.Event()
        clock = threading.Thread(target=self._tick, args=(end,), daemon=True)
        if self.live:
            clock.start()
        outcome = "no"
        try:
            yield step
            outcome = "ok"
        except KeyboardInterrupt:
            outcome = ""  # the command says it, once
            raise
        finally:
            end.set()
            if clock.ident is not None:
                clock.join()
            with self._lock:
                self._step, self._lines = None, True
                self._clear()
            if lines and outcome:
                result = f" {step.result}," if step.result else ""
                self.say(f"{outcome}   {title}:{result} {time.monotonic() - began:.1f} s")

    @contextmanager
    def _inner(self, outer: Step, title: str) -> Iterator[Step]:
        before, outer.note = outer.note, title
        try:
            yield Step(title)
        finally:
            outer.note = before

    def note(self, text: str) -> None:
        """Say what the step under way is at; shown on a terminal alone."""
        if self._step is not None:
            self._step.note = text

    def detail(self, text: str) -> None:
        """Print a line about the step under way, if that step leaves lines behind."""
        if self._lines:
            self.say(f"      {text}")

    def say(self, text: str) -> None:
        """Print lines that stay, above the status line; any thread may."""
        with self._lock:
            self._clear()
            print(text, file=self._out, flush=True)
            self._draw()

    @property
    def _out(self) -> TextIO:
        return self._given or sys.stdout

    def _tick(self, end: threading.Event) -> None:
        while True:
            with self._lock:
                self._draw()
            if end.wait(TICK_SECONDS):
                return

    def _draw(self) -> None:
        if self._step is None or not self.live:
            return
        seconds = time.monotonic() - self._began
        text = f"{seconds:4.0f} s  {self._step.title}" + (f": {self._step.note}" if self._step.note else "")
        # One column less than there are: a full line would wrap, and only its last part would be written over.
        print(f"\r\033[K{text[: shutil.get_terminal_size().columns - 1]}", end="", file=self._out, flush=True)

    def _clear(self) -> None:
        if self.live:
            print("\r\033[K", end="", file=self._out, flush=True)


# The one that commands write to.
screen = Screen()
