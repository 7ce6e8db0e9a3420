"""Every citation in code, tests and documents leads to something that is written down.

`M-n` and `facts n.n` lead to docs/sources.md, `D-n` to docs/decisions.md, `T-n` to docs/aws.md, and a tag such as TPL
to the table of tags in docs/sources.md. A range, such as the one from D-1 to D-3, cites all that lies in it.
"""

import os
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

import sizing

ROOT = Path(__file__).parents[1]
SOURCES = ROOT / "docs" / "sources.md"
DEFINED_IN = {"M": "sources.md", "facts": "sources.md", "tag": "sources.md", "D": "decisions.md", "T": "aws.md"}
READ = {".py", ".md", ".ipynb", ".csv", ".json", ".toml", ".yaml", ".yml", ".html", ".sh", ""}
PRUNED = {"node_modules", "__pycache__", "vendor", "build", "cdk.out"}
KEPT_THOUGH_HIDDEN = {".ci", ".github"}

# A citation may be broken over two lines; in a comment the second one starts with a `#`.
SPACE = re.compile(r"\s*\n\s*(?:#\s*)?|\s+")
UNTIL = r"(?: ?(?:to|\.\.|-|until) ?)"
LETTERED = re.compile(rf"(?<![\w-])(?P<letter>[MDT])-(?P<first>\d+[a-z]?)\b(?:{UNTIL}(?P=letter)-(?P<last>\d+)\b)?")
SECTION = r"\d+\.\d+"
FACTS = re.compile(rf"\bfacts? (?P<all>{SECTION}(?:(?:, (?:and )?| and |/|{UNTIL}){SECTION})*)")
FACTS_RANGE = re.compile(rf"(?P<first>{SECTION})(?:{UNTIL}(?P<last>{SECTION}))?")
# A tag is followed by a commit or a file of its repository, or stands alone as a word that no code uses otherwise.
TAG = re.compile(r"\b(?P<tag>[A-Z]{2,}(?= [0-9a-f]{7}\b| src/| README\b| installation/)|TPL|WADebug)\b")


def sections(first: str, last: str) -> Iterator[str]:
    """Yield the sections from `first` to `last`, which lie in one chapter."""
    (chapter, start), (other, end) = first.split("."), last.split(".")
    assert chapter == other, f"facts {first} to {last} runs over two chapters: name them one by one"
    for number in range(int(start), int(end) + 1):
        yield f"{chapter}.{number}"


def citations(text: str) -> set[tuple[str, str]]:
    """Return all that a text cites, as kind and number: ("M", "20a"), ("facts", "1.5"), ("tag", "TPL")."""
    text = SPACE.sub(" ", text)
    found: set[tuple[str, str]] = set()
    for match in LETTERED.finditer(text):
        letter, first, last = match["letter"], match["first"], match["last"]
        found.add((letter, first))
        if last:
            found |= {(letter, str(number)) for number in range(int(first.rstrip("abc")), int(last) + 1)}
    for facts in FACTS.finditer(text):
        for match in FACTS_RANGE.finditer(facts["all"]):
            found |= {("facts", number) for number in sections(match["first"], match["last"] or match["first"])}
    return found | {("tag", match["tag"]) for match in TAG.finditer(text)}


def definitions(folder: Path = ROOT / "docs") -> set[tuple[str, str]]:
    """Return all that may be cited, in the shape of `citations`."""
    texts = {
        name: (folder / name).read_text(encoding="utf-8") if (folder / name).exists() else ""
        for name in DEFINED_IN.values()
    }
    found = {
        (letter, number)
        for letter in ("M", "D", "T")
        for number in re.findall(rf"^(?:- |\| )\*\*{letter}-(\d+[a-z]?)\*\*", texts[DEFINED_IN[letter]], re.MULTILINE)
    }
    found |= {
        ("facts", number) for number in re.findall(rf"^### facts ({SECTION}) ", texts["sources.md"], re.MULTILINE)
    }
    tags = texts["sources.md"].partition("\n## Tags\n")[2].partition("\n## ")[0]
    return found | {("tag", tag) for tag in re.findall(r"^\| (\w+) \| \[", tags, re.MULTILINE)}


def documents(root: Path = ROOT) -> Iterator[Path]:
    """Yield every file of the project that a person writes and that may cite."""
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(
            name for name in folders if name not in PRUNED and (name[0] != "." or name in KEPT_THOUGH_HIDDEN)
        )
        for name in sorted(files):
            path = Path(folder, name)
            # This file cites what does not exist, to test the check itself.
            if path.suffix in READ and name != "package-lock.json" and path != Path(__file__):
                yield path


def cited_where() -> dict[tuple[str, str], list[str]]:
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for path in documents():
        for citation in citations(path.read_text(encoding="utf-8")):
            found[citation].append(str(path.relative_to(ROOT)))
    return found


def test_every_citation_leads_to_something_that_is_written_down() -> None:
    found = cited_where()
    assert {"sizing", "constructs", "stacks", "functions", "standin", "tests", "docs"} <= {
        place.partition("/")[0] for places in found.values() for place in places
    }
    assert {kind for kind, _ in found} >= {"M", "D", "facts", "tag"}
    dead = {citation: places for citation, places in found.items() if citation not in definitions()}
    assert dead == {}, f"write them down in {sorted({DEFINED_IN[kind] for kind, _ in dead})} below docs/"


