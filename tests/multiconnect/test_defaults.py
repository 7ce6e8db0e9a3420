"""Every construct stands alone with only what has no sensible default, and its defaults are those of production."""

import inspect
import re
from collections.abc import Callable
from functools import cached_property
from typing import Any, cast

import pytest
from aws_cdk import App, Duration, Environment, RemovalPolicy, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk.assertions import Match, Template

from multiconnect import defaults
from multiconnect.client import Client
from multiconnect.dashboard import Dashboard
from multiconnect.database import mysql
from multiconnect.database.access import DatabaseAccess
from multiconnect.encryption import encryption_key
from multiconnect.entry import Entry
from multiconnect.fleet import Fleet
from multiconnect.function import DEFAULT_TIMEOUT_MINUTES, Function, function_code
from multiconnect.media import Media
from multiconnect.monitoring import ABOVE, DEFAULT_ALARM_MINUTES, KEEP, PERIOD, Alarms
from multiconnect.network import DEFAULT_CIDR, DEFAULT_ZONES, INTERFACE_ENDPOINTS, Network
from multiconnect.service import DEFAULT_IMAGE_TAG, DEFAULT_REGISTRY, Image, RoleService
from multiconnect.shards import DEFAULT_CERTIFICATE_MAX_AGE_DAYS, ShardManager, ShardResources
from sizing import plan
from stacks.settings import Settings

PLAN = plan(2)


class ThreeZones(Stack):
    """The CDK knows of two zones in a stack without a region."""

    @property
    def availability_zones(self) -> list[str]:
        return ["a", "b", "c"]


class Ground:
    """A stack with what constructs are given: a VPC and a key, a fleet and an entry when they are asked for."""

    def __init__(self) -> None:
        self.stack = Stack(App(), "alone", env=Environment(region="us-east-1"))
        # jsii names parameters differently in a class and in its interface, so that no class is its own interface.
        self.vpc = cast(ec2.IVpc, ec2.Vpc(self.stack, "Vpc", subnet_configuration=SUBNETS))
        self.key = cast(kms.IKey, kms.Key(self.stack, "Key"))

    def template(self) -> Template:
        return Template.from_stack(self.stack)

    @cached_property
    def fleet(self) -> Fleet:
        return Fleet(
            self.stack,
            "Fleet",
            vpc=self.vpc,
            instance_type="c5.large",
            minimum_hosts=2,
            maximum_hosts=4,
            reserved_memory_mib=256,
        )

    @cached_property
    def entry(self) -> Entry:
        return Entry(self.stack, "Entry", vpc=self.vpc, allowed_cidrs=["10.0.0.0/16"])


SUBNETS = [
    ec2.SubnetConfiguration(name="public", subnet_type=ec2.SubnetType.PUBLIC),
    ec2.SubnetConfiguration(name="private", subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS),
    ec2.SubnetConfiguration(name="isolated", subnet_type=ec2.SubnetType.PRIVATE_ISOLATED),
]


@pytest.fixture
def ground() -> Ground:
    return Ground()


def database(ground: Ground) -> mysql.MysqlDatabase:
    return mysql.MysqlDatabase(
        ground.stack,
        "Database",
        identifier="alone-database",
        vpc=ground.vpc,
        region="us-east-1",
        instance_class="db.m7g.large",
        connection_limit=600,
        key=ground.key,
        log_key=ground.key,
    )


def client(ground: Ground) -> Client:
    access = DatabaseAccess(
        engine="MYSQL",
        hostname="database.example",
        port=3306,
        security_group_id="sg-12345678",
        secret_arn="arn:aws:secretsmanager:us-east-1:123456789012:secret:login-AbCdEf",
        key_arn="arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
        certificate_authorities="authorities",
        tls=True,
    )
    return Client(
        ground.stack,
        "Client",
        vpc=ground.vpc,
        fleet=ground.fleet,
        entry=ground.entry,
        media=Media(ground.stack, "Media", vpc=ground.vpc, key=ground.key),
        database=access,
        tasks=PLAN.tasks,
        key=ground.key,
        log_key=ground.key,
    )


def function(ground: Ground) -> Function:
    return Function(
        ground.stack,
        "Function",
        handler="functions.eni_trunking.handler.handler",
        description="Stands alone",
        code=function_code(),
        log_key=ground.key,
    )


