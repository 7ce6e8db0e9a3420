"""The database: in place for every size, encrypted, backed up, watched, and with no password that anybody has seen."""

import re
from typing import Any

import pytest

from multiconnect.database.mysql import (
    CONNECTION_ALARM_PERCENT,
    CPU_ALARM_MINUTES,
    CPU_ALARM_PERCENT,
    FREE_STORAGE_ALARM_PERCENT,
    LOG_EXPORTS,
    MONITORING_INTERVAL_SECONDS,
    STORAGE_EVENTS,
)
from tests.assembly import Assembly, filled_in
from tests.conftest import Synth


def instance(made: Assembly) -> dict[str, Any]:
    return made.database.one("AWS::RDS::DBInstance")


def parameters(made: Assembly) -> dict[str, str]:
    return made.database.one("AWS::RDS::DBParameterGroup")["Parameters"]


def test_it_is_mysql_8_4_and_never_billed_as_extended_support(production: Assembly) -> None:
    properties = instance(production)
    # The major version alone: a minor one below what automatic upgrades reached would fail the next update (T-17).
    assert (properties["Engine"], properties["EngineVersion"]) == ("mysql", "8.4")
    assert properties["AutoMinorVersionUpgrade"] is True
    assert properties["EngineLifecycleSupport"] == "open-source-rds-extended-support-disabled"
    assert production.database.one("AWS::RDS::DBParameterGroup")["Family"] == "mysql8.4"


@pytest.mark.parametrize(
    ("context", "value"), [({}, "1"), ({"tls": "false", "allow_plaintext_database": "true"}, "0")], ids=["on", "off"]
)
def test_tls_is_required_exactly_when_it_is_on(synth: Synth, context: dict[str, Any], value: str) -> None:
    assert parameters(synth(**context))["require_secure_transport"] == value


def test_text_is_utf8mb4_and_slow_queries_are_written_down(production: Assembly) -> None:
    found = parameters(production)
    assert found["character_set_server"] == "utf8mb4"
    assert found["collation_server"].startswith("utf8mb4_")
    assert (found["slow_query_log"], found["log_output"]) == ("1", "FILE")


def test_rds_makes_and_rotates_the_masters_password(production: Assembly) -> None:
    properties = instance(production)
    assert properties["ManageMasterUserPassword"] is True
    assert "MasterUserPassword" not in properties
    assert "DataKey" in str(properties["MasterUserSecret"]["KmsKeyId"])


def test_the_masters_name_is_one_that_every_engine_takes(production: Assembly) -> None:
    """1 to 16 letters and digits, a letter first (T-20). It can never change: another one replaces the instance."""
    name = instance(production)["MasterUsername"]
    assert re.fullmatch(r"[a-z][a-z0-9]{0,15}", name), name


def test_production_has_a_standby_in_another_zone_and_staging_has_not(production: Assembly, staging: Assembly) -> None:
    assert instance(production)["MultiAZ"] is True
    assert instance(staging)["MultiAZ"] is False


def test_it_lives_in_the_isolated_subnets_and_lets_nobody_in_by_itself(production: Assembly) -> None:
    assert instance(production)["PubliclyAccessible"] is False
    subnets = production.database.one("AWS::RDS::DBSubnetGroup")["SubnetIds"]
    assert [item["Fn::ImportValue"] for item in subnets] == [f"wa-production:Isolated{n}" for n in (1, 2, 3)]
    group = production.database.one("AWS::EC2::SecurityGroup")
    assert "SecurityGroupIngress" not in group
    assert production.database.of("AWS::EC2::SecurityGroupIngress") == {}


def test_storage_is_encrypted_gp3_that_grows(production: Assembly) -> None:
    properties = instance(production)
    assert properties["StorageEncrypted"] is True
    assert "DataKey" in str(properties["KmsKeyId"])
    assert properties["StorageType"] == "gp3"
    assert properties["MaxAllocatedStorage"] >= 1.1 * int(properties["AllocatedStorage"])


def test_production_keeps_a_fortnight_of_backups_and_a_last_snapshot(production: Assembly) -> None:
    properties = instance(production)
    assert properties["BackupRetentionPeriod"] == 14
    assert properties["CopyTagsToSnapshot"] is True
    assert properties["DeleteAutomatedBackups"] is False
    (body,) = production.database.of("AWS::RDS::DBInstance").values()
    assert (body["DeletionPolicy"], body["UpdateReplacePolicy"]) == ("Snapshot", "Snapshot")


@pytest.mark.parametrize(("context", "kept"), [({}, True), ({"delete_data_with_stack": "true"}, False)])
def test_staging_lets_go_only_when_told_to(synth: Synth, context: dict[str, Any], kept: bool) -> None:
    made = synth("staging", **context)
    policies = {
        item["DeletionPolicy"]
        for name, item in made.everything()
        if item["Type"]
        in ("AWS::RDS::DBInstance", "AWS::KMS::Key", "AWS::EFS::FileSystem", "AWS::SecretsManager::Secret")
    }
    assert policies == ({"Snapshot", "RetainExceptOnCreate"} if kept else {"Delete"})