def test_no_statement_of_the_page_is_missing() -> None:
    numbers = {number for kind, number in definitions() if kind == "M"}
    assert numbers == {str(number) for number in range(1, 25)} | {"20a"}


def test_decisions_are_numbered_without_a_gap() -> None:
    numbers = sorted(int(number) for kind, number in definitions() if kind == "D")
    assert numbers == list(range(1, len(numbers) + 1))


def test_no_statement_is_written_down_twice() -> None:
    text = SOURCES.read_text(encoding="utf-8")
    names = re.findall(rf"^- \*\*(M-\d+[a-z]?)\*\*|^### (facts {SECTION}) ", text, re.MULTILINE)
    assert len(names) == len(set(names)) > 25


def test_every_fact_and_every_tag_has_an_address() -> None:
    text = SOURCES.read_text(encoding="utf-8")
    addresses = dict(re.findall(r"^\[([\w-]+)\]: (https://\S+)$", text, re.MULTILINE))
    used = re.findall(r"\]\[([\w-]+)\]", text)
    assert set(used) == set(addresses)
    assert len(set(addresses.values())) == len(addresses)
    facts = re.split(r"^### facts ", text, flags=re.MULTILINE)[1:]
    assert facts
    assert [fact.splitlines()[0] for fact in facts if not re.search(r"\]\[[\w-]+\]", fact.partition("\n## ")[0])] == []
    tags = text.partition("\n## Tags\n")[2].partition("\n## ")[0]
    assert len(re.findall(r"^\| \w+ \| \[[^]]+\]\(https://github\.com/", tags, re.MULTILINE)) == 3


@pytest.mark.parametrize(
    ("text", "cited"),
    [
        ("M-5, M-20a", {("M", "5"), ("M", "20a")}),
        ("M-15 to M-17", {("M", "15"), ("M", "16"), ("M", "17")}),
        ("M-8..M-10", {("M", "8"), ("M", "9"), ("M", "10")}),
        ("M-15/M-17", {("M", "15"), ("M", "17")}),
        ("(D-3, M-19)", {("D", "3"), ("M", "19")}),
        ("what AWS refuses (T-4)", {("T", "4")}),
        ("facts 1.5 to 1.8, D-4", {("facts", f"1.{n}") for n in (5, 6, 7, 8)} | {("D", "4")}),
        ("facts 1.4, 2.1-2.3", {("facts", n) for n in ("1.4", "2.1", "2.2", "2.3")}),
        ("facts 1.2 and 1.4", {("facts", "1.2"), ("facts", "1.4")}),
        ("# a long line (facts\n    # 1.2,\n    # 1.3)", {("facts", "1.2"), ("facts", "1.3")}),
        ("(M-15 to\n    M-16)", {("M", "15"), ("M", "16")}),
        ("TPL src/aws/wa_ent.yml, WADebug", {("tag", "TPL"), ("tag", "WADebug")}),
        ("SET e960dc0", {("tag", "SET")}),
        ("UPDATE mysql.db SET a = 1; AM-4, M-x, the facts, 1.5 times", set()),
    ],
)
def test_what_counts_as_a_citation(text: str, cited: set[tuple[str, str]]) -> None:
    assert citations(text) == cited


@pytest.mark.parametrize(
    "invented",
    [
        "M-99",
        "M-20b",
        "M-23 to M-26",
        "D-99",
        "T-999",
        "facts 9.9",
        "facts 1.7 to 1.9",
        "facts 1.5, 9.9",
        "NIX f7fc725",
    ],
)
def test_an_invented_citation_is_found(invented: str) -> None:
    assert citations(f"so it is said ({invented}).") - definitions()


def table(citation: str) -> list[list[str]]:
    """Return the rows of the table below a statement, without its head."""
    text = SOURCES.read_text(encoding="utf-8")
    below = text.partition(f"**{citation}**")[2] or text.partition(f"### {citation} ")[2]
    lines = re.search(r"(?:^ *\|.*\n)+", below, re.MULTILINE)
    assert lines
    rows = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in lines[0].splitlines()]
    return rows[2:]


def test_the_figures_of_the_page_are_those_that_sizing_computes_with() -> None:
    assert [(int(active), sizing.max_hosts(int(active))) for active, _ in table("M-17")] == [
        (int(active), int(hosts)) for active, hosts in table("M-17")
    ]
    for environment, hosts, webs, coreapps, masters in table("M-16"):
        plan = sizing.plan(environment=environment)
        assert [plan.hosts.minimum, plan.webs, plan.coreapps, plan.masters] == list(
            map(int, (hosts, webs, coreapps, masters))
        )
    for active, rate, encrypted, connections in table("M-18"):
        estimate = sizing.estimate_connections(int(active), int(rate), tls=encrypted != "off")
        assert estimate.low <= int(connections) <= estimate.high
    assert len(table("M-20")) == 20
    for name, connections in table("M-20"):
        assert sizing.max_connections(name) == int(connections)


def test_the_vendors_steps_from_rate_to_shards_are_those_that_sizing_takes() -> None:
    for rate, shards, _ in table("facts 2.6"):
        if int(rate) <= 250:
            assert sizing.plan(messages_per_second=int(rate)).active_coreapps == int(shards)
