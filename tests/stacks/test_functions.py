"""The Lambda stack: supported runtimes, a role and a log group each, and no right that is not needed."""

from typing import Any

import pytest

from tests.assembly import ROOT, Assembly
from tests.conftest import Synth


@pytest.fixture(scope="module", params=[{}, {"manage_shards": "true"}], ids=["plain", "shards"])
def made(request: pytest.FixtureRequest, synth: Synth) -> Assembly:
    return synth(**request.param)


def ours(made: Assembly) -> dict[str, Any]:
    """Return the functions whose code is in `functions/`; the CDK's own provider brings others."""
    found = made.functions.of("AWS::Lambda::Function")
    return {
        name: item["Properties"]
        for name, item in found.items()
        if str(item["Properties"]["Handler"]).startswith("functions.")
    }


def policies_of(made: Assembly, role: str) -> list[dict[str, Any]]:
    return [
        statement
        for body in made.functions.of("AWS::IAM::Policy").values()
        if {"Ref": role} in body["Properties"]["Roles"]
        for statement in body["Properties"]["PolicyDocument"]["Statement"]
    ]


def test_python_is_in_support_on_the_cheaper_processor(made: Assembly) -> None:
    for properties in ours(made).values():
        assert properties["Runtime"] in ("python3.13", "python3.14")
        assert properties["Architectures"] == ["arm64"]


def test_each_function_has_a_role_and_an_encrypted_log_group_of_its_own(made: Assembly) -> None:
    functions = ours(made)
    assert len({properties["Role"]["Fn::GetAtt"][0] for properties in functions.values()}) == len(functions)
    groups = [properties["LoggingConfig"]["LogGroup"]["Ref"] for properties in functions.values()]
    assert len(set(groups)) == len(functions)
    for group in groups:
        properties = made.functions.resources[group]["Properties"]
        assert properties["RetentionInDays"] == 365
        assert "LogKey" in str(made.follow(properties["KmsKeyId"]))


def test_each_function_may_write_its_own_log_and_waits_for_its_rights(made: Assembly) -> None:
    for name, properties in ours(made).items():
        role, group = properties["Role"]["Fn::GetAtt"][0], properties["LoggingConfig"]["LogGroup"]["Ref"]
        writes = [item for item in policies_of(made, role) if "logs:PutLogEvents" in item["Action"]]
        assert [item["Resource"] for item in writes] == [{"Fn::GetAtt": [group, "Arn"]}]
        assert "ManagedPolicyArns" not in made.functions.resources[role]["Properties"]
        (policy,) = made.functions.resources[name]["DependsOn"]
        assert made.functions.resources[policy]["Type"] == "AWS::IAM::Policy"


WITHOUT_RESOURCE = {
    "ecs:PutAccountSetting",
    "ecs:DeleteAccountSetting",
    "ec2:CreateNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DeleteNetworkInterface",
}
"""Account settings have no ARN; a function in a VPC makes its own network interface."""


def test_every_right_names_its_resource_but_those_that_take_none(made: Assembly) -> None:
    for properties in ours(made).values():
        for statement in policies_of(made, properties["Role"]["Fn::GetAtt"][0]):
            actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
            assert not any("*" in action for action in actions)
            if statement["Resource"] == "*":
                assert set(actions) <= WITHOUT_RESOURCE


def test_the_function_that_makes_the_user_sits_in_the_private_subnets_and_reaches_the_database(
    production: Assembly,
) -> None:
    properties = production.functions.one("AWS::Lambda::Function", "DatabaseUser")
    assert [item["Fn::ImportValue"] for item in properties["VpcConfig"]["SubnetIds"]] == [
        f"wa-production:Private{number}" for number in (1, 2, 3)
    ]
    (way,) = production.functions.of("AWS::EC2::SecurityGroupEgress").values()
    assert way["Properties"]["FromPort"] == way["Properties"]["ToPort"] == 3306


def test_it_reads_the_masters_login_and_writes_the_clients_alone(production: Assembly) -> None:
    statements = policies_of(
        production, production.functions.one("AWS::Lambda::Function", "DatabaseUser")["Role"]["Fn::GetAtt"][0]
    )
    writes = [item["Resource"] for item in statements if "secretsmanager:PutSecretValue" in item["Action"]]
    assert len(writes) == 1
    assert "ClientLogin" in str(writes)
    assert "Master" not in str(writes)


def test_the_local_deployment_has_no_such_function(synth: Synth) -> None:
    assert list(ours(synth("local"))) == [name for name in ours(synth("local")) if "EniTrunking" in name]


def test_every_handler_exists_in_the_code_that_is_shipped(made: Assembly) -> None:
    from importlib import import_module

    (asset,) = {str(properties["Code"]["S3Key"]) for properties in ours(made).values()}
    folder = made.folder / f"asset.{asset.removesuffix('.zip')}"
    shipped = {path.relative_to(folder).parts[0] for path in folder.rglob("*") if path.is_file()}
    assert shipped == {"functions"}, "nothing but this folder is sent"
    assert not list(folder.rglob("__pycache__"))
    for properties in ours(made).values():
        module, _, handler = properties["Handler"].rpartition(".")
        assert callable(getattr(import_module(module), handler))
        path = folder.joinpath(*module.split("."))
        assert path.with_suffix(".py").exists() or (path / "__init__.py").exists()
        assert path.relative_to(folder) == (ROOT / path.relative_to(folder)).relative_to(ROOT)


def test_cloudformation_waits_longer_than_a_function_lives(made: Assembly) -> None:
    longest = max(properties["Timeout"] for properties in ours(made).values())
    for name, body in made.enterprise.of("AWS::CloudFormation::CustomResource").items():
        waits = body["Properties"].get("ServiceTimeout", 3600)
        assert longest < waits <= 3600, name


def test_shards_are_set_before_the_service_shrinks_and_after_it_grew(synth: Synth) -> None:
    enterprise = synth(manage_shards="true").enterprise
    (service,) = enterprise.of("AWS::ECS::Service", "ClientCoreapp")
    resources = enterprise.of("AWS::CloudFormation::CustomResource", "Shards")
    placed = {item["Properties"]["Place"]: name for name, item in resources.items()}
    assert set(placed) == {"before", "after"}
    (hosts,) = enterprise.of("AWS::AutoScaling::AutoScalingGroup")
    assert placed["before"] in enterprise.waits_for(service) & enterprise.waits_for(hosts)
    assert service in enterprise.waits_for(placed["after"])
    assert {item["Properties"]["Shards"] for item in resources.values()} == {"2"}
