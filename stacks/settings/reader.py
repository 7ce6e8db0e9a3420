"""The context as the CDK will have it, read before the CDK is loaded: `cdk.json`, then what the CLI hands over."""

import json
import math
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from stacks.settings.errors import ContextError

TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]:,]|[^\s{}\[\]:,"]+')
"""A word of JSON: a text, a mark, or a number or true, false, null."""

DEEPEST = 100
"""Objects and lists inside one another; a cdk.json has four, and Python's reader gives up near 1,000."""


KeyPath = tuple[str | int, ...]
"""The keys of objects and positions in lists that lead to a value."""


class Entry(NamedTuple):
    """A key or a number in a JSON text.

    Attributes:
        path: Where it stands.
        line: Its line, from 1.
        number: The number as it is written; None for a key.
    """

    path: KeyPath
    line: int
    number: str | None = None


def read_context(path: Path) -> dict[str, Any]:
    """Return the context of an app: that of a `cdk.json`, with what the CDK CLI hands over on top.

    The CLI puts its context, `-c` included, into the environment variable CDK_CONTEXT_JSON, and what has no room there
    into a file that CONTEXT_OVERFLOW_LOCATION_ENV names; `App` of aws-cdk-lib reads the two in the same order. The CLI
    has read cdk.json too, but duplicate keys can only be seen in the file itself.

    Args:
        path: The `cdk.json`.

    Raises:
        ContextError: One of them is missing or malformed; with file, line and what to do.
    """
    file = _parsed(path.name, _text_of(path))
    if "context" not in file.values:
        _refuse(path.name, 1, 'there is no "context"', 'add "context": {"deployments": {...}}')
    context = file.values["context"]
    _refuse_unless_object(path.name, file, ("context",), context)
    _refuse_unless_object(path.name, file, ("context", "deployments"), context.get("deployments", {}))
    handed = os.environ.get("CDK_CONTEXT_JSON")
    overflow = os.environ.get("CONTEXT_OVERFLOW_LOCATION_ENV")
    return {
        **context,
        **(_parsed("CDK_CONTEXT_JSON", handed).values if handed else {}),
        **(_parsed(Path(overflow).name, _text_of(Path(overflow))).values if overflow else {}),
    }


class _Parsed(NamedTuple):
    values: dict[str, Any]
    lines: dict[KeyPath, int]


def _refuse_unless_object(source: str, parsed: _Parsed, path: KeyPath, value: object) -> None:
    if not isinstance(value, dict):
        name = ".".join(map(str, path))
        _refuse(source, parsed.lines[path], f'"{name}" is no object', 'write {"key": value} with braces')


def _text_of(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise ContextError(f"{path.name}: cannot be read: {reason}; put a readable file at {path}") from None
    if content.startswith(b"\xef\xbb\xbf"):
        _refuse(path.name, 1, "it begins with a byte order mark", "save it as UTF-8 without one")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        _refuse(path.name, line, f"byte 0x{content[error.start]:02x} is not UTF-8", "save it as UTF-8")


def _parsed(source: str, text: str) -> _Parsed:
    """Return an object in JSON, with the line of each key; stricter than `json.loads` alone."""
    if not text.strip():
        _refuse(source, 1, "it is empty", 'write an object with "app" and "context"')
    _refuse_depth(source, text)
    try:
        # Numbers stay text in this first reading, so that none of them can fail before its line is known.
        values = json.loads(text, parse_int=str, parse_float=str, parse_constant=str)
    except json.JSONDecodeError as error:
        _refuse(source, error.lineno, f"this is not JSON: {error.msg}, column {error.colno}", "mend it there")
    if not isinstance(values, dict):
        _refuse(source, 1, "this is no object", 'write {"app": ..., "context": {...}}')
    lines: dict[KeyPath, int] = {}
    problems = []
    repeated: set[KeyPath] = set()
    for entry in _entries(text):
        if any(entry.path[:length] in repeated for length in range(len(entry.path))):
            continue  # inside a key that stands twice, of which one will go
        name = ".".join(map(str, entry.path))
        if entry.number is not None:
            if not _is_finite(entry.number):
                fault = f"{name}: {entry.number[:20]} is not a finite number"
                problems.append(_problem(source, entry.line, fault, "write one"))
        elif entry.path in lines:
            repeated.add(entry.path)
            fault = f'the key "{name}" stands in line {lines[entry.path]} already'
            problems.append(_problem(source, entry.line, fault, "keep one of them"))
        else:
            lines[entry.path] = entry.line
    if problems:
        raise ContextError("\n".join(problems))
    return _Parsed(json.loads(text), lines)


def _is_finite(number: str) -> bool:
    try:
        return math.isfinite(float(number))
    except ValueError:  # -Infinity and NaN are read, so this is a word that is no number: true, false, null
        return number in ("true", "false", "null")


def _refuse_depth(source: str, text: str) -> None:
    depth = 0
    for token in TOKEN.finditer(text):
        depth += (token[0] in "{[") - (token[0] in "}]")
        if depth > DEEPEST:
            line = text.count("\n", 0, token.start()) + 1
            _refuse(source, line, f"objects and lists stand more than {DEEPEST} deep", "take the inner ones away")


def _entries(text: str) -> Iterator[Entry]:
    """Yield each key and each number of a text that is known to be JSON, in their order."""
    line, end = 1, 0
    path: list[str | int] = []  # the key or position inside each open object or list
    lists: list[bool] = []  # whether each of them is a list
    key_comes = False
    for token in TOKEN.finditer(text):
        line += text.count("\n", end, token.start())
        end, word = token.start(), token[0]
        if word in ("{", "["):
            lists.append(word == "[")
            path.append(0)
            key_comes = word == "{"
        elif word in ("}", "]"):
            lists.pop()
            path.pop()
            key_comes = False
        elif word == ",":
            key_comes = not lists[-1]
            if lists[-1]:
                path[-1] = int(path[-1]) + 1
        elif word == ":":
            key_comes = False
        elif key_comes:
            path[-1] = json.loads(word)
            yield Entry(tuple(path), line)
        elif not word.startswith('"'):
            yield Entry(tuple(path), line, word)


def _problem(source: str, line: int, fault: str, mend: str) -> str:
    shown = f"{source}, line {line}: {fault}; {mend}"
    # A line break in a key must not make two lines.
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in shown)


def _refuse(source: str, line: int, fault: str, mend: str) -> NoReturn:
    raise ContextError(_problem(source, line, fault, mend))
