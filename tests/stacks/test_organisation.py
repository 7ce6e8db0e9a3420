"""Rules of larger organisations: mandatory tags, bounds on roles, an own bootstrap, own keys (T-44, T-45, T-46)."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from aws_cdk import App, CfnResource, Stack
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

from stacks.organisation import tag_and_bind
from stacks.settings import Settings, SettingsError
from stacks.settings.keys.organisation import MOST_TAGS
from tests.assembly import CDK_CONTEXT, ROOT, STACKS, Assembly
from tests.conftest import Synth

TAGS = {"CostCenter": "42", "Owner": "messaging team"}
SECRETS_KEY = "arn:aws:kms:us-east-1:444455556666:key/mrk-1234abcd12ab34cd56ef1234567890ab"
VOLUME_KEY = "arn:aws:kms:us-east-1:444455556666:key/1234abcd-12ab-34cd-56ef-1234567890ab"
RULES = {
    "tags": "CostCenter=42, Owner=messaging team",
    "permissions_boundary": "team/workloads",
    "bootstrap_qualifier": "acme1",
    "secrets_key_arn": SECRETS_KEY,
    "volume_key_arn": VOLUME_KEY,
    "manage_shards": "true",
}


@pytest.fixture(scope="module")
def ruled(synth: Synth) -> Assembly:
    return synth(**RULES)


def tag_property(kind: str) -> str | None:
    """Return where a type of resource has its tags, as CloudFormation publishes it; None if it takes none."""
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema
    tagging = schema.get("tagging", {})
    if not tagging.get("taggable", schema.get("taggable", False)):
        return None
    return str(tagging.get("tagProperty", "/properties/Tags")).removeprefix("/properties/")


def tags_of(properties: dict[str, Any], name: str) -> dict[str, str]:
    """Return the tags of a resource, which some types have as a list and others as an object."""
    found = properties.get(name, {})
    if isinstance(found, dict):
        return found
    if name == "TagSpecifications":
        found = [tag for specification in found for tag in specification["Tags"]]
    return {tag["Key"]: tag["Value"] for tag in found}


def of_aws(made: Assembly) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for name, item in made.everything():
        kind = item["Type"]
        if not kind.startswith("Custom::") and kind != "AWS::CloudFormation::CustomResource":
            yield name, kind, item.get("Properties", {})


def test_every_resource_that_takes_tags_has_them(ruled: Assembly) -> None:
    places = {kind: tag_property(kind) for _, kind, _ in of_aws(ruled)}
    tagged = {
        (name, kind): tags_of(properties, place).items() >= TAGS.items()
        for name, kind, properties in of_aws(ruled)
        if (place := places[kind])
    }
    assert len(tagged) > 100
    assert [resource for resource, has_them in tagged.items() if not has_them] == []


def test_the_stacks_themselves_have_them(ruled: Assembly) -> None:
    artifacts = json.loads((ruled.folder / "manifest.json").read_text(encoding="utf-8"))["artifacts"]
    stacks = {name: item for name, item in artifacts.items() if item["type"] == "aws:cloudformation:stack"}
    assert len(stacks) == len(STACKS)
    for item in stacks.values():
        assert item["properties"]["tags"] == TAGS


def test_hosts_volumes_and_network_interfaces_get_them(ruled: Assembly) -> None:
    specifications = ruled.enterprise.one("AWS::EC2::LaunchTemplate")["LaunchTemplateData"]["TagSpecifications"]
    found = {each["ResourceType"]: {tag["Key"]: tag["Value"] for tag in each["Tags"]} for each in specifications}
    assert set(found) == {"instance", "volume", "network-interface"}
    for tags in found.values():
        assert tags.items() >= TAGS.items()
    for tag in ruled.enterprise.one("AWS::AutoScaling::AutoScalingGroup")["Tags"]:
        assert tag["PropagateAtLaunch"] is True


def test_tasks_and_snapshots_get_them(ruled: Assembly) -> None:
    services = ruled.enterprise.of("AWS::ECS::Service")
    assert len(services) == 3
    for body in services.values():
        assert (body["Properties"]["PropagateTags"], body["Properties"]["EnableECSManagedTags"]) == ("SERVICE", True)
    assert ruled.database.one("AWS::RDS::DBInstance")["CopyTagsToSnapshot"] is True


def test_without_tags_nothing_is_tagged_but_names(production: Assembly) -> None:
    (specifications,) = [
        body["Properties"]["LaunchTemplateData"]["TagSpecifications"]
        for body in production.enterprise.of("AWS::EC2::LaunchTemplate").values()
    ]
    assert [each["ResourceType"] for each in specifications] == ["instance", "volume"]


def test_every_role_is_bounded_those_of_the_cdk_too(ruled: Assembly) -> None:
    roles = ruled.of("AWS::IAM::Role")
    assert any("framework" in name for name in roles), "the roles of the provider framework are among them"
    assert any("CustomResourceProvider" in name for name in roles), "and those of the CDK's own functions"
    for name, body in roles.items():
        boundary = json.dumps(body["Properties"]["PermissionsBoundary"])
        assert boundary.count(":policy/team/workloads") == 1, name
        assert '{"Ref": "AWS::AccountId"}' in boundary, name


def test_a_boundary_can_be_an_arn() -> None:
    arn = "arn:aws:iam::111122223333:policy/workloads"
    settings, _ = Settings.from_context({**CDK_CONTEXT, "permissions_boundary": arn})
    app = App()
    stack = Stack(app, "alone")
    # As the CDK makes the roles of its own functions: without a construct for a role.
    CfnResource(stack, "Role", type="AWS::IAM::Role")
    tag_and_bind(stack, settings)
    template = app.synth().get_stack_by_name("alone").template
    assert template["Resources"]["Role"]["Properties"] == {"PermissionsBoundary": arn}


def test_assets_and_roles_of_the_deployment_are_those_of_the_own_bootstrap(ruled: Assembly) -> None:
    manifest = (ruled.folder / "manifest.json").read_text(encoding="utf-8")
    assert "cdk-acme1-deploy-role" in manifest
    assert "cdk-acme1-cfn-exec-role" in manifest
    assert "hnb659fds" not in manifest
    for template in ruled.templates.values():
        text = template.path.read_text(encoding="utf-8")
        assert "/cdk-bootstrap/acme1/version" in text
        assert "hnb659fds" not in text


def decrypting(made: Assembly) -> dict[str, dict[str, Any]]:
    """Return the statements that allow to use the operator's key, by role."""
    return {
        role["Ref"]: statement
        for body in made.functions.of("AWS::IAM::Policy").values()
        for role in body["Properties"]["Roles"]
        for statement in body["Properties"]["PolicyDocument"]["Statement"]
        if statement["Resource"] == SECRETS_KEY
    }


