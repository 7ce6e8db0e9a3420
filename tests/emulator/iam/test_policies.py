"""What the policies of a deployment allow: all that is needed, and nothing that nobody needs.

The judge is the one that decides on the target. Every statement, and every action of every statement, is taken away
once: then a needed call must be denied, or a forbidden one allowed. What is left over has its reason in `SPARE`.
"""

import ast
import re
from collections.abc import Callable
from functools import cache

import pytest
from botocore import xform_name  # type: ignore[import-untyped]

from emulator.iam.judge import judge
from functions import contract
from tests.assembly import ROOT
from tests.conftest import Synth
from tests.emulator.iam.account import Templates
from tests.emulator.iam.mutations import Mutation, mutations, touched
from tests.emulator.iam.needs import HANDLERS, Need, forbidden, needed

SPARE: dict[str, str] = {
    r"^Key \w+ Allow kms:\*": (
        "The account administers the key. KMS refuses a policy after which nobody could change it."
    ),
    r"^Key \w+ Allow kms:CreateGrant ": (
        "The CDK adds it for secrets under a key. The policies of the readers give them the same, as the statement "
        "above it lets them."
    ),
    r"Policy \w*RoleDefaultPolicy Allow secretsmanager:DescribeSecret .*, without secretsmanager:DescribeSecret": (
        "The CDK's right to read a secret has it: it shows names and dates, never the value."
    ),
    r"without secretsmanager:UpdateSecret(VersionStage)?$": (
        "The CDK's right to write a secret has it, on the client's own login alone."
    ),
    r"Policy Client\w+DefaultPolicy .*without ssm:(DescribeParameters|GetParameter|GetParameterHistory)$": (
        "The CDK's right to read a parameter has it, on the certificates of RDS, which are public."
    ),
    r"Policy FleetAccountSettingCaller Allow sts:AssumeRole": (
        "The trust policy of the hosts' role names the function's role, which is enough in one account. It is said "
        "here too, where whoever reviews the function sees which role it may take."
    ),
    r"Policy ShardsProviderframeworkonTimeout\w+ Allow lambda:": (
        "The CDK gives all three functions of its framework the same rights, and this one only tells that time is over."
    ),
}
"""Statements and actions that no call needs, by a pattern of the mutation, and why they are there all the same."""


@pytest.fixture(scope="module", params=["production", "local"])
def account(request: pytest.FixtureRequest, synth: Synth) -> Templates:
    more = {"manage_shards": "true"} if request.param == "production" else {}
    return Templates(assembly=synth(request.param, **more))


WITHOUT: tuple[set[str], ...] = (set(), {"RolledBackStack"}, {"RolledBackStack", "GroupName"})
"""What a call of a function may lack."""


def said(need: Need, more: str = "") -> str:
    return f"{need.call.action} by {need.principal.rpartition('/')[2]}{more}"


def allowed(account: Templates, need: Need) -> bool:
    return judge(account, need.of(account), need.call) is None


def test_all_that_is_needed_is_allowed_and_nothing_that_is_forbidden(account: Templates) -> None:
    assert mistakes(account) == []


def mistakes(account: Templates) -> list[str]:
    wrong = [said(need) for need in needed(account) if not allowed(account, need)]
    return wrong + [said(need, " (forbidden)") for need in forbidden(account) if allowed(account, need)]


def leftovers(account: Templates, tried: list[Mutation]) -> list[str]:
    needs = [need for need in needed(account) if allowed(account, need)]
    taboos = [need for need in forbidden(account) if not allowed(account, need)]
    return [mutation.label for mutation in tried if not caught(account, mutation, needs, taboos)]


def unexplained(found: list[str]) -> list[str]:
    return [each for each in found if not any(re.search(pattern, each) for pattern in SPARE)]


def caught(account: Templates, mutation: Mutation, needs: list[Need], taboos: list[Need]) -> bool:
    changed = account.with_changed(mutation.place, mutation.properties)
    if mutation.denies:
        return any(allowed(changed, need) for need in touched(account, changed, taboos))
    return any(not allowed(changed, need) for need in touched(account, changed, needs))


def test_every_statement_is_needed(account: Templates, record_property: Callable[[str, object], None]) -> None:
    tried = list(mutations(account))
    left = leftovers(account, tried)
    record_property("statements", sum(mutation.whole for mutation in tried))
    record_property("actions", sum(not mutation.whole for mutation in tried))
    record_property("left", len(left))
    assert len(tried) > 100
    assert unexplained(left) == []


def test_every_reason_is_still_needed(synth: Synth) -> None:
    """Both deployments together: one of them alone has not all statements."""
    found: list[str] = []
    for account in (Templates(assembly=synth(manage_shards="true")), Templates(assembly=synth("local"))):
        found += leftovers(account, list(mutations(account)))
    unused = [pattern for pattern in SPARE if not any(re.search(pattern, each) for each in found)]
    assert unused == [], "nothing is left that they explain: strike them"
    assert all(len(reason) > 30 and reason.endswith(".") for reason in SPARE.values())


# ---- the table of what functions ask for, against their code ----

FUNCTIONS = ROOT / "functions"


@cache
def module(name: str) -> ast.Module:
    path = ROOT / name.replace(".", "/")
    return ast.parse((path / "__init__.py" if path.is_dir() else path.with_suffix(".py")).read_text("utf-8"))


def imported(tree: ast.Module) -> dict[str, set[str]]:
    """Return the modules of `functions` that a module imports, with the names that it takes from each."""
    return {
        node.module: {alias.name for alias in node.names}
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("functions.")
        if node.module
    }


AWS = "functions.aws"


@cache
def operations() -> dict[str, str]:
    """Return the methods of boto3's clients that the functions may call, by what `functions.aws` declares."""
    protocols = [node for node in module(AWS).body if isinstance(node, ast.ClassDef)]
    names = {item.name for node in protocols for item in node.body if isinstance(item, ast.FunctionDef)}
    return {name: name for name in names | {"assume_role"}}


def called(tree: ast.AST) -> set[str]:
    return {
        node.func.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in operations()
    }


def operations_of(handler: str) -> set[str]:
    """Return the operations that the code of a handler, and all that it imports, calls."""
    found, seen, ahead = set[str](), set[str](), [handler.rpartition(".")[0]]
    while ahead:
        name = ahead.pop()
        if name in seen or name == AWS:
            continue
        seen.add(name)
        tree = module(name)
        found |= called(tree)
        imports = imported(tree)
        ahead += [each for each in imports if not each.startswith("functions.vendor")]
        helpers = [node for node in module(AWS).body if isinstance(node, ast.FunctionDef)]
        found |= {name for node in helpers if node.name in imports.get(AWS, ()) for name in called(node)}
    return found


OURS = sorted(value for name, value in vars(contract).items() if name.endswith("_HANDLER"))


@pytest.mark.parametrize("handler", OURS)
def test_the_table_has_what_the_code_of_a_function_calls(handler: str) -> None:
    given = {name: name for name in vars(contract).values() if isinstance(name, str)}
    given |= {"RoleArn": "r", "StackId": "arn:", "OwnStack": "s"}
    # What a call asks for depends on what it is given.
    ways = [{name: value for name, value in given.items() if name not in without} for without in WITHOUT]
    listed = {xform_name(request.operation) for each in ways for request in HANDLERS[handler](each)}
    assert listed == operations_of(handler)


def test_every_function_is_in_the_table(account: Templates) -> None:
    handlers = {item.properties["Handler"] for item in account.of("AWS::Lambda::Function")}
    assert handlers <= HANDLERS.keys(), "add a line to HANDLERS in tests/emulator/iam/needs.py"
