"""Faulty templates of databases, roles, keys, functions, logs, alarms, topics and state machines."""

import json
from typing import Any

from multiconnect.function import NETWORK_INTERFACE_ACTIONS
from tests.emulator.rules.cases import (
    ACCOUNT,
    NO_KEY,
    NOBODY,
    PASS,
    Case,
    administer,
    alarm,
    function,
    key,
    machine,
    publish,
    role,
    rule,
    topic,
    trust_of,
    with_group,
    without,
)
from tests.emulator.templates import Resource, att, database, network, ref, resource

AWSVPC = {"SubnetIds": ["subnet-0"], "SecurityGroupIds": [ref("Group")]}
ONE = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}


def secret(**properties: Any) -> dict[str, Resource]:
    return {"Secret": resource("SecretsManager::Secret", **properties)}


def parameter(**properties: Any) -> dict[str, Resource]:
    return {"Parameter": resource("SSM::Parameter", **{"Type": "String", "Value": "one"} | properties)}


FOR_LOGS: dict[str, Any] = {
    "Effect": "Allow",
    "Principal": {"Service": "logs.us-east-1.amazonaws.com"},
    "Action": ["kms:Encrypt*", "kms:Decrypt*", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"],
    "Resource": "*",
}
"""Lets CloudWatch Logs use a key."""


def log(**properties: Any) -> dict[str, Resource]:
    return {"Log": resource("Logs::LogGroup", **properties)}


def inline(*statements: dict[str, Any], roles: Any = None) -> dict[str, Resource]:
    policy = resource(
        "IAM::Policy", PolicyName="p", PolicyDocument={"Statement": list(statements)}, Roles=roles or [ref("Role")]
    )
    return {"Role": role("ec2.amazonaws.com"), "Policy": policy}


def inside(*actions: str) -> dict[str, Resource]:
    """A function in a network, whose role has some rights."""
    made = network() | function(VpcConfig=AWSVPC | {"SubnetIds": [ref("Subnet")]})
    policy = {"Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": "*"}]}
    made["Role"]["Properties"]["Policies"] = [{"PolicyName": "network", "PolicyDocument": policy}]
    return made


def password(text: str) -> dict[str, Resource]:
    return without(database(MasterUserPassword=text), "Database", "ManageMasterUserPassword")


def dashboard(body: str, **properties: Any) -> dict[str, Resource]:
    return {"Page": resource("CloudWatch::Dashboard", DashboardBody=body, **properties)}


def metrics(*metric: Any) -> str:
    return json.dumps(
        {"widgets": [{"type": "metric", "properties": {"region": "us-east-1", "metrics": [list(metric)]}}]}
    )


