"""The one door from an answer to how it looks.

An answer can show itself, in a notebook or as text, but must not import the room that knows how: that room imports the
answers, and takes pandas and matplotlib with it. So it is loaded here by name, when something is first shown.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any


def show(module: str, function: str, answer: object) -> Any:
    """Return `sizing.show.<module>.<function>(answer)`.

    Args:
        module: File in `sizing/show`.
        function: Function in it that takes the answer alone.
        answer: What to show.

    Returns:
        Whatever the function returns: text, HTML or a figure.
    """
    return getattr(import_module(f"sizing.show.{module}"), function)(answer)