def test_who_reads_the_operators_secret_may_decrypt_it_by_way_of_secrets_manager_alone(ruled: Assembly) -> None:
    found = decrypting(ruled)
    assert sorted(role.partition("Role")[0] for role in found) == ["ShardsAsk", "ShardsReconcile", "ShardsStep"]
    via = {"Fn::Join": ["", ["secretsmanager.", {"Ref": "AWS::Region"}, ".", {"Ref": "AWS::URLSuffix"}]]}
    for statement in found.values():
        assert (statement["Effect"], statement["Action"]) == ("Allow", "kms:Decrypt")
        assert statement["Condition"] == {"StringEquals": {"kms:ViaService": via}}


def test_the_hosts_volumes_are_encrypted_with_the_own_key(ruled: Assembly, production: Assembly) -> None:
    def disk(made: Assembly) -> dict[str, Any]:
        (found,) = made.enterprise.one("AWS::EC2::LaunchTemplate")["LaunchTemplateData"]["BlockDeviceMappings"]
        return found["Ebs"]

    assert (disk(ruled)["Encrypted"], disk(ruled)["KmsKeyId"]) == (True, VOLUME_KEY)
    assert "KmsKeyId" not in disk(production)


def test_the_runbook_gives_the_key_policy_that_auto_scaling_needs() -> None:
    """https://docs.aws.amazon.com/autoscaling/ec2/userguide/key-policy-requirements-EBS-encryption.html"""
    text = (ROOT / "docs" / "runbooks.md").read_text(encoding="utf-8")
    use, attach = json.loads(text.partition("```json\n")[2].partition("```")[0])
    role = "arn:aws:iam::111122223333:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"
    assert use["Principal"] == attach["Principal"] == {"AWS": role}
    assert set(use["Action"]) == {
        "kms:Decrypt",
        "kms:DescribeKey",
        "kms:Encrypt",
        "kms:GenerateDataKey*",
        "kms:ReEncrypt*",
    }
    assert attach["Action"] == "kms:CreateGrant"
    assert attach["Condition"] == {"Bool": {"kms:GrantIsForAWSResource": "true"}}


