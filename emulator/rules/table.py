"""The rules as a table, for a terminal and for the documentation."""

from __future__ import annotations

from itertools import groupby

from .book import RULES, Rule


def lines() -> list[str]:
    """Return all rules as a table in Markdown, by service: what is refused, at which step, where AWS says so."""
    found = ["| service | refused | at | source | reason in |", "|---|---|---|---|---|"]
    for (_, name), group in groupby(sorted(RULES, key=_place), key=lambda rule: (rule.service, rule.name)):
        rules = list(group)
        first = rules[0]
        words = "our words" if first.own_words else "AWS's words"
        found.append(f"| {first.service} | {first.refuses} (`{name}`) | {first.moment} | {_source(first)} | {words} |")
    return found


def _place(rule: Rule) -> tuple[str, str, str]:
    return rule.service, rule.name, rule.subject


def _source(rule: Rule) -> str:
    return rule.source if rule.source.startswith("T-") else f"<{rule.source}>"