def test_production_keeps_keys_files_secrets_and_logs(production: Assembly) -> None:
    for kind in ("AWS::KMS::Key", "AWS::EFS::FileSystem", "AWS::SecretsManager::Secret", "AWS::Logs::LogGroup"):
        found = production.of(kind)
        assert found
        for name, body in found.items():
            # A failed create leaves nothing behind: it is empty, and a name that it has would be taken (T-5).
            assert (body["DeletionPolicy"], body["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain"), name


def test_every_key_rotates(production: Assembly) -> None:
    keys = production.of("AWS::KMS::Key")
    assert len(keys) == 3
    assert all(body["Properties"]["EnableKeyRotation"] for body in keys.values())


def test_insights_and_enhanced_monitoring_watch_it(production: Assembly) -> None:
    properties = instance(production)
    assert properties["EnablePerformanceInsights"] is True
    assert properties["DatabaseInsightsMode"] == "standard"
    assert "DataKey" in str(properties["PerformanceInsightsKMSKeyId"])
    assert properties["MonitoringInterval"] == MONITORING_INTERVAL_SECONDS
    assert "MonitoringRole" in str(properties["MonitoringRoleArn"])


def test_its_logs_go_to_groups_that_exist_before_it_encrypted_and_with_an_end(production: Assembly) -> None:
    groups = production.database.of("AWS::Logs::LogGroup")
    exported = instance(production)["EnableCloudwatchLogsExports"]
    assert exported == list(LOG_EXPORTS) == ["error", "slowquery"]
    name = filled_in(instance(production)["DBInstanceIdentifier"])
    assert {filled_in(body["Properties"]["LogGroupName"]) for body in groups.values()} == {
        f"/aws/rds/instance/{name}/{log}" for log in exported
    }
    for body in groups.values():
        assert body["Properties"]["RetentionInDays"] == 365
        assert "LogKey" in str(production.follow(body["Properties"]["KmsKeyId"]))
    (body,) = production.database.of("AWS::RDS::DBInstance").values()
    assert set(groups) <= set(body["DependsOn"])


def test_the_name_makes_a_replacement_impossible(production: Assembly) -> None:
    """CloudFormation refuses to replace a resource with a name of its own (D-11)."""
    assert filled_in(instance(production)["DBInstanceIdentifier"]) == "wa-production-database-51af3dc0"


def alarm(made: Assembly, part: str) -> dict[str, Any]:
    return made.database.one("AWS::CloudWatch::Alarm", part)


def test_an_alarm_speaks_at_80_percent_of_the_connections_that_the_class_allows(production: Assembly) -> None:
    found = alarm(production, "Connections")
    assert (found["ComparisonOperator"], found["Threshold"]) == ("GreaterThanThreshold", CONNECTION_ALARM_PERCENT)
    assert CONNECTION_ALARM_PERCENT == 80
    (expression,) = [metric["Expression"] for metric in found["Metrics"] if "Expression" in metric]
    assert expression == f"100 * connections / {production.plan.database.max_connections}"
    (read,) = [metric["MetricStat"] for metric in found["Metrics"] if "MetricStat" in metric]
    assert (read["Metric"]["MetricName"], read["Stat"]) == ("DatabaseConnections", "Maximum")


@pytest.mark.parametrize("deployment", ["production", "staging"])
def test_an_alarm_speaks_when_storage_could_not_grow(synth: Synth, deployment: str) -> None:
    """RDS adds storage below 10 % of what there is, which is at least what there was at the start (T-25)."""
    made = synth(deployment)
    found = alarm(made, "FreeStorage")
    assert (found["MetricName"], found["ComparisonOperator"]) == ("FreeStorageSpace", "LessThanThreshold")
    start = int(instance(made)["AllocatedStorage"]) * 1024**3
    assert found["Threshold"] == start * FREE_STORAGE_ALARM_PERCENT / 100 < start / 10


def test_a_message_comes_when_storage_nears_its_maximum_with_rights_of_this_rule_alone(production: Assembly) -> None:
    """No metric tells how much storage there is, and RDS itself sends nothing to an encrypted topic (T-25)."""
    rule = production.database.one("AWS::Events::Rule")
    assert rule["EventPattern"]["source"] == ["aws.rds"]
    assert set(rule["EventPattern"]["detail"]["EventID"]) == set(STORAGE_EVENTS) >= {"RDS-EVENT-0225"}
    assert "DatabaseInstance" in str(rule["EventPattern"]["resources"])
    (target,) = rule["Targets"]
    (topic,) = production.database.of("AWS::SNS::Topic")
    assert target["Arn"] == {"Ref": topic}
    role = target["RoleArn"]["Fn::GetAtt"][0]
    (policy,) = [
        body["Properties"]["PolicyDocument"]["Statement"]
        for body in production.database.of("AWS::IAM::Policy").values()
        if {"Ref": role} in body["Properties"]["Roles"]
    ]
    # The topic is encrypted: whoever publishes also needs its key.
    assert [(item["Action"], item["Resource"]) for item in policy] == [
        ("sns:Publish", {"Ref": topic}),
        (["kms:Decrypt", "kms:GenerateDataKey*"], production.database.one("AWS::SNS::Topic")["KmsMasterKeyId"]),
    ]


def test_an_alarm_speaks_when_the_cpu_stays_busy(production: Assembly) -> None:
    found = alarm(production, "Cpu")
    assert (found["MetricName"], found["Threshold"]) == ("CPUUtilization", CPU_ALARM_PERCENT)
    assert found["EvaluationPeriods"] * found["Period"] == 60 * CPU_ALARM_MINUTES