def shard_manager(ground: Ground) -> ShardManager:
    return ShardManager(
        ground.stack,
        "Manager",
        stack_name="alone-enterprise",
        account_secret_name="alone/account",
        vpc=ground.vpc,
        code=function_code(),
        log_key=ground.key,
    )


def test_the_network_has_three_zones_a_way_out_in_each_and_endpoints() -> None:
    stack = ThreeZones(App(), "alone")
    Network(stack, "Network", flow_log_group=logs.LogGroup(stack, "FlowLogs"))
    template = Template.from_stack(stack)
    template.resource_count_is("AWS::EC2::Subnet", 3 * DEFAULT_ZONES)
    template.resource_count_is("AWS::EC2::NatGateway", DEFAULT_ZONES)
    template.has_resource_properties("AWS::EC2::VPC", {"CidrBlock": DEFAULT_CIDR})
    interfaces = template.find_resources("AWS::EC2::VPCEndpoint", {"Properties": {"VpcEndpointType": "Interface"}})
    assert len(interfaces) == len(INTERFACE_ENDPOINTS)


def test_the_database_is_one_for_production(ground: Ground) -> None:
    database(ground)
    template = ground.template()
    template.has_resource(
        "AWS::RDS::DBInstance",
        {
            "DeletionPolicy": "Snapshot",
            "Properties": {
                "EngineVersion": mysql.DEFAULT_ENGINE_VERSION,
                "AllocatedStorage": str(mysql.DEFAULT_STORAGE_GIB),
                "MaxAllocatedStorage": mysql.STORAGE_GROWTH_FACTOR * mysql.DEFAULT_STORAGE_GIB,
                "BackupRetentionPeriod": mysql.DEFAULT_BACKUP_RETENTION_DAYS,
                "MultiAZ": True,
                "DeletionProtection": Match.absent(),
            },
        },
    )
    template.has_resource_properties(
        "AWS::RDS::DBParameterGroup", {"Parameters": Match.object_like({"require_secure_transport": "1"})}
    )
    template.all_resources("AWS::Logs::LogGroup", {"DeletionPolicy": "RetainExceptOnCreate"})
    template.all_resources_properties("AWS::Logs::LogGroup", {"RetentionInDays": 365})
    template.resource_count_is("AWS::CloudWatch::Alarm", 0)


def test_storage_that_is_given_grows_tenfold_as_well_by_default(ground: Ground) -> None:
    mysql.MysqlDatabase(
        ground.stack,
        "Database",
        identifier="alone-database",
        vpc=ground.vpc,
        region="us-east-1",
        instance_class="db.m7g.large",
        connection_limit=600,
        key=ground.key,
        log_key=ground.key,
        storage_gib=200,
    )
    ground.template().has_resource_properties("AWS::RDS::DBInstance", {"MaxAllocatedStorage": 2000})


def test_the_entry_is_internal_and_serves_all_zones(ground: Ground) -> None:
    assert ground.entry.load_balancer
    ground.template().has_resource_properties(
        "AWS::ElasticLoadBalancingV2::LoadBalancer",
        {
            "Scheme": "internal",
            # Nothing about deletion protection: it is switched on last, and updates leave alone what they do not name.
            "LoadBalancerAttributes": [{"Key": "load_balancing.cross_zone.enabled", "Value": "true"}],
        },
    )


def test_the_client_comes_from_the_vendor_and_keeps_its_secrets_and_logs(ground: Ground) -> None:
    client(ground)
    template = ground.template()
    images = {
        body["Properties"]["ContainerDefinitions"][0]["Image"]
        for body in template.find_resources("AWS::ECS::TaskDefinition").values()
    }
    assert images == {f"{DEFAULT_REGISTRY}/{name}:{DEFAULT_IMAGE_TAG}" for name in ("web", "coreapp")}
    template.all_resources("AWS::SecretsManager::Secret", {"DeletionPolicy": "RetainExceptOnCreate"})
    template.all_resources("AWS::Logs::LogGroup", {"DeletionPolicy": "RetainExceptOnCreate"})
    template.all_resources_properties("AWS::Logs::LogGroup", {"RetentionInDays": 365})
    template.has_resource("AWS::EFS::FileSystem", {"DeletionPolicy": "RetainExceptOnCreate"})