RDS = {
    "a version that does not exist": Case(
        rule="engine_version",
        words="Cannot find version 8.4.99 for mysql",
        faulty=database(EngineVersion="8.4.99"),
        right=database(EngineVersion="8.4"),
    ),
    "a lower version": Case(
        rule="lower_version",
        words="Cannot upgrade mysql from 8.4.9 to 8.4.8",
        before=database(EngineVersion="8.4.9"),
        faulty=database(EngineVersion="8.4.8"),
        right=database(EngineVersion="8.4"),
    ),
    "a class that is retired": Case(
        rule="instance_class",
        words="RDS does not support creating a DB instance with the following combination: DBInstanceClass=db.m3.large",
        faulty=database(DBInstanceClass="db.m3.large"),
        right=database(DBInstanceClass="db.m6g.large"),
    ),
    "a class of Aurora alone": Case(
        rule="instance_class",
        words="DBInstanceClass=db.serverless, Engine=mysql, EngineVersion=8.4.9, LicenseModel=general-public-license.",
        faulty=database(DBInstanceClass="db.serverless"),
        right=database(DBInstanceClass="db.r7g.large"),
    ),
    "too little storage": Case(
        rule="storage_size",
        words="Invalid storage size for engine name mysql and storage type gp3: 10",
        faulty=database(AllocatedStorage="10", StorageType="gp3"),
        right=database(AllocatedStorage="20", StorageType="gp3"),
    ),
    "less storage than before": Case(
        rule="lower_storage",
        words="Invalid storage size for engine name mysql and storage type gp3: 50",
        before=database(AllocatedStorage="100", StorageType="gp3"),
        faulty=database(AllocatedStorage="50", StorageType="gp3"),
        right=database(AllocatedStorage="120", StorageType="gp3"),
    ),
    "autoscaling to what is there already": Case(
        rule="storage_ceiling",
        words="Invalid max storage size for engine name mysql and storage type gp3: 105",
        faulty=database(AllocatedStorage="100", MaxAllocatedStorage=105, StorageType="gp3"),
        right=database(AllocatedStorage="100", MaxAllocatedStorage=200, StorageType="gp3"),
    ),
    "IOPS for a small gp3": Case(
        rule="provisioned_performance",
        words="You can't specify IOPS or storage throughput for engine mysql and a storage size less than 400.",
        faulty=database(AllocatedStorage="100", StorageType="gp3", Iops=6000),
        right=database(AllocatedStorage="400", StorageType="gp3", Iops=12_000),
    ),
    "a master name of 19 letters": Case(
        rule="master_name",
        words="Identifiers must be no longer than 16 characters.",
        faulty=database(MasterUsername="multiconnect_master"),
        right=database(MasterUsername="mcmaster"),
    ),
    "a master name that PostgreSQL keeps": Case(
        rule="master_name",
        words="MasterUsername admin cannot be used as it is a reserved word used by the engine",
        faulty=database(Engine="postgres", EngineVersion="17", MasterUsername="admin"),
        right=database(Engine="postgres", EngineVersion="17", MasterUsername="mcmaster"),
    ),
    "a password that is too short": Case(
        rule="master_password",
        words="The parameter MasterUserPassword is not a valid password because it is shorter than 8 characters.",
        faulty=password("short"),
        right=password("long-enough"),
    ),
    "a password with a slash": Case(
        rule="master_password",
        words="Only printable ASCII characters besides '/', '@', '\"', ' ' may be used.",
        faulty=password("long/enough"),
        right=password("long-enough"),
    ),
    "a managed password that is given, too": Case(
        rule="master_password",
        words="You can't specify MasterUserPassword when ManageMasterUserPassword is enabled.",
        faulty=database(MasterUserPassword="long-enough"),
        right=database(),
    ),
    "a database without a password": Case(
        rule="master_credentials_are_missing",
        words="The parameter MasterUserPassword must be provided and must not be blank.",
        faulty=without(database(), "Database", "ManageMasterUserPassword"),
        right=database(),
    ),
    "an unknown key of a database": Case(
        rule="database_key",
        words=f"The specified KMS key [{NO_KEY}] does not exist, is not enabled or you do not have permissions",
        faulty=database(StorageEncrypted=True, KmsKeyId=NO_KEY),
        right=database(StorageEncrypted=True, KmsKeyId="alias/aws/rds"),
    ),
    "backups for 36 days": Case(
        rule="backup_days",
        words="Invalid backup retention period: 36. Must be between 0 and 35.",
        faulty=database(BackupRetentionPeriod=36),
        right=database(BackupRetentionPeriod=35),
    ),
    "two hyphens in an identifier": Case(
        rule="database_name",
        words="The parameter DBInstanceIdentifier is not a valid identifier.",
        faulty=database(DBInstanceIdentifier="wa--production"),
        right=database(DBInstanceIdentifier="wa-production"),
    ),
    "an identifier that is taken": Case(
        rule="database_exists",
        words="DB instance already exists",
        faulty=database(DBInstanceIdentifier="the-one")
        | {"Twin": database(DBInstanceIdentifier="the-one")["Database"] | {"DependsOn": "Database"}},
        right=database(DBInstanceIdentifier="the-one")
        | {"Twin": database(DBInstanceIdentifier="the-other")["Database"]},
    ),
    "Multi-AZ in one zone": Case(
        rule="multi_az_zone",
        words="Requesting a specific availability zone is not valid for Multi-AZ instances.",
        faulty=database(MultiAZ=True, AvailabilityZone="us-east-1a"),
        right=database(MultiAZ=True),
    ),
    "enhanced monitoring without a role": Case(
        rule="monitoring_role",
        words="A MonitoringRoleARN value is required if you specify a MonitoringInterval value other than 0.",
        faulty=database(MonitoringInterval=60),
        right=database(MonitoringInterval=60, MonitoringRoleArn=att("Watch", "Arn"))
        | {"Watch": role("monitoring.rds.amazonaws.com")},
    ),
    "enhanced monitoring by a role of another service": Case(
        rule="monitoring_role",
        words="IAM role ARN value is invalid or does not include the required permissions for: ENHANCED_MONITORING",
        faulty=database(MonitoringInterval=60, MonitoringRoleArn=att("Watch", "Arn"))
        | {"Watch": role("rds.amazonaws.com")},
        right=database(MonitoringInterval=60, MonitoringRoleArn=att("Watch", "Arn"))
        | {"Watch": role("monitoring.rds.amazonaws.com")},
    ),
    "a log that MySQL does not have": Case(
        rule="exported_logs",
        words="You cannot use the log types 'postgresql' with engine version mysql 8.4.9.",
        faulty=database(EnableCloudwatchLogsExports=["error", "postgresql"]),
        right=database(EnableCloudwatchLogsExports=["error", "slowquery"]),
    ),
    "parameters of another version": Case(
        rule="parameter_family",
        words="Please use a Parameter Group with DBParameterGroupFamily mysql8.4",
        faulty=with_group("mysql8.0"),
        right=with_group("mysql8.4"),
    ),
    "parameters of a version that does not exist": Case(
        rule="family_exists",
        words="ParameterGroupFamily mysql9.9 is not a valid parameter group family",
        faulty={"Parameters": resource("RDS::DBParameterGroup", Family="mysql9.9", Description="own")},
        right={"Parameters": resource("RDS::DBParameterGroup", Family="mysql8.4", Description="own")},
    ),
    "subnets in one zone": Case(
        rule="two_zones",
        words="DB Subnet Group doesn't meet availability zone coverage requirement.",
        faulty=network()
        | {"Subnets": resource("RDS::DBSubnetGroup", DBSubnetGroupDescription="one", SubnetIds=[ref("Subnet")])},
        right=network()
        | {
            "Subnets": resource(
                "RDS::DBSubnetGroup", DBSubnetGroupDescription="two", SubnetIds=[ref("Subnet"), ref("Other")]
            )
        },
    ),
}

