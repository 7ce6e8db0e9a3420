"""The book of rules is whole: each rule has a source and a case, and no name is given twice."""

import re

import pytest

from emulator import rules
from emulator.rules import table
from emulator.rules.book import RULES
from tests.emulator.rules import infrastructure, services, test_calls

CASES = infrastructure.CASES | services.CASES
# Rules whose cases are more than one template: test_calls.py has a test of each.
CALLS = {
    "circular_dependency",
    "export_deleted",
    "export_taken",
    "export_updated",
    "setting_of_another_principal",
    "unknown_principal_of_setting",
    "stack_exports",
    "unknown_setting",
    "unresolved_reference",
}


def test_each_rule_has_a_case_and_each_case_its_rule() -> None:
    tried = {case.rule for case in CASES.values() if case.rule} | set(test_calls.HELD) | set(test_calls.IN_USE) | CALLS
    assert {rule.name for rule in RULES} == tried


def test_there_are_as_many_as_we_say() -> None:
    counts = len({rule.name for rule in RULES}), len(CASES), len(test_calls.TEMPLATES)
    print(f"{counts[0]} rules; {counts[1]} faulty templates refused at a step, {counts[2]} at once")
    assert counts[0] >= 100
    assert sum(counts[1:]) >= 60


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.name} {rule.subject}")
def test_each_rule_says_what_it_refuses_and_where_aws_says_so(rule: rules.book.Rule) -> None:
    assert re.fullmatch(r"T-\d+|https://docs\.aws\.amazon\.com/\S+", rule.source)
    assert re.fullmatch(r"[A-Z].{15,140}\.", rule.refuses)
    assert re.fullmatch(r"[A-Z][A-Za-z]+", rule.code)


def test_no_two_rules_have_one_name() -> None:
    told = {(rule.name, rule.refuses) for rule in RULES}
    assert len(told) == len({name for name, _ in told})


def test_the_table_has_a_row_for_each_rule() -> None:
    rows = table.lines()[2:]
    assert len(rows) >= len({rule.name for rule in RULES})
    assert all(row.count("|") == 6 for row in rows)
