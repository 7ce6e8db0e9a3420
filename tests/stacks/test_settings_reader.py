"""The reader of cdk.json: what the CDK would read, and one line for each fault of a file."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stacks.settings import ContextError, Settings, read_context
from stacks.settings.reader import _entries
from tests.assembly import CDK_CONTEXT, ROOT

SOUND = '{"app": "python app.py", "context": {"deployments": {"production": {}}}}'

TWICE = """{
  "context": {
    "deployments": {
      "production": {"environment": "production"},
      "staging": {"environment": "staging"},
      "production": {"environment": "staging"}
    }
  }
}"""

MALFORMED: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "line 1: it is empty; write an object"),
    "blank": (b" \n\n", "line 1: it is empty; write an object"),
    "not JSON": (b'{\n  "context": {,}\n}', "line 2: this is not JSON: "),
    "cut off": (SOUND[:-3].encode(), "line 1: this is not JSON: "),
    "a comment": (b'{\n // mine\n "context": {}}', "line 2: this is not JSON: "),
    "more behind it": (SOUND.encode() + b"\n{}", "line 2: this is not JSON: Extra data"),
    "a control character": (b'{"context": {"deployments": {"a\nb": {}}}}', "line 1: this is not JSON: Invalid control"),
    "a list": (b"[]", "line 1: this is no object; write {"),
    "a number": (b"7", "line 1: this is no object"),
    "null": (b"null", "line 1: this is no object"),
    "byte order mark": (b"\xef\xbb\xbf" + SOUND.encode(), "line 1: it begins with a byte order mark; save it as UTF-8"),
    "latin-1": ('{\n"context": {"x": "é"}}'.encode("latin-1"), "line 2: byte 0xe9 is not UTF-8; save it as UTF-8"),
    "UTF-16": (SOUND.encode("utf-16"), "line 1: byte 0xff is not UTF-8"),
    "too deep, as lists": (
        b'{"context":\n' + 200_000 * b"[" + 200_000 * b"]" + b"}",
        "line 2: objects and lists stand",
    ),
    "too deep, as objects": (200_000 * b'{"a":\n', "line 101: objects and lists stand more than 100 deep"),
    "no context": (b'{"app": "python app.py"}', 'line 1: there is no "context"; add "context": {'),
    "context is a list": (b'{\n"context": []}', 'line 2: "context" is no object; write {'),
    "context is null": (b'{\n"context": null}', 'line 2: "context" is no object; write {'),
    "deployments is a list": (b'{"context":\n{\n"deployments": [1]}}', 'line 3: "context.deployments" is no object'),
    "too large a number": (
        b'{"context": {"deployments": {"production":\n{"messages_per_second": 1e999}}}}',
        "line 2: context.deployments.production.messages_per_second: 1e999 is not a finite number; write one",
    ),
    "NaN": (b'{"context": {"deployments": {},\n"x": NaN}}', "line 2: context.x: NaN is not a finite number"),
    "-Infinity": (b'{"context": {"deployments": {},\n"x": [0, -Infinity]}}', "line 2: context.x.1: -Infinity is not a"),
    "a number without end": (
        b'{"context": {"x": ' + 5000 * b"9" + b"}}",
        "line 1: context.x: 99999999999999999999 is not",
    ),
    "a deployment twice": (
        TWICE.encode(),
        'line 6: the key "context.deployments.production" stands in line 4 already; keep one of them',
    ),
    "a key twice": (
        b'{"context": {\n"tls": true,\n"\\u0074ls": false}}',
        'line 3: the key "context.tls" stands in line 2',
    ),
    "twice in a list": (
        b'{"context": {"x": [{}, {"a": 1,\n"a": 2}]}}',
        'line 2: the key "context.x.1.a" stands in line 1',
    ),
    "the same key in two objects is none": (
        b'{"context": {"a.b": 1, "a": {"b": 1}, "c": {"b": NaN}}}',
        "line 1: context.c.b: NaN",
    ),
    "context twice": (SOUND[:-1].encode() + b',\n"context": {}}', 'line 2: the key "context" stands in line 1 already'),
}


def fault(path: Path) -> str:
    with pytest.raises(ContextError) as caught:
        read_context(path)
    (line,) = str(caught.value).splitlines()
    return line


@pytest.fixture
def cdk_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("CDK_CONTEXT_JSON", "CONTEXT_OVERFLOW_LOCATION_ENV"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "cdk.json"


@pytest.mark.parametrize("kind", MALFORMED)
def test_a_malformed_file_is_refused_in_one_line_with_its_line_and_the_mend(kind: str, cdk_json: Path) -> None:
    content, said = MALFORMED[kind]
    cdk_json.write_bytes(content)
    line = fault(cdk_json)
    assert line.startswith(f"cdk.json, {said}")
    assert "; " in line


def test_a_file_that_cannot_be_read_is_refused_in_one_line(cdk_json: Path, tmp_path: Path) -> None:
    assert fault(cdk_json).startswith("cdk.json: cannot be read: No such file or directory; put a readable file at /")
    cdk_json.mkdir()
    assert fault(cdk_json).startswith("cdk.json: cannot be read: Is a directory; ")
    assert "Not a directory" in fault(ROOT / "app.py" / "cdk.json")
    circle = tmp_path / "circle"
    circle.symlink_to(circle)
    assert "symbolic links" in fault(circle)


def test_a_file_without_permission_is_refused_in_one_line(cdk_json: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    assert fault(cdk_json).startswith("cdk.json: cannot be read: Permission denied; ")


def test_several_faults_of_a_file_are_told_at_once(cdk_json: Path) -> None:
    cdk_json.write_text('{"context": {"a": 1, "a": NaN,\n"b": 1, "b": 2, "deployments": {}}}', encoding="utf-8")
    with pytest.raises(ContextError) as caught:
        read_context(cdk_json)
    assert len(str(caught.value).splitlines()) == 3


def test_the_file_of_the_project_is_read_as_json_reads_it(cdk_json: Path) -> None:
    assert read_context(ROOT / "cdk.json") == CDK_CONTEXT
    cdk_json.write_text(SOUND, encoding="utf-8")
    assert read_context(cdk_json) == {"deployments": {"production": {}}}


KEYS = st.text(max_size=3)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
TREES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3))


@given(st.dictionaries(KEYS, TREES, max_size=4), st.sampled_from([None, 0, 2]), st.booleans())
def test_any_json_is_walked_key_by_key(values: dict[str, Any], indent: int | None, ascii_only: bool) -> None:
    def keys(value: Any) -> list[str]:
        if isinstance(value, dict):
            return [found for key, inner in value.items() for found in (key, *keys(inner))]
        return [found for inner in value for found in keys(inner)] if isinstance(value, list) else []

    text = json.dumps(values, indent=indent, ensure_ascii=ascii_only)
    walked = [entry for entry in _entries(text) if entry.number is None]
    assert len(walked) == len(keys(values))
    assert all(entry.path[-1] == key for entry, key in zip(walked, keys(values), strict=True))
    for entry in walked:
        assert 1 <= entry.line <= text.count("\n") + 1


def test_the_context_of_the_cli_lies_on_top_and_the_overflow_above_it(
    cdk_json: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cdk_json.write_text('{"context": {"deployments": {}, "a": 1, "b": 1, "c": 1}}', encoding="utf-8")
    overflow = tmp_path / "context-overflow.json"
    overflow.write_text('{"c": 3}', encoding="utf-8")
    monkeypatch.setenv("CDK_CONTEXT_JSON", '{"b": 2, "c": 2}')
    monkeypatch.setenv("CONTEXT_OVERFLOW_LOCATION_ENV", str(overflow))
    assert read_context(cdk_json) == {"deployments": {}, "a": 1, "b": 2, "c": 3}
    overflow.write_text("{", encoding="utf-8")
    assert fault(cdk_json).startswith("context-overflow.json, line 1: this is not JSON")
    monkeypatch.setenv("CDK_CONTEXT_JSON", "{")
    assert fault(cdk_json).startswith("CDK_CONTEXT_JSON, line 1: this is not JSON")


def test_the_context_read_here_is_the_one_that_the_cdk_reads(
    cdk_json: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`App` of aws-cdk-lib is the judge of which environment variables count, and in which order."""
    overflow = tmp_path / "context-overflow.json"
    overflow.write_text('{"webs": "4", "name": "wa-y"}', encoding="utf-8")
    monkeypatch.setenv("CDK_CONTEXT_JSON", '{"name": "wa-x", "deployment": "staging"}')
    monkeypatch.setenv("CONTEXT_OVERFLOW_LOCATION_ENV", str(overflow))
    ours = read_context(ROOT / "cdk.json")
    code = (
        "import json, sys; from aws_cdk import App; app = App(context=json.loads(sys.argv[1]));"
        "print(json.dumps({key: app.node.try_get_context(key) for key in ('name', 'webs', 'deployment')}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, json.dumps(CDK_CONTEXT)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == {key: ours[key] for key in ("name", "webs", "deployment")}
    assert Settings.from_context(ours)[0].name == "wa-y"


def run_app(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "app.py"],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def app(cdk_json: Path, tmp_path: Path) -> Path:
    shutil.copy(ROOT / "app.py", tmp_path)
    return tmp_path


@pytest.mark.parametrize("kind", ["empty", "a deployment twice", "latin-1", "too deep, as objects"])
def test_the_app_ends_without_a_traceback(kind: str, app: Path) -> None:
    (app / "cdk.json").write_bytes(MALFORMED[kind][0])
    done = run_app(app, PYTHONPATH=os.pathsep.join([str(ROOT), str(ROOT / "constructs")]))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert done.stderr.startswith(f"cdk.json, {MALFORMED[kind][1]}")


HEAVY = ("aws_cdk", "jsii", "numpy", "pandas", "constructs")


@pytest.mark.parametrize("context", ['{"active_coreapps": "3"}', '{"tls:": "false"}', "{"])
def test_a_bad_setting_is_refused_before_the_cdk_is_loaded(context: str) -> None:
    code = (
        "import runpy, sys\n"
        "try:\n    runpy.run_path('app.py', run_name='__main__')\n"
        f"except SystemExit as end:\n    print(bool(end.code), [name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "CDK_CONTEXT_JSON": context},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "True []"
