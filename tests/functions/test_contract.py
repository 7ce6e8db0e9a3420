"""The names that the templates use are those of the code."""

import ast
from importlib import import_module
from pathlib import Path

import pytest

import sizing
import standin.nodes
from functions import contract

HANDLERS = {name: value for name, value in vars(contract).items() if name.endswith("_HANDLER")}


def test_there_are_the_handlers_of_each_function() -> None:
    folders = {path.parent.name for path in (Path(contract.__file__).parent).glob("*/handler.py")}
    assert {"eni_trunking", "database_user", "shards", "first_webapp", "protection", "hosts"} <= folders
    assert {handler.split(".")[1] for handler in HANDLERS.values()} == folders


@pytest.mark.parametrize("name", HANDLERS)
def test_each_handler_is_a_function_that_takes_an_event(name: str) -> None:
    module, _, function = HANDLERS[name].rpartition(".")
    assert callable(getattr(import_module(module), function))


def test_the_templates_load_nothing_with_the_contract() -> None:
    tree = ast.parse(Path(contract.__file__).read_text(encoding="utf-8"))
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    assert [ast.unparse(node) for node in imports] == ["from typing import Final"]


def test_functions_sizing_and_the_stand_in_know_the_same_numbers_of_shards() -> None:
    # None of the three may import another, so each has its own list.
    assert contract.SHARD_COUNTS == sizing.SHARD_COUNTS == standin.nodes.SHARD_COUNTS