@pytest.mark.parametrize(
    ("context", "key", "shown"),
    [
        ({"tags": "Owner"}, "tags", "'Owner'"),
        ({"tags": "Owner=a,Owner=b"}, "tags", "'Owner=a,Owner=b'"),
        ({"tags": {"": "x"}}, "tags", "''"),
        ({"tags": {"aws:owner": "x"}}, "tags", "'aws:owner'"),
        ({"tags": {"AWS:owner": "x"}}, "tags", "'AWS:owner'"),
        ({"tags": {"Owner": "aws:x"}}, "tags", "'aws:x'"),
        ({"tags": {"name": "x"}}, "tags", "'name'"),
        ({"tags": {"Owner": "a", "owner": "b"}}, "tags", "{'Owner': 'a', 'owner': 'b'}"),
        ({"tags": {"Owner": "R&D"}}, "tags", "'R&D'"),
        ({"tags": {"Owner ": "x"}}, "tags", "'Owner '"),
        ({"tags": {"k" * 129: "x"}}, "tags", "kkk'"),
        ({"tags": {"Owner": "v" * 257}}, "tags", "vvv'"),
        ({"tags": {"Owner": 5}}, "tags", "5"),
        ({"tags": {f"k{number}": "" for number in range(MOST_TAGS + 1)}}, "tags", "'k45'"),
        ({"tags": ["Owner"]}, "tags", "['Owner']"),
        ({"permissions_boundary": "arn:aws:iam::1:policy/x"}, "permissions_boundary", "'arn:aws:iam::1:policy/x'"),
        ({"permissions_boundary": ""}, "permissions_boundary", "''"),
        (
            {"permissions_boundary": "arn:aws:iam::444455556666:policy/x", "account": "111122223333"},
            "permissions_boundary",
            "a policy of account 111122223333",
        ),
        ({"bootstrap_qualifier": "elevenlette"}, "bootstrap_qualifier", "'elevenlette'"),
        ({"bootstrap_qualifier": "a/b"}, "bootstrap_qualifier", "'a/b'"),
        ({"volume_key_arn": VOLUME_KEY, "region": "eu-west-1"}, "volume_key_arn", "a key in eu-west-1"),
        ({"secrets_key_arn": SECRETS_KEY, "region": "eu-west-1"}, "secrets_key_arn", "a key in eu-west-1"),
        (
            {"volume_key_arn": "arn:aws:kms:us-east-1:444455556666:alias/volumes"},
            "volume_key_arn",
            "the ARN of a key, not of an alias",
        ),
    ],
)
def test_what_aws_would_refuse_is_refused_before(context: dict[str, Any], key: str, shown: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_context({**CDK_CONTEXT, **context})
    (line,) = str(caught.value).splitlines()
    assert line.startswith(f"{key}: got ")
    assert shown in line


@pytest.mark.parametrize(
    "context",
    [
        {"tags": {"cost:center/2026": "", "Owner": "Größe 1 + 2 = 3 @ work.example_x-y"}},
        {"tags": {f"k{number}": "v" * 256 for number in range(MOST_TAGS)}},
        {"permissions_boundary": "workloads"},
        {"permissions_boundary": "arn:aws:iam::aws:policy/PowerUserAccess", "account": "111122223333"},
        {"permissions_boundary": "arn:aws:iam::111122223333:policy/a/b", "account": "111122223333"},
        {"bootstrap_qualifier": "a_b-C1"},
    ],
)
def test_what_aws_takes_is_taken(context: dict[str, Any]) -> None:
    settings, _ = Settings.from_context({**CDK_CONTEXT, **context})
    for key in context.keys() - {"account"}:
        assert getattr(settings, key) == context[key]
