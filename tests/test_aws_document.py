"""docs/aws.md has every behaviour of AWS that we rely on: address, place in the code, test, and the target's part."""

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.test_citations import cited_where

ROOT = Path(__file__).parents[1]
DOCUMENT = ROOT / "docs" / "aws.md"
ENTRY = re.compile(r"^- \*\*T-(?P<number>\d+)\*\* (?P<body>.*(?:\n  .*)*)", re.MULTILINE)
FIELDS = ("Complies", "Test", "Target")
NOT_BUILT = "not built yet"
"""What an entry says in the place of code and test when the behaviour is known and nothing complies with it so far."""


RULES_HEAD = """\
## What the embedded target refuses

Printed by `.venv/bin/python -m emulator rules`. "Our words" says that AWS's own were not found.

"""


@dataclass(frozen=True)
class Entry:
    """One behaviour of AWS."""

    number: int
    statement: str
    fields: dict[str, str]


def entries() -> list[Entry]:
    found = []
    for match in ENTRY.finditer(DOCUMENT.read_text(encoding="utf-8")):
        statement, *lines = re.split(r"\n  - ", match["body"])
        fields = dict(line.replace("\n", " ").split(": ", 1) for line in lines)
        found.append(Entry(int(match["number"]), statement, fields))
    return found


ENTRIES = {entry.number: entry for entry in entries()}


def names_in(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


def test_the_rows_are_numbered_without_a_gap_and_once() -> None:
    assert [entry.number for entry in entries()] == list(range(1, len(ENTRIES) + 1))
    assert len(ENTRIES) >= 47


@pytest.mark.parametrize("entry", ENTRIES.values(), ids=lambda entry: f"T-{entry.number}")
class TestEveryRow:
    def test_has_an_address(self, entry: Entry) -> None:
        assert re.search(r"\]\(https://[^)]+\)", entry.statement)

    def test_says_where_it_is_complied_with_tested_and_enforced(self, entry: Entry) -> None:
        assert tuple(entry.fields) == FIELDS

    def test_names_files_and_tests_that_exist(self, entry: Entry) -> None:
        for field, text in entry.fields.items():
            if text.startswith(NOT_BUILT):
                continue
            names = names_in(text)
            paths = [name.partition("::") for name in names if "/" in name]
            assert paths or field == "Target", f"{field} names no file"
            for path, _, test in paths:
                assert (ROOT / path).exists(), path
                if test:
                    assert re.search(rf"^\s*(?:def|class) {test}\b", (ROOT / path).read_text(encoding="utf-8"), re.M), (
                        test
                    )

    def test_says_of_the_target_whether_it_enforces_it(self, entry: Entry) -> None:
        assert re.match(r"(enforced|shown|not enforced|nothing to enforce)\b", entry.fields["Target"])


def test_every_behaviour_that_is_cited_has_a_row() -> None:
    cited = {int(number) for kind, number in cited_where() if kind == "T"}
    assert cited <= set(ENTRIES)


def test_every_rule_of_the_target_is_listed_as_it_is(request: pytest.FixtureRequest) -> None:
    from emulator.rules import table  # here: MiniStack takes a second that the other tests need not wait for

    above, head, _ = DOCUMENT.read_text(encoding="utf-8").partition(RULES_HEAD)
    listed = "\n".join(table.lines()) + "\n"
    if request.config.getoption("--renew-snapshots"):
        DOCUMENT.write_text(above + RULES_HEAD + listed, encoding="utf-8")
    page = DOCUMENT.read_text(encoding="utf-8")
    assert head
    assert page.partition(RULES_HEAD)[2] == listed, "renew it: pytest tests/test_aws_document.py --renew-snapshots"


def test_every_row_is_cited_by_the_code_that_complies_with_it() -> None:
    places = cited_where()
    lonely = [
        entry.number
        for entry in ENTRIES.values()
        if not entry.fields["Complies"].startswith(NOT_BUILT)
        and not [place for place in places.get(("T", str(entry.number)), []) if place != "docs/aws.md"]
    ]
    assert lonely == []