def test_a_function_runs_outside_any_vpc_with_a_log_of_its_own(ground: Ground) -> None:
    function(ground)
    template = ground.template()
    template.has_resource_properties(
        "AWS::Lambda::Function",
        {
            "Handler": "functions.eni_trunking.handler.handler",
            "Timeout": 60 * DEFAULT_TIMEOUT_MINUTES,
            "VpcConfig": Match.absent(),
        },
    )
    template.has_resource(
        "AWS::Logs::LogGroup", {"DeletionPolicy": "RetainExceptOnCreate", "Properties": {"RetentionInDays": 365}}
    )


def test_the_manager_of_the_shards_owns_its_functions_and_takes_the_balancer_for_the_endpoint(ground: Ground) -> None:
    manager = shard_manager(ground)
    assert manager.properties == {
        "SecretArn": "alone/account",
        "CertificateMaxAgeDays": str(DEFAULT_CERTIFICATE_MAX_AGE_DAYS),
    }
    handlers = {
        body["Properties"]["Handler"] for body in ground.template().find_resources("AWS::Lambda::Function").values()
    }
    assert {name for name in handlers if name.startswith("functions.")} == {
        "functions.shards.handler.on_event",
        "functions.shards.handler.is_complete",
        "functions.shards.handler.reconcile",
    }


def test_the_custom_resources_stand_before_and_after_the_coreapps(ground: Ground) -> None:
    manager = shard_manager(ground)
    made = client(ground)
    resources = ShardResources(
        ground.stack,
        "Shards",
        manager=manager,
        active_coreapps=2,
        fleet=ground.fleet,
        entry=ground.entry,
        client=made,
    )
    template = ground.template()
    placed = {
        body["Properties"]["Place"]: (name, body)
        for name, body in template.find_resources("AWS::CloudFormation::CustomResource").items()
    }
    assert set(placed) == {"before", "after"}
    (coreapp,) = [
        body for name, body in template.find_resources("AWS::ECS::Service").items() if name.startswith("ClientCoreapp")
    ]
    assert placed["before"][0] in coreapp["DependsOn"]
    assert {"Endpoint", "SecretArn", "Shards", "Place"} <= set(placed["before"][1]["Properties"])
    assert {"ClusterName", "ServiceName"} <= set(placed["after"][1]["Properties"])
    assert ground.stack.resolve(resources.after.ref) == {"Ref": placed["after"][0]}


def test_alarms_wait_five_minutes_and_are_added_by_each_construct_itself(ground: Ground) -> None:
    alarms = Alarms(ground.stack, "Alarms", key=ground.key)
    metric = cloudwatch.Metric(namespace="alone", metric_name="metric", period=PERIOD)
    alarms.add("Alarm", metric, ABOVE, 1, missing_data=KEEP, description="Something is wrong")
    template = ground.template()
    template.resource_count_is("AWS::SNS::Subscription", 0)
    template.has_resource_properties("AWS::CloudWatch::Alarm", {"EvaluationPeriods": DEFAULT_ALARM_MINUTES})
    assert DEFAULT_ALARM_MINUTES == 5


def test_an_alarm_that_could_not_be_is_refused(ground: Ground) -> None:
    with pytest.raises(ValueError, match="need a topic, or a key"):
        Alarms(ground.stack, "Without")
    alarms = Alarms(ground.stack, "Alarms", key=ground.key)
    metric = cloudwatch.Metric(namespace="alone", metric_name="metric", period=Duration.minutes(2))
    for minutes in (1, 5):
        with pytest.raises(ValueError, match=f"Alarm: {minutes} minutes are no whole number"):
            alarms.add("Alarm", metric, ABOVE, 1, missing_data=KEEP, description="Something is wrong", minutes=minutes)


ADD_ALARMS: dict[str, tuple[Callable[[Ground, Alarms], None], set[str]]] = {
    "database": (
        lambda ground, alarms: database(ground).add_alarms(alarms),
        {"DatabaseConnections", "DatabaseFreeStorage", "DatabaseCpu", "DatabaseSilent"},
    ),
    "entry": (
        lambda ground, alarms: ground.entry.add_alarms(alarms, after=ground.fleet),
        {"UnhealthyWebapps", "NoHealthyWebapp"},
    ),
    "fleet": (
        lambda ground, alarms: ground.fleet.add_alarms(alarms, maximum_hosts=4),
        {"MemoryAtCap", "HostsAboveCap"},
    ),
    "client": (
        lambda ground, alarms: client(ground).add_alarms(
            alarms, active_coreapps=2, coreapps=3, webapps=2, masters=2, database=database(ground)
        ),
        {"SparesMissing", "ShardsMissing", "WebappsMissing", "MastersMissing", "NoMaster", "DatabaseUnused"},
    ),
}