IAM = {
    "a role for nobody": Case(
        rule="trust_of_nobody",
        words=f'Invalid principal in policy: "AWS":"{NOBODY}"',
        faulty={"Role": resource("IAM::Role", AssumeRolePolicyDocument=trust_of(Principal={"AWS": NOBODY}))},
        right={
            "Other": role("lambda.amazonaws.com"),
            "Role": resource("IAM::Role", AssumeRolePolicyDocument=trust_of(Principal={"AWS": att("Other", "Arn")})),
        },
    ),
    "a trust policy without a principal": Case(
        rule="trust_without_principal",
        words="Missing required field Principal",
        faulty={"Role": resource("IAM::Role", AssumeRolePolicyDocument=trust_of())},
        right={"Role": role("ec2.amazonaws.com")},
    ),
    "a service that does not exist": Case(
        rule="unknown_service_principal",
        words='Invalid principal in policy: "SERVICE":"ecs_tasks"',
        faulty={"Role": role("ecs_tasks")},
        right={"Role": role("ecs-tasks.amazonaws.com")},
    ),
    "a managed policy that does not exist": Case(
        rule="unknown_managed_policy",
        words="Policy arn:aws:iam::123456789012:policy/nobody does not exist or is not attachable.",
        faulty={"Role": role("ec2.amazonaws.com", ManagedPolicyArns=[f"arn:aws:iam::{ACCOUNT}:policy/nobody"])},
        right={
            "Role": role(
                "ec2.amazonaws.com", ManagedPolicyArns=["arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"]
            )
        },
    ),
    "eleven managed policies": Case(
        rule="too_many_managed_policies",
        words="Cannot exceed quota for PoliciesPerRole: 10",
        faulty={
            "Role": role(
                "ec2.amazonaws.com", ManagedPolicyArns=["arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"] * 11
            )
        },
        right={
            "Role": role(
                "ec2.amazonaws.com", ManagedPolicyArns=["arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"]
            )
        },
    ),
    "a role whose name is taken": Case(
        rule="role_name_taken",
        words="Resource of type 'AWS::IAM::Role' with identifier 'the-role' already exists.",
        faulty={
            "A": role("ec2.amazonaws.com", RoleName="The-Role"),
            "B": role("ec2.amazonaws.com", RoleName="the-role") | {"DependsOn": "A"},
        },
        right={
            "A": role("ec2.amazonaws.com", RoleName="The-Role"),
            "B": role("ec2.amazonaws.com", RoleName="Other-Role"),
        },
    ),
    "a session of 13 hours": Case(
        rule="session_length",
        words="Value '46800' at 'maxSessionDuration' failed to satisfy constraint",
        faulty={"Role": role("ec2.amazonaws.com", MaxSessionDuration=46_800)},
        right={"Role": role("ec2.amazonaws.com", MaxSessionDuration=43_200)},
    ),
    "a policy without resources": Case(
        rule="malformed_policy",
        words="Policy statement must contain resources.",
        faulty=inline({"Effect": "Allow", "Action": "s3:GetObject"}),
        right=inline(ONE),
    ),
    "an action without its service": Case(
        rule="malformed_policy",
        words="Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
        faulty=inline(ONE | {"Action": "GetObject"}),
        right=inline(ONE),
    ),
    "an inline policy that is too long": Case(
        rule="inline_policies_too_long",
        words="Maximum policy size of 10240 bytes exceeded for role",
        faulty=inline(*(ONE | {"Resource": f"arn:aws:s3:::{'b' * 50}{index}/*"} for index in range(100))),
        right=inline(*(ONE | {"Resource": f"arn:aws:s3:::{'b' * 50}{index}/*"} for index in range(50))),
    ),
    "a policy of an unknown role": Case(
        rule="policy_of_unknown_role",
        words="The role with name nobody cannot be found.",
        faulty=inline(ONE, roles=["nobody"]),
        right=inline(ONE),
    ),
    "an instance profile of an unknown role": Case(
        rule="profile_of_unknown_role",
        words="The role with name nobody cannot be found.",
        faulty={"Profile": resource("IAM::InstanceProfile", Roles=["nobody"])},
        right={"Role": role("ec2.amazonaws.com"), "Profile": resource("IAM::InstanceProfile", Roles=[ref("Role")])},
    ),
}

