"""What differs between database engines stands in one table, and nowhere else."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import sizing
from sizing.engines import ENGINES
from sizing.facts import catalogue

SIZING = Path(sizing.__file__).parent
ELSEWHERE = sorted(path for path in SIZING.rglob("*.py") if path.name != "engines.py")


def named_engines(source: str) -> Iterator[tuple[int, str]]:
    """Yield line and text of every string that is an engine's name, but for defaults of parameters."""
    tree = ast.parse(source)
    defaults = {
        id(default)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for default in [*node.args.defaults, *node.args.kw_defaults]
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and node.value in tuple(ENGINES) and id(node) not in defaults:
            yield node.lineno, str(node.value)


@pytest.mark.parametrize("path", ELSEWHERE, ids=lambda path: str(path.relative_to(SIZING)))
def test_no_other_file_asks_which_engine_it_has(path):
    assert list(named_engines(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("if engine == 'aurora-mysql':\n    pass", [(1, "aurora-mysql")]),
        ("LIMITS = {\n    'mysql': 1,\n}", [(2, "mysql")]),
        ("match engine:\n    case 'postgres':\n        pass", [(2, "postgres")]),
        ("price = f'{\"mysql\"}-hour'", [(1, "mysql")]),
        ("def plan(engine='mysql', *, other='postgres'):\n    'mysql or postgres'", []),
    ],
)
def test_a_branch_by_engine_would_be_found(source, found):
    assert list(named_engines(source)) == found


def test_the_tables_know_the_same_engines():
    for engine in ENGINES:
        assert sorted(row[1] for row in catalogue.rows("database_regions", engine)) == list(catalogue.regions())
    assert {row[0] for row in catalogue.rows("database_regions")} == set(ENGINES)
    assert {row[0] for row in catalogue.rows("database_prices")} == set(ENGINES)
    assert {engine for db in catalogue.database_classes().values() for engine in db.engines} == set(ENGINES)


@pytest.mark.parametrize("engine", ENGINES.values(), ids=ENGINES)
def test_every_deployment_that_has_a_price_is_the_engines_own(engine):
    deployments = {row[3] for row in catalogue.rows("database_prices", engine.name)}
    assert deployments == {engine.single_price, engine.pair_price} - {None}


@pytest.mark.parametrize("engine", ENGINES.values(), ids=ENGINES)
def test_storage_of_every_engine_has_a_price(engine):
    for multi_az in (False, True):
        assert catalogue.other_price(engine.storage_price(multi_az=multi_az), "us-east-1") is not None