@pytest.mark.parametrize("construct", ADD_ALARMS)
def test_a_construct_adds_its_alarms_only_when_it_is_asked_to(ground: Ground, construct: str) -> None:
    add, names = ADD_ALARMS[construct]
    alarms = Alarms(ground.stack, "Alarms", key=ground.key)
    add(ground, alarms)
    assert {child.node.id for child in alarms.node.children} - {"Topic"} == names


def test_the_dashboard_draws_any_database_that_has_the_metrics(ground: Ground) -> None:
    class OtherDatabase:
        def open_connections(self) -> cloudwatch.IMetric:
            return cloudwatch.Metric(namespace="other", metric_name="open connections")

        def connections(self) -> cloudwatch.IMetric:
            return cloudwatch.Metric(namespace="other", metric_name="connections")

        def cpu_utilization(self) -> cloudwatch.IMetric:
            return cloudwatch.Metric(namespace="other", metric_name="cpu")

        def free_storage(self) -> cloudwatch.IMetric:
            return cloudwatch.Metric(namespace="other", metric_name="storage")

    made = client(ground)
    Dashboard(
        ground.stack,
        "Dashboard",
        plan=PLAN,
        fleet=ground.fleet,
        entry=ground.entry,
        client=made,
        database=OtherDatabase(),
    )
    (body,) = ground.template().find_resources("AWS::CloudWatch::Dashboard").values()
    assert str(body).count('"other"') == 3


def test_a_key_stays_when_its_stack_is_deleted(ground: Ground) -> None:
    encryption_key(ground.stack, "Second", description="Stands alone")
    ground.template().has_resource(
        "AWS::KMS::Key",
        {"DeletionPolicy": "RetainExceptOnCreate", "Properties": {"Description": "Stands alone"}},
    )


def test_the_defaults_are_those_of_a_production_deployment() -> None:
    """They stand on both sides, since settings are judged before the CDK is imported."""
    settings, plan = Settings.from_context({"deployments": {"production": {}}})
    assert (plan.hosts.availability_zones, settings.vpc_cidr) == (DEFAULT_ZONES, DEFAULT_CIDR)
    assert Image() == Image(registry=settings.registry, tag=settings.image_tag)
    assert settings.engine_version == mysql.DEFAULT_ENGINE_VERSION
    assert plan.database.storage_gib == mysql.DEFAULT_STORAGE_GIB
    assert mysql.STORAGE_GROWTH_FACTOR * plan.database.storage_gib == settings.max_storage_gib(plan)
    assert settings.backup_retention_days == mysql.DEFAULT_BACKUP_RETENTION_DAYS
    assert settings.certificate_max_age_days == DEFAULT_CERTIFICATE_MAX_AGE_DAYS
    assert defaults.LOG_RETENTION == logs.RetentionDays.ONE_YEAR
    assert settings.log_retention_days == 365
    assert (defaults.REMOVAL_POLICY, settings.delete_data_with_stack) == (
        RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
        False,
    )


CONSTRUCTS: tuple[type[Any], ...] = (
    Alarms,
    Client,
    Dashboard,
    Entry,
    Fleet,
    Function,
    Media,
    mysql.MysqlDatabase,
    Network,
    RoleService,
    ShardManager,
    ShardResources,
)


@pytest.mark.parametrize("construct", CONSTRUCTS, ids=lambda construct: construct.__name__)
def test_each_property_is_described_and_each_default_is_said(construct: type[Any]) -> None:
    arguments = inspect.cleandoc(construct.__init__.__doc__ or "").partition("Args:\n")[2].partition("\nRaises:\n")[0]
    described = dict(re.findall(r"^    (\w+): (.*(?:\n {8}.*)*)", arguments, re.MULTILINE))
    parameters = dict(inspect.signature(construct.__init__).parameters)
    del parameters["self"]
    assert described.keys() == parameters.keys()
    with_default = {name for name, item in parameters.items() if item.default is not inspect.Parameter.empty}
    assert {name for name, text in described.items() if "Default:" in text} == with_default
