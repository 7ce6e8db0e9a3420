"""The Lambda stack: supported runtimes, a role and a log group each, and no right that is not needed."""

import json
import re
from typing import Any

import pytest

from functions import contract
from multiconnect.function import NETWORK_INTERFACE_ACTIONS
from multiconnect.shards import TOTAL_TIMEOUT_MINUTES
from tests.assembly import ROOT, Assembly
from tests.conftest import Synth


@pytest.fixture(scope="module", params=[{}, {"manage_shards": "true"}], ids=["plain", "shards"])
def made(request: pytest.FixtureRequest, synth: Synth) -> Assembly:
    return synth(**request.param)


def ours(made: Assembly) -> dict[str, Any]:
    """Return the functions whose code is in `functions/`; the CDK's own provider brings others."""
    found = made.functions.of("AWS::Lambda::Function")
    functions = {
        name: item["Properties"]
        for name, item in found.items()
        if str(item["Properties"]["Handler"]).startswith("functions.")
    }
    assert functions, "a test of every function would pass without any"
    return functions


def policies_of(made: Assembly, role: str) -> list[dict[str, Any]]:
    statements = [
        statement
        for body in made.functions.of("AWS::IAM::Policy").values()
        if {"Ref": role} in body["Properties"]["Roles"]
        for statement in body["Properties"]["PolicyDocument"]["Statement"]
    ]
    assert statements, f"{role} may do nothing"
    return statements


def test_the_handlers_are_those_of_the_contract_and_no_other(made: Assembly) -> None:
    expected = {contract.ENI_TRUNKING_HANDLER, contract.DATABASE_USER_HANDLER}
    if made.settings.manage_shards:
        expected |= {value for name, value in vars(contract).items() if re.fullmatch("SHARDS_.*_HANDLER", name)}
        assert len(expected) == 5
    assert {properties["Handler"] for properties in ours(made).values()} == expected


def test_custom_resources_are_told_by_the_names_of_the_contract_and_no_other(synth: Synth) -> None:
    enterprise = synth(manage_shards="true", shards_ca_parameter="/client/ca").enterprise
    names = {value for value in vars(contract).values() if isinstance(value, str)}
    for name, body in enterprise.of("AWS::CloudFormation::CustomResource").items():
        told = set(body["Properties"]) - {"ServiceToken", "ServiceTimeout"}
        assert told, name
        assert told <= names, name
    outputs = {
        contract.ENDPOINT_OUTPUT,
        contract.SHARD_COUNT_OUTPUT,
        contract.CLUSTER_NAME_OUTPUT,
        contract.COREAPP_SERVICE_OUTPUT,
    }
    assert outputs <= set(enterprise.body["Outputs"])


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
    *NETWORK_INTERFACE_ACTIONS,
}
"""Account settings have no ARN; Lambda makes the network interface of a function in a VPC."""


def test_every_right_names_its_resource_but_those_that_take_none(made: Assembly) -> None:
    for properties in ours(made).values():
        for statement in policies_of(made, properties["Role"]["Fn::GetAtt"][0]):
            actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
            assert not any("*" in action for action in actions)
            if statement["Resource"] == "*":
                assert set(actions) <= WITHOUT_RESOURCE


def test_lambda_attaches_a_function_to_its_vpc_and_its_own_code_cannot(made: Assembly) -> None:
    """The six actions are those of AWSLambdaVPCAccessExecutionRole in version 3 (T-38)."""
    every = {
        "ec2:AssignPrivateIpAddresses",
        "ec2:CreateNetworkInterface",
        "ec2:DeleteNetworkInterface",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSubnets",
        "ec2:UnassignPrivateIpAddresses",
    }
    for properties in ours(made).values():
        statements = [
            statement
            for statement in policies_of(made, properties["Role"]["Fn::GetAtt"][0])
            if any(action.startswith("ec2:") for action in statement["Action"])
        ]
        found = {statement["Effect"]: statement for statement in statements}
        if "VpcConfig" not in properties:
            assert not found
            continue
        assert set(found["Allow"]["Action"]) == set(found["Deny"]["Action"]) == every
        assert "Condition" not in found["Allow"]
        # The key is there when the function's own code calls, and missing when Lambda calls for it.
        assert found["Deny"]["Condition"] == {"Null": {"lambda:SourceFunctionArn": "false"}}


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
    (name,) = ours(synth("local"))
    assert name.startswith("EniTrunking")


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
        path = folder.joinpath(*module.split(".")).with_suffix(".py")
        assert path.read_bytes() == (ROOT / path.relative_to(folder)).read_bytes()


def test_cloudformation_waits_longer_than_a_function_lives(made: Assembly) -> None:
    longest = max(properties["Timeout"] for properties in ours(made).values())
    found = made.enterprise.of("AWS::CloudFormation::CustomResource")
    managed = {"ShardsBefore", "ShardsAfter"} if made.settings.manage_shards else set()
    assert set(found) == {"EniTrunking", "DatabaseUser"} | managed
    for name, body in found.items():
        waits = body["Properties"].get("ServiceTimeout", 3600)
        assert longest < waits <= 3600, name


def test_the_waiter_ends_after_the_functions_gave_back_and_before_cloudformation_gives_up(synth: Synth) -> None:
    template = synth(manage_shards="true").functions
    machine = template.one("AWS::StepFunctions::StateMachine", "waiter")
    parts = machine["DefinitionString"]["Fn::Join"][1]
    states = json.loads("".join(part if isinstance(part, str) else "token" for part in parts))["States"]
    (retry,) = states["framework-isComplete-task"]["Retry"]
    minutes = retry["IntervalSeconds"] * retry["MaxAttempts"] / 60
    assert minutes == TOTAL_TIMEOUT_MINUTES
    assert 30 < minutes < 60, "the functions take 20 minutes to reach a number and 10 to give it back"


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
