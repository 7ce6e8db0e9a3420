"""What the command line shows while it waits."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

CLEAR_LINE = "\r\x1b[K"


def line_writer(stream: TextIO) -> Callable[[str], None]:
    """Return what shows a state: on a terminal in the place of the one before, elsewhere as a line of its own."""
    form = f"{CLEAR_LINE}{{}}" if stream.isatty() else "{}\n"

    def write(line: str) -> None:
        stream.write(form.format(line))
        stream.flush()

    return write


@contextmanager
def waiting(stream: TextIO, action: str, limit_seconds: float) -> Iterator[None]:
    """Say at once what is waited for; on a terminal, show how long it takes and clear the line afterwards.

    Args:
        stream: Where to say it.
        action: What is done, such as "Asking https://wa.example.com".
        limit_seconds: When the action gives up.
    """
    write = line_writer(stream)
    text = f"{action}; giving up after {limit_seconds:.0f} s."
    write(text)
    if not stream.isatty():
        yield
        return
    started, ended = time.monotonic(), threading.Event()

    def tick() -> None:
        while not ended.wait(1):
            write(f"{text} {time.monotonic() - started:.0f} s so far.")

    clock = threading.Thread(target=tick, daemon=True)
    clock.start()
    try:
        yield
    finally:
        ended.set()
        clock.join()
        write("")