KMS = {
    "a key for nobody": Case(
        rule="invalid_principal",
        words="Policy contains a statement with one or more invalid principals.",
        faulty=key(administer(), administer(NOBODY, "kms:Decrypt")),
        right=key(administer()),
    ),
    "a key that locks everybody out": Case(
        rule="locked_out",
        words="The new key policy will not allow you to update the key policy in the future.",
        faulty=key(administer(action="kms:Decrypt")),
        right=key(administer()),
    ),
    "a key that goes at once": Case(
        rule="pending_window",
        words="PendingWindowInDays must be between 7 and 30.",
        faulty=key(administer(), PendingWindowInDays=1),
        right=key(administer(), PendingWindowInDays=7),
    ),
}

LAMBDA = {
    "a function of a role that does not exist": Case(
        rule="function_role",
        words="The role defined for the function cannot be assumed by Lambda.",
        faulty=function(Role=NOBODY),
        right=function(),
    ),
    "a function of a role that trusts another service": Case(
        rule="function_role",
        words="The role defined for the function cannot be assumed by Lambda.",
        faulty=function() | {"Role": role("ec2.amazonaws.com")},
        right=function(),
    ),
    "a handler in a module that is not there": Case(
        rule="handler_is_missing",
        words="Runtime.ImportModuleError: Unable to import module 'main': No module named 'main'",
        faulty=function(Handler="main.handler"),
        right=function(),
    ),
    "a handler that is not there": Case(
        rule="handler_is_missing",
        words="Runtime.HandlerNotFound: Handler 'handle' missing on module 'index'",
        faulty=function(Handler="index.handle"),
        right=function(),
    ),
    "a retired runtime": Case(
        rule="retired_runtime",
        words="The runtime parameter of python3.8 is no longer supported for creating or updating",
        faulty=function(Runtime="python3.8"),
        right=function(Runtime="python3.13"),
    ),
    "a function that takes 20 minutes": Case(
        rule="function_limits",
        words="Value '1200' at 'timeout' failed to satisfy constraint: Member must have value less than or equal",
        faulty=function(Timeout=1200),
        right=function(Timeout=900),
    ),
    "a variable of Lambda's own": Case(
        rule="reserved_variables",
        words="Reserved keys used in this request: AWS_REGION",
        faulty=function(Environment={"Variables": {"AWS_REGION": "us-east-1"}}),
        right=function(Environment={"Variables": {"REGION": "us-east-1"}}),
    ),
    "variables of more than 4 KB": Case(
        rule="environment_size",
        words="exceeded the 4KB limit.",
        faulty=function(Environment={"Variables": {"LONG": "x" * 5000}}),
        right=function(Environment={"Variables": {"LONG": "x" * 4000}}),
    ),
    "all executions reserved": Case(
        rule="reserved_concurrency",
        words="decreases account's UnreservedConcurrentExecution below its minimum value of [100].",
        faulty=function(ReservedConcurrentExecutions=950),
        right=function(ReservedConcurrentExecutions=1),
    ),
    "a function in an unknown subnet": Case(
        rule="function_network",
        words="The subnet ID 'subnet-0' does not exist",
        faulty=network() | function(VpcConfig=AWSVPC),
        right=inside(*NETWORK_INTERFACE_ACTIONS),
    ),
    "a function in a network without the rights": Case(
        rule="",
        words="The provided execution role does not have permissions to call DeleteNetworkInterface on EC2",
        faulty=inside(*(name for name in NETWORK_INTERFACE_ACTIONS if name != "ec2:DeleteNetworkInterface")),
        right=inside(*NETWORK_INTERFACE_ACTIONS),
    ),
    "a function whose name is taken": Case(
        rule="function_exists",
        words="Function already exist: the-function",
        faulty=function(FunctionName="the-function")
        | {"Twin": function(FunctionName="the-function")["Function"] | {"DependsOn": "Function"}},
        right=function(FunctionName="the-function") | {"Twin": function(FunctionName="another")["Function"]},
    ),
    "a permission of no function": Case(
        rule="permission_of_nothing",
        words="Function not found: nothing",
        faulty={
            "Permission": resource(
                "Lambda::Permission",
                FunctionName="nothing",
                Action="lambda:InvokeFunction",
                Principal="events.amazonaws.com",
            )
        },
        right=function()
        | {
            "Permission": resource(
                "Lambda::Permission",
                FunctionName=ref("Function"),
                Action="lambda:InvokeFunction",
                Principal="events.amazonaws.com",
            )
        },
    ),
}

