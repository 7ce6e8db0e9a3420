"""What AWS refuses beyond single steps: calls of the API, deletes, exports, stacks that are protected or too large."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from emulator import report, target
from tests.emulator.rules.cases import ACCOUNT, NOBODY, balancer, files, trust_of
from tests.emulator.templates import Resource, att, database, network, ref, resource

Deploy = Callable[..., dict[str, Any]]


@pytest.fixture
def stacks(running: target.Target, settle: Callable[..., dict[str, Any]]) -> Iterator[Deploy]:
    """Create or update stacks by name; all are deleted at the end, the last first."""
    client = running.client("cloudformation")
    made: list[str] = []

    def deploy(
        name: str, resources: dict[str, Any], outputs: dict[str, Any] | None = None, **more: Any
    ) -> dict[str, Any]:
        body: dict[str, Any] = {
            "StackName": name,
            "TemplateBody": json.dumps({"Resources": resources, "Outputs": outputs or {}}),
        }
        body["Capabilities"] = ["CAPABILITY_NAMED_IAM"]
        (client.update_stack if name in made else client.create_stack)(**body, **more)
        made.append(name)
        return settle(running, name)

    yield deploy
    left = {stack.name for stack in report.stacks(running)}
    for name in dict.fromkeys(reversed(made)):
        if name in left:
            client.update_termination_protection(StackName=name, EnableTerminationProtection=False)
            stack_id = client.describe_stacks(StackName=name)["Stacks"][0]["StackId"]
            client.delete_stack(StackName=name)
            settle(running, stack_id)


@pytest.fixture
def delete(running: target.Target, settle: Callable[..., dict[str, Any]]) -> Callable[[str], str]:
    """Delete a stack and return its status, `DELETE_COMPLETE` when it is gone."""

    def delete(name: str) -> str:
        client = running.client("cloudformation")
        stack_id = client.describe_stacks(StackName=name)["Stacks"][0]["StackId"]
        client.delete_stack(StackName=name)
        return settle(running, stack_id)["StackStatus"]

    return delete


# ---- account settings (T-1) ----


def signed_by(running: target.Target, arn: str) -> Any:
    """Return a client of ECS with the credentials of a role."""
    session = running.client("sts").assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
    return boto3.client(
        "ecs",
        endpoint_url=running.endpoint,
        region_name="us-east-1",
        aws_access_key_id=session["AccessKeyId"],
        aws_secret_access_key=session["SecretAccessKey"],
        aws_session_token=session["SessionToken"],
        config=Config(proxies={}, retries={"total_max_attempts": 1}),
    )


@pytest.fixture
def roles(stacks: Deploy) -> dict[str, str]:
    anybody = trust_of(Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:root"})
    actions = ["ecs:PutAccountSetting", "ecs:DeleteAccountSetting"]
    policy = {"Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]}
    rights = [{"PolicyName": "settings", "PolicyDocument": policy}]
    resources = {
        name: resource("IAM::Role", AssumeRolePolicyDocument=anybody, Policies=rights) for name in ("Hosts", "Function")
    }
    outputs = {name: {"Value": att(name, "Arn")} for name in resources}
    return stacks("roles", resources, outputs)["Outputs"]


@pytest.mark.parametrize("call", ["put_account_setting", "delete_account_setting"])
def test_a_setting_of_another_principal_is_for_root_alone(
    running: target.Target, roles: dict[str, str], call: str
) -> None:
    words = {"name": "awsvpcTrunking"} | ({"value": "enabled"} if call.startswith("put") else {})
    hosts = {"principalArn": roles["Hosts"]}
    with pytest.raises(ClientError, match=r"AccessDeniedException.*assumed-role/.*Function.* is not authorized"):
        getattr(signed_by(running, roles["Function"]), call)(**words, **hosts)
    # The hosts' role may say so itself, by its name and without.
    getattr(signed_by(running, roles["Hosts"]), call)(**words, **hosts)
    getattr(signed_by(running, roles["Hosts"]), call)(**words)
    getattr(running.client("ecs"), call)(**words, **hosts)


def test_a_setting_is_kept_for_the_caller_when_no_principal_is_named(
    running: target.Target, roles: dict[str, str]
) -> None:
    ecs = signed_by(running, roles["Hosts"])
    ecs.put_account_setting(name="awsvpcTrunking", value="enabled")
    (setting,) = running.client("ecs").list_account_settings(principalArn=roles["Hosts"])["settings"]
    assert (setting["value"], setting["principalArn"]) == ("enabled", roles["Hosts"])
    assert ecs.delete_account_setting(name="awsvpcTrunking")["setting"]["value"] == "enabled"
    assert running.client("ecs").list_account_settings(principalArn=roles["Hosts"])["settings"] == []


@pytest.mark.parametrize(
    ("words", "refusal"),
    [
        ({"name": "awsvpcTrunk"}, "InvalidParameterException.*Invalid account setting name: awsvpcTrunk"),
        ({"principalArn": NOBODY}, f"InvalidParameterException.*{NOBODY}"),
        ({"principalArn": "arn:aws:iam::210987654321:role/hosts"}, "InvalidParameterException.*210987654321"),
    ],
)
def test_settings_of_nobody_and_of_other_accounts_are_refused(
    running: target.Target, words: dict[str, str], refusal: str
) -> None:
    ecs = running.client("ecs")
    for call, value in ((ecs.put_account_setting, {"value": "enabled"}), (ecs.delete_account_setting, {})):
        with pytest.raises(ClientError, match=refusal):
            call(**{"name": "awsvpcTrunking"} | value | words)


# ---- deletes ----


def protected() -> dict[str, Resource]:
    return balancer(LoadBalancerAttributes=[{"Key": "deletion_protection.enabled", "Value": "true"}])


# Rule -> the stack, and the words of its delete that fails.
HELD = {
    "protected_balancer": (protected(), "cannot be deleted because deletion protection is enabled"),
    "protected_database": (
        database(DeletionProtection=True),
        "Cannot delete protected DB Instance, please disable deletion protection and try again.",
    ),
}


@pytest.mark.parametrize("rule", HELD)
def test_what_is_protected_keeps_its_stack(
    running: target.Target, stacks: Deploy, delete: Callable[[str], str], rule: str
) -> None:
    resources, words = HELD[rule]
    assert stacks("held", resources)["StackStatus"] == "CREATE_COMPLETE", report.failures(running, "held")
    assert delete("held") == "DELETE_FAILED"
    assert any(words in reason for reason in report.failures(running, "held"))
    release(running, "held", rule)
    assert delete("held") == "DELETE_COMPLETE"


def release(running: target.Target, stack: str, rule: str) -> None:
    """Take the protection away as an operator does."""
    held = {
        item["ResourceType"]: item["PhysicalResourceId"]
        for item in running.client("cloudformation").describe_stack_resources(StackName=stack)["StackResources"]
    }
    match rule:
        case "protected_balancer":
            running.client("elbv2").modify_load_balancer_attributes(
                LoadBalancerArn=held["AWS::ElasticLoadBalancingV2::LoadBalancer"],
                Attributes=[{"Key": "deletion_protection.enabled", "Value": "false"}],
            )
        case "protected_database":
            running.client("rds").modify_db_instance(
                DBInstanceIdentifier=held["AWS::RDS::DBInstance"], DeletionProtection=False, ApplyImmediately=True
            )


def test_a_failed_create_stops_at_what_is_protected(
    running: target.Target, stacks: Deploy, delete: Callable[[str], str]
) -> None:
    # T-3: the rollback of a create deletes, too.
    bad = {"Last": resource("Logs::LogGroup", RetentionInDays=31) | {"DependsOn": "Balancer"}}
    assert stacks("held", protected() | bad)["StackStatus"] == "ROLLBACK_FAILED"
    # A later delete meets it again.
    assert delete("held") == "DELETE_FAILED"
    release(running, "held", "protected_balancer")
    assert delete("held") == "DELETE_COMPLETE"


# Resources that one stack makes and something outside of it uses.
IN_USE = {
    "mounted_file_system": (
        {"Files": resource("EFS::FileSystem")},
        lambda ids: {
            name: item
            | ({"Properties": item["Properties"] | {"FileSystemId": ids["Files"]}} if name == "Mount" else {})
            for name, item in files().items()
            if name != "Files"
        },
        "has one or more mount targets",
    ),
    "network_in_use": (
        {"Vpc": network()["Vpc"]},
        lambda ids: {"Subnet": resource("EC2::Subnet", VpcId=ids["Vpc"], CidrBlock="10.0.0.0/24")},
        "has dependencies and cannot be deleted.",
    ),
    "subnet_in_use": (
        network(),
        lambda ids: {
            "Files": resource("EFS::FileSystem"),
            "Mount": resource(
                "EFS::MountTarget", FileSystemId=ref("Files"), SubnetId=ids["Subnet"], SecurityGroups=[ids["Group"]]
            ),
        },
        "has dependencies and cannot be deleted.",
    ),
    "security_group_in_use": (
        network(),
        lambda ids: {
            "More": resource(
                "EC2::SecurityGroup",
                VpcId=ids["Vpc"],
                GroupDescription="more",
                SecurityGroupIngress=[
                    {"IpProtocol": "tcp", "FromPort": 1, "ToPort": 1, "SourceSecurityGroupId": ids["Group"]}
                ],
            )
        },
        "has a dependent object",
    ),
    "subnet_group_in_use": (
        {name: item for name, item in database().items() if name != "Database"},
        lambda ids: {
            "Database": resource(
                "RDS::DBInstance",
                **database()["Database"]["Properties"]
                | {"DBSubnetGroupName": ids["Subnets"], "VPCSecurityGroups": [ids["Group"]]},
            )
            | {"DeletionPolicy": "Delete"}
        },
        "is still using it.",
    ),
    "target_group_in_use": (
        {name: item for name, item in balancer().items() if name != "Listener"},
        lambda ids: {
            "Listener": resource(
                "ElasticLoadBalancingV2::Listener",
                LoadBalancerArn=ids["Balancer"],
                Port=443,
                Protocol="TCP",
                DefaultActions=[{"Type": "forward", "TargetGroupArn": ids["Targets"]}],
            )
        },
        "is currently in use by a listener or a rule",
    ),
}


@pytest.mark.parametrize("rule", IN_USE)
def test_what_is_in_use_keeps_its_stack(
    running: target.Target, stacks: Deploy, delete: Callable[[str], str], rule: str
) -> None:
    resources, user, words = IN_USE[rule]
    outputs = {name: {"Value": ref(name)} for name in resources}
    if "Group" in resources:
        outputs["Group"] = {"Value": att("Group", "GroupId")}
    made = stacks("used", resources, outputs)
    assert made["StackStatus"] == "CREATE_COMPLETE", report.failures(running, "used")
    assert stacks("user", user(made["Outputs"]))["StackStatus"] == "CREATE_COMPLETE", report.failures(running, "user")
    assert delete("used") == "DELETE_FAILED"
    assert any(words in reason for reason in report.failures(running, "used")), report.failures(running, "used")
    assert delete("user") == "DELETE_COMPLETE"
    assert delete("used") == "DELETE_COMPLETE"


# ---- stacks ----


def exporting(value: Any, name: str = "shared") -> dict[str, Any]:
    return {"Shared": {"Value": value, "Export": {"Name": name}}}


TOPIC = {"Topic": resource("SNS::Topic")}
IMPORTS = {"Parameter": resource("SSM::Parameter", Type="String", Value={"Fn::ImportValue": "shared"})}


def test_an_export_in_use_neither_changes_nor_goes(running: target.Target, stacks: Deploy) -> None:
    stacks("from", TOPIC, exporting("one"))
    stacks("to", IMPORTS)
    changed = stacks("from", TOPIC, exporting("two"))
    assert changed["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert "Export shared cannot be updated as it is in use by to" in reasons(running, "from")
    assert stacks("from", TOPIC | {"More": resource("SNS::Topic")})["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert "Export shared cannot be deleted as it is in use by to" in reasons(running, "from")
    with pytest.raises(ClientError, match="Export shared cannot be deleted as it is in use by to"):
        running.client("cloudformation").delete_stack(StackName="from")

    assert stacks("to", TOPIC)["StackStatus"] == "UPDATE_COMPLETE"
    assert stacks("from", TOPIC, exporting("two"))["StackStatus"] == "UPDATE_COMPLETE"
    assert stacks("from", TOPIC | {"More": resource("SNS::Topic")})["StackStatus"] == "UPDATE_COMPLETE"
    assert running.client("cloudformation").list_exports()["Exports"] == []


def reasons(running: target.Target, stack: str) -> str:
    events = running.client("cloudformation").describe_stack_events(StackName=stack)["StackEvents"]
    return "\n".join(event.get("ResourceStatusReason", "") for event in events)


def test_an_export_has_one_owner(running: target.Target, stacks: Deploy) -> None:
    stacks("from", TOPIC, exporting("one"))
    assert stacks("second", TOPIC, exporting("one"))["StackStatus"] == "ROLLBACK_COMPLETE"
    assert "Export with name shared is already exported by stack from." in reasons(running, "second")
    assert stacks("third", TOPIC, exporting("one", "other"))["StackStatus"] == "CREATE_COMPLETE"


def test_a_protected_stack_is_not_deleted(running: target.Target, stacks: Deploy) -> None:
    stacks("kept", TOPIC, EnableTerminationProtection=True)
    with pytest.raises(ClientError, match=r"ValidationError.*cannot be deleted while TerminationProtection is enabled"):
        running.client("cloudformation").delete_stack(StackName="kept")


def test_a_stack_made_by_a_change_set_is_deleted(
    running: target.Target, settle: Callable[..., dict[str, Any]], delete: Callable[[str], str]
) -> None:
    # `cdk deploy` makes all stacks so, and MiniStack keeps fewer fields of them.
    client = running.client("cloudformation")
    names = {"StackName": "by-change-set", "ChangeSetName": "first"}
    client.create_change_set(**names, ChangeSetType="CREATE", TemplateBody=json.dumps({"Resources": TOPIC}))
    client.execute_change_set(**names)
    assert settle(running, "by-change-set")["StackStatus"] == "CREATE_COMPLETE"
    assert delete("by-change-set") == "DELETE_COMPLETE"


@pytest.mark.parametrize(
    ("policy", "status"), [("Retain", "ROLLBACK_COMPLETE"), ("RetainExceptOnCreate", "CREATE_COMPLETE")]
)
def test_a_failed_create_retains_what_it_made_unless_told_otherwise(
    running: target.Target, stacks: Deploy, policy: str, status: str
) -> None:
    # T-5: with a name of its own the next create meets what the first has left.
    kept = {"Log": resource("Logs::LogGroup", LogGroupName=f"/kept/{policy}") | {"DeletionPolicy": policy}}
    bad = {"Bad": resource("Logs::LogGroup", RetentionInDays=31) | {"DependsOn": "Log"}}
    assert stacks("first", kept | bad)["StackStatus"] == "ROLLBACK_COMPLETE"
    second = stacks("again", kept)
    assert second["StackStatus"] == status
    # When the stack goes, both of them keep it.
    if status == "CREATE_COMPLETE":
        running.client("cloudformation").delete_stack(StackName="again")
        assert stacks("after", kept)["StackStatus"] == "ROLLBACK_COMPLETE"
    assert f"/kept/{policy}" in str(running.client("logs").describe_log_groups()["logGroups"])


def test_a_secret_that_waits_for_its_deletion_keeps_its_name(running: target.Target, stacks: Deploy) -> None:
    secrets = running.client("secretsmanager")
    secrets.create_secret(Name="waiting", SecretString="x")
    secrets.delete_secret(SecretId="waiting", RecoveryWindowInDays=7)
    assert (
        stacks("again", {"Secret": resource("SecretsManager::Secret", Name="waiting")})["StackStatus"]
        == "ROLLBACK_COMPLETE"
    )
    assert "a secret with this name is already scheduled for deletion." in reasons(running, "again")
    secrets.restore_secret(SecretId="waiting")
    secrets.delete_secret(SecretId="waiting", ForceDeleteWithoutRecovery=True)
    assert (
        stacks("fine", {"Secret": resource("SecretsManager::Secret", Name="waiting")})["StackStatus"]
        == "CREATE_COMPLETE"
    )


def test_a_stack_that_failed_holds_its_imports_all_the_same(running: target.Target, stacks: Deploy) -> None:
    stacks("from", TOPIC, exporting("one"))
    resources = IMPORTS | {"Balancer": protected()["Balancer"]} | network()
    bad = {"Last": resource("Logs::LogGroup", RetentionInDays=31) | {"DependsOn": "Balancer"}}
    assert stacks("to", resources | bad)["StackStatus"] == "ROLLBACK_FAILED"
    with pytest.raises(ClientError, match="Export shared cannot be deleted as it is in use by to"):
        running.client("cloudformation").delete_stack(StackName="from")
    release(running, "to", "protected_balancer")


# ---- templates that CloudFormation refuses at once ----

PARAMETER = {"Kind": {"Type": "String", "AllowedValues": ["a", "b"], "Default": "a"}}
RULES = {
    "Kinds": {"Assertions": [{"Assert": {"Fn::Contains": [["a"], {"Ref": "Kind"}]}, "AssertDescription": "only a"}]}
}
TEMPLATES = {
    "501 resources": (
        {"Resources": {f"T{index}": TOPIC["Topic"] for index in range(501)}},
        "Number of resources, 501, is greater",
    ),
    "201 outputs": (
        {"Resources": TOPIC, "Outputs": {f"O{index}": {"Value": "x"} for index in range(201)}},
        "Number of outputs, 201, is greater than maximum allowed, 200",
    ),
    "a type that does not exist": (
        {"Resources": {"T": resource("SNS::Topics")}},
        r"Unrecognized resource types: \[AWS::SNS::Topics\]",
    ),
    "a reference to nothing": (
        {"Resources": {"T": resource("SNS::Topic", TopicName=ref("Nothing"))}},
        r"Unresolved resource dependencies \[Nothing\] in the Resources block of the template",
    ),
    "an attribute of nothing": (
        {"Resources": {"T": resource("SNS::Topic", TopicName=att("Nothing", "Arn"))}},
        "instance of Fn::GetAtt references undefined resource Nothing",
    ),
    "an output of nothing": (
        {"Resources": TOPIC, "Outputs": {"O": {"Value": ref("Nothing")}}},
        r"Unresolved resource dependencies \[Nothing\] in the Outputs block of the template",
    ),
    "a circle": (
        {"Resources": {"A": TOPIC["Topic"] | {"DependsOn": "B"}, "B": TOPIC["Topic"] | {"DependsOn": "A"}}},
        r"Circular dependency between resources: \[A, B\]",
    ),
    "a value that is not allowed": (
        {"Parameters": PARAMETER | {"Kind": PARAMETER["Kind"] | {"Default": "c"}}, "Resources": TOPIC},
        "AllowedValues",
    ),
    "a rule that does not hold": (
        {"Parameters": PARAMETER | {"Kind": PARAMETER["Kind"] | {"Default": "b"}}, "Rules": RULES, "Resources": TOPIC},
        "only a",
    ),
}


@pytest.mark.parametrize("name", TEMPLATES)
def test_what_cloudformation_refuses_at_once(running: target.Target, name: str) -> None:
    template, words = TEMPLATES[name]
    body = json.dumps(template)
    where = {"TemplateBody": body} if len(body) <= 51_200 else {"TemplateURL": put(running, body)}
    with pytest.raises(ClientError, match=words):
        running.client("cloudformation").create_stack(StackName="refused", **where)


def put(running: target.Target, body: str) -> str:
    client = running.client("s3")
    client.create_bucket(Bucket="large")
    client.put_object(Bucket="large", Key="template.json", Body=body.encode())
    return f"{running.endpoint}/large/template.json"


def test_a_template_has_one_megabyte_at_most(running: target.Target) -> None:
    one = {"Metadata": {"Long": "x" * 1_000_000}, "Resources": TOPIC}
    with pytest.raises(ClientError, match="Template may not exceed 1000000 bytes in size"):
        running.client("cloudformation").create_stack(StackName="refused", TemplateURL=put(running, json.dumps(one)))


def test_a_body_in_the_request_has_51200_bytes_at_most(running: target.Target) -> None:
    body = json.dumps({"Metadata": {"Long": "x" * 51_200}, "Resources": TOPIC})
    with pytest.raises(ClientError, match="Member must have length less than or equal to 51200"):
        running.client("cloudformation").create_stack(StackName="refused", TemplateBody=body)


def test_an_output_of_an_attribute_that_does_not_exist_rolls_back(running: target.Target, stacks: Deploy) -> None:
    stack = stacks("outputs", TOPIC, {"O": {"Value": att("Topic", "Nothing")}})
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    assert "Requested attribute Nothing does not exist in schema for AWS::SNS::Topic" in reasons(running, "outputs")


def test_a_stack_has_50_tags_at_most(running: target.Target) -> None:
    tags = [{"Key": f"k{index}", "Value": "v"} for index in range(51)]
    with pytest.raises(ClientError, match="A maximum number of 50 tags can be specified"):
        running.client("cloudformation").create_stack(
            StackName="refused", TemplateBody=json.dumps({"Resources": TOPIC}), Tags=tags
        )