LOGS = {
    "a log group that exists": Case(
        rule="log_group_exists",
        words='AWS::Logs::LogGroup\' with identifier \'{"/properties/LogGroupName":"/wa/one"}\' already exists.',
        faulty=log(LogGroupName="/wa/one") | {"Twin": log(LogGroupName="/wa/one")["Log"] | {"DependsOn": "Log"}},
        right=log(LogGroupName="/wa/one") | {"Twin": log(LogGroupName="/wa/two")["Log"]},
    ),
    "logs for 31 days": Case(
        rule="retention_days",
        words="Value '31' at 'retentionInDays' failed to satisfy constraint: Member must satisfy enum value set",
        faulty=log(RetentionInDays=31),
        right=log(RetentionInDays=30),
    ),
    "an unknown key of logs": Case(
        rule="unknown_log_key",
        words="The specified KMS key does not exist or is not allowed to be used with Arn 'arn:aws:logs:us-east-1:",
        faulty=log(KmsKeyId=NO_KEY),
        right=key(administer(), FOR_LOGS) | log(KmsKeyId=att("Key", "Arn")),
    ),
    "a secret that exists": Case(
        rule="secret_exists",
        words="The operation failed because the secret wa/one already exists.",
        faulty=secret(Name="wa/one") | {"Twin": secret(Name="wa/one")["Secret"] | {"DependsOn": "Secret"}},
        right=secret(Name="wa/one") | {"Twin": secret(Name="wa/two")["Secret"]},
    ),
    "an unknown key of a secret": Case(
        rule="secret_key",
        words="Secrets Manager can't encrypt the protected secret text using the provided KMS key.",
        faulty=secret(KmsKeyId=NO_KEY),
        right=key(administer()) | secret(KmsKeyId=ref("Key")),
    ),
    "a template of a secret that is no JSON": Case(
        rule="generated_secret",
        words="Could not parse SecretStringTemplate JSON.",
        faulty=secret(GenerateSecretString={"SecretStringTemplate": "{user: wa}", "GenerateStringKey": "password"}),
        right=secret(GenerateSecretString={"SecretStringTemplate": '{"user": "wa"}', "GenerateStringKey": "password"}),
    ),
    "a secret with a space in its name": Case(
        rule="secret_name",
        words="Invalid name. Must be a valid name containing alphanumeric characters",
        faulty=secret(Name="wa one"),
        right=secret(Name="wa-one"),
    ),
    "a parameter that exists": Case(
        rule="parameter_exists",
        words="The parameter already exists.",
        faulty=parameter(Name="/wa/one")
        | {"Twin": parameter(Name="/wa/one")["Parameter"] | {"DependsOn": "Parameter"}},
        right=parameter(Name="/wa/one") | {"Twin": parameter(Name="/wa/two")["Parameter"]},
    ),
    "a parameter of 5,000 bytes": Case(
        rule="parameter_size",
        words="Standard tier parameters support a maximum parameter value of 4096 characters.",
        faulty=parameter(Value="x" * 5000),
        right=parameter(Value="x" * 5000, Tier="Advanced"),
    ),
    "a parameter by the name of AWS": Case(
        rule="parameter_name",
        words='can\'t be prefixed with "aws" or "ssm" (case-insensitive).',
        faulty=parameter(Name="/aws/wa"),
        right=parameter(Name="/wa/aws"),
    ),
    "a parameter that breaks its own pattern": Case(
        rule="parameter_pattern",
        words="Parameter value, cannot be validated against allowedPattern: ^[0-9]+$",
        faulty=parameter(AllowedPattern="^[0-9]+$"),
        right=parameter(AllowedPattern="^[a-z]+$"),
    ),
}

WATCHING = {
    "a dashboard that is not JSON": Case(
        rule="dashboard_is_json",
        words="The field DashboardBody must be a valid JSON object",
        faulty=dashboard("{widgets: []}"),
        right=dashboard('{"widgets": []}'),
    ),
    "a metric with a number in it": Case(
        rule="dashboard_widgets",
        words="The dashboard body is invalid, there are 1 validation errors",
        faulty=dashboard(metrics("AWS/ECS", "CPUUtilization", "ServiceName", 5)),
        right=dashboard(metrics("AWS/ECS", "CPUUtilization", "ServiceName", "five", {"stat": "Average"})),
    ),
    "a dashboard with a dot in its name": Case(
        rule="dashboard_name",
        words="The value wa.one for field DashboardName contains invalid characters.",
        faulty=dashboard('{"widgets": []}', DashboardName="wa.one"),
        right=dashboard('{"widgets": []}', DashboardName="wa-one"),
    ),
    "an alarm every 45 s": Case(
        rule="alarm_period",
        words="Period must be 10, 20, 30 or a multiple of 60",
        faulty=alarm(Period=45),
        right=alarm(Period=30),
    ),
    "an alarm over two days": Case(
        rule="alarm_span",
        words="Metrics cannot be checked across more than a day (EvaluationPeriods * Period must be <= 86400).",
        faulty=alarm(Period=300, EvaluationPeriods=576),
        right=alarm(Period=3600, EvaluationPeriods=48),
    ),
    "an alarm that waits for more than it sees": Case(
        rule="alarm_datapoints",
        words="DatapointsToAlarm must be less than or equal to EvaluationPeriods",
        faulty=alarm(EvaluationPeriods=2, DatapointsToAlarm=3),
        right=alarm(EvaluationPeriods=3, DatapointsToAlarm=2),
    ),
    "an alarm that tells no topic": Case(
        rule="alarm_actions",
        words="Invalid arn syntax: my-topic",
        faulty=alarm(AlarmActions=["my-topic"]),
        right=topic(publish()) | alarm(AlarmActions=[ref("Topic")]),
    ),
    "an unknown statistic": Case(
        rule="alarm_words",
        words="Value 'Median' at 'statistic' failed to satisfy constraint: Member must satisfy enum value set",
        faulty=alarm(Statistic="Median"),
        right=alarm(Statistic="Average"),
    ),
    "a topic for nobody": Case(
        rule="topic_principal",
        words="Invalid parameter: Policy Error: PrincipalNotFound",
        faulty=topic(publish(Principal={"AWS": NOBODY})),
        right=topic(publish(Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:root"})),
    ),
    "a topic that allows everything": Case(
        rule="topic_actions",
        words="Invalid parameter: Policy statement action out of service scope!",
        faulty=topic(publish(Action="sns:*")),
        right=topic(publish()),
    ),
    "a letter to no address": Case(
        rule="subscription_endpoint",
        words="Invalid parameter: Email address",
        faulty=topic(publish())
        | {"Letter": resource("SNS::Subscription", TopicArn=ref("Topic"), Protocol="email", Endpoint="operations")},
        right=topic(publish())
        | {
            "Letter": resource(
                "SNS::Subscription", TopicArn=ref("Topic"), Protocol="email", Endpoint="operations@example.com"
            )
        },
    ),
    "a schedule of one minutes": Case(
        rule="schedule",
        words="Parameter ScheduleExpression is not valid.",
        faulty=rule(ScheduleExpression="rate(1 minutes)"),
        right=rule(ScheduleExpression="rate(1 minute)"),
    ),
    "a rule with six targets": Case(
        rule="five_targets",
        words="The requested resource exceeds the maximum number allowed.",
        faulty=rule(
            ScheduleExpression="rate(1 hour)", Targets=[{"Arn": ref("Topic"), "Id": f"t{index}"} for index in range(6)]
        ),
        right=rule(
            ScheduleExpression="rate(1 hour)", Targets=[{"Arn": ref("Topic"), "Id": f"t{index}"} for index in range(5)]
        ),
    ),
    "a target that is no ARN": Case(
        rule="targets_are_arns",
        words="Parameter my-topic is not valid. Reason: Provided Arn is not in correct format.",
        faulty=rule(ScheduleExpression="rate(1 hour)", Targets=[{"Arn": "my-topic", "Id": "t"}]),
        right=rule(ScheduleExpression="rate(1 hour)", Targets=[{"Arn": ref("Topic"), "Id": "t"}]),
    ),
    "a state machine that exists": Case(
        rule="machine_exists",
        words="State Machine Already Exists: 'arn:aws:states:us-east-1:123456789012:stateMachine:the-machine'",
        faulty=machine(PASS, StateMachineName="the-machine")
        | {"Twin": machine(PASS, StateMachineName="the-machine")["Machine"] | {"DependsOn": "Machine"}},
        right=machine(PASS, StateMachineName="the-machine")
        | {"Twin": machine(PASS, StateMachineName="another")["Machine"]},
    ),
    "a state machine of another service's role": Case(
        rule="machine_role",
        words="is authorized to assume the provided role.",
        faulty=machine(PASS) | {"Role": role("lambda.amazonaws.com")},
        right=machine(PASS),
    ),
    "a state machine that goes nowhere": Case(
        rule="machine_definition",
        words="MISSING_TRANSITION_TARGET",
        faulty=machine(json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B"}}})),
        right=machine(PASS),
    ),
}

CASES = RDS | IAM | KMS | LAMBDA | LOGS | WATCHING
