"""Shards follow the stack: what calls Set Shards, and when (D-8, M-22, M-23)."""

from collections.abc import Mapping, Sequence
from typing import Final, cast

from aws_cdk import Aws, CfnElement, CustomResource, Duration, RemovalPolicy, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import custom_resources as cr
from constructs import Construct

from functions import contract
from multiconnect import defaults
from multiconnect.arns import Arn, arn_of
from multiconnect.client import Client
from multiconnect.dependencies import wait_for_policy_alone
from multiconnect.entry import Entry
from multiconnect.fleet import Fleet
from multiconnect.function import Function, function_security_group
from multiconnect.monitoring import Alarms
from multiconnect.roles import API_PORT
from multiconnect.runbook import STATE_MACHINE_LOGS, set_shards_runbook
from multiconnect.waivers import waive

DEFAULT_CERTIFICATE_MAX_AGE_DAYS: Final = 30
"""An operator's confirmation of the certificate counts for this long (M-11)."""

FUNCTION_TIMEOUT_MINUTES: Final = 3
"""One call looks once and tries once to set the shards; the waiting is done between the calls."""

QUERY_INTERVAL_SECONDS: Final = 5
"""How often a resize is looked at: a restart of all coreapps takes 45 to 60 s (M-22)."""

TOTAL_TIMEOUT_MINUTES: Final = 45
"""The functions give up, and put the shards back, after 30 minutes; CloudFormation gives up after 60."""

RECONCILE_INTERVAL_MINUTES: Final = 15
"""A person, or a client that did not answer, may have left another number of shards behind without any event."""

RECONCILE_FAILURES_TOLERATED: Final = 3
"""All calls of one event. In two intervals there are two events at least, so that more than one of them has failed."""


class ShardManager(Construct):
    """The functions that set the shards, the provider of the two custom resources, the reconciler and the runbook.

    Attributes:
        service_token: What the custom resources name as their provider.
        security_group: The group that the functions call the client's API from.
        properties: What the functions need to know of the account and its certificate.
        runbook: A state machine with which an operator sets the shards by hand.
    """

    service_token: str
    security_group: ec2.SecurityGroup
    properties: Mapping[str, str]
    runbook: sfn.StateMachine

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        stack_name: str,
        account_secret_name: str,
        account_secret_key_arn: str | None = None,
        vpc: ec2.IVpc,
        code: lambda_.Code,
        log_key: kms.IKey,
        endpoint: str | None = None,
        ca_parameter_name: str | None = None,
        certificate_max_age_days: int = DEFAULT_CERTIFICATE_MAX_AGE_DAYS,
        log_retention: logs.RetentionDays = defaults.LOG_RETENTION,
        log_removal_policy: RemovalPolicy = defaults.REMOVAL_POLICY,
    ) -> None:
        """Make the functions and what calls them.

        Args:
            scope: The Lambda stack.
            construct_id: A contract: another id is another provider.
            stack_name: The enterprise stack, whose outputs name the endpoint and the declared number of shards.
            account_secret_name: The secret with login, number and certificate of the client's account.
            account_secret_key_arn: The KMS key that encrypts this secret. Default: AWS's own key for Secrets Manager,
                which needs no right.
            vpc: With private subnets.
            code: What `function.function_code` returned.
            log_key: Encrypts the logs.
            endpoint: Where the client's API is. Default: the load balancer.
            ca_parameter_name: The SSM parameter with the certificate authority of the client's API. Default: the
                public authorities verify it.
            certificate_max_age_days: How old the operator's confirmation of the certificate may be. Default:
                `DEFAULT_CERTIFICATE_MAX_AGE_DAYS`.
            log_retention: How long the logs are kept. Default: `defaults.LOG_RETENTION`.
            log_removal_policy: What happens to the logs when the stack is deleted. Default: `defaults.REMOVAL_POLICY`.
        """
        super().__init__(scope, construct_id)
        self.properties = {
            contract.SECRET_ARN: account_secret_name,
            contract.CERTIFICATE_MAX_AGE_DAYS: str(certificate_max_age_days),
            **({contract.ENDPOINT: endpoint} if endpoint else {}),
            **({contract.CA_PARAMETER_NAME: ca_parameter_name} if ca_parameter_name else {}),
        }
        self.security_group = function_security_group(
            self, "ShardsSecurityGroup", vpc=vpc, description="Functions that set the shards of the client"
        )
        secret = secretsmanager.Secret.from_secret_name_v2(self, "ClientAccount", account_secret_name)
        describing = _describing(Stack.of(self), stack_name)

        def function(construct_id: str, handler: str, description: str) -> Function:
            made = Function(
                self,
                construct_id,
                handler=handler,
                description=description,
                code=code,
                vpc=vpc,
                security_group=self.security_group,
                statements=[
                    iam.PolicyStatement(actions=[action], resources=[arn.value]) for action, arn in describing.items()
                ],
                timeout_minutes=FUNCTION_TIMEOUT_MINUTES,
                log_key=log_key,
                log_retention=log_retention,
                log_removal_policy=log_removal_policy,
            )
            for arn in describing.values():
                waive(
                    made.execution_role,
                    f"AwsSolutions-IAM5[Resource::{arn.shown}]",
                    "One stack and its services, whose names CloudFormation ends with letters of its own.",
                )
            secret.grant_read(made)
            if account_secret_key_arn:
                _allow_to_decrypt(made, account_secret_key_arn)
            if ca_parameter_name:
                _allow_to_read_parameter(made, ca_parameter_name)
            return made

        ask = function("ShardsAsk", contract.SHARDS_ON_EVENT_HANDLER, "Notes which number of shards is asked for")
        step = function("ShardsStep", contract.SHARDS_IS_COMPLETE_HANDLER, "Takes the next step of a change of shards")
        reconcile = function(
            "ShardsReconcile", contract.SHARDS_RECONCILE_HANDLER, "Brings the shards to what the stack declares"
        )
        log_group = logs.LogGroup(
            self,
            "ShardsProviderLog",
            retention=log_retention,
            encryption_key=log_key,
            removal_policy=log_removal_policy,
        )
        callers = Construct(self, "Shards")
        provider = cr.Provider(
            callers,
            "Provider",
            on_event_handler=ask,
            is_complete_handler=step,
            query_interval=Duration.seconds(QUERY_INTERVAL_SECONDS),
            total_timeout=Duration.minutes(TOTAL_TIMEOUT_MINUTES),
            log_group=log_group,
            disable_waiter_state_machine_logging=True,
        )
        self.service_token = provider.service_token
        properties = {**self.properties, contract.STACK_NAME: stack_name}
        _reconcile_on_events(callers, reconcile, stack_name, properties)
        self.runbook = set_shards_runbook(
            callers,
            ask=ask,
            step=step,
            properties=properties,
            query_interval_seconds=QUERY_INTERVAL_SECONDS,
            timeout_minutes=TOTAL_TIMEOUT_MINUTES,
            log_group=logs.LogGroup(
                self,
                "ShardsRunbookLog",
                log_group_name=f"{STATE_MACHINE_LOGS}{stack_name}-set-shards",
                retention=log_retention,
                encryption_key=log_key,
                # Another one could not take this name while it stayed. The functions' own logs stay and say the same.
                removal_policy=RemovalPolicy.DESTROY,
            ),
        )
        framework = [provider.node.find_child(f"framework-{name}") for name in ("onEvent", "isComplete", "onTimeout")]
        for called in framework:
            wait_for_policy_alone(called, called.node.find_child("ServiceRole"))
        for machine in (provider.node.find_child("waiter-state-machine"), self.runbook):
            wait_for_policy_alone(machine, machine.node.find_child("Role"))
        for called in (*framework, ask, step):
            name = Stack.of(self).get_logical_id(cast(CfnElement, called.node.default_child))
            waive(
                callers,
                f"AwsSolutions-IAM5[Resource::<{name}.Arn>:*]",
                "The CDK lets a caller call every version of one function; this one has a single version.",
            )
        for finding, reason in {
            "IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole]": (
                "The CDK's provider framework takes this policy for its three functions; it writes their logs."
            ),
            "IAM5[Resource::*]": "Delivery of the state machine's logs and traces takes no resource.",
            "L1": "The CDK's provider framework chooses the runtime of its own functions, and keeps it in support.",
            "SF1": "Each step is a function that logs it; the waiter itself only counts.",
            "SF2": "Each step is a function that logs its times; the waiter itself only counts.",
        }.items():
            waive(callers, f"AwsSolutions-{finding}", reason)
        self._deployed, self._reconcile = (ask, step), reconcile

    def add_alarms(self, alarms: Alarms) -> None:
        """Add an alarm for each function that fails."""
        for function in self._deployed:
            function.add_alarms(alarms, failure_means="a change of the shards was not made")
        # Lambda calls it three times for each event, and a client that restarts answers the second or third call.
        self._reconcile.add_alarms(
            alarms,
            failure_means="the shards may not be what the stack declares",
            tolerated_failures=RECONCILE_FAILURES_TOLERATED,
            minutes=2 * RECONCILE_INTERVAL_MINUTES,
        )


class ShardResources(Construct):
    """The two custom resources around the coreapp service: one before it, which lowers, and one after it, which raises.

    Attributes:
        before: The one that lowers the shards before the services shrink (M-23).
        after: The one that raises the shards once the coreapps run (M-22).
    """

    before: CustomResource
    after: CustomResource

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        manager: ShardManager,
        active_coreapps: int,
        fleet: Fleet,
        entry: Entry,
        client: Client,
        nat_addresses: Sequence[str] = (),
    ) -> None:
        """Place the custom resources and let their functions call the client's API.

        Args:
            scope: The enterprise stack.
            construct_id: A contract: other ids are other custom resources.
            manager: Their provider, in the Lambda stack.
            active_coreapps: The number of shards to declare.
            fleet: The hosts, which stay until the shards are lowered.
            entry: The load balancer in front of the client's API.
            client: The services, of which the coreapps serve the shards.
            nat_addresses: The public addresses that the functions come from when the load balancer is internet-facing,
                since rules by security group match private addresses alone (T-12). Default: none, they come from
                inside.
        """
        super().__init__(scope, construct_id)
        # The functions' group belongs to the Lambda stack. An import keeps the rule in this one.
        callers = ec2.SecurityGroup.from_security_group_id(
            self, "ShardsSecurityGroup", manager.security_group.security_group_id
        )
        entry.security_group.connections.allow_from(callers, ec2.Port.tcp(API_PORT), "Functions that set the shards")
        for address in nat_addresses:
            entry.security_group.add_ingress_rule(
                ec2.Peer.ipv4(f"{address}/32"), ec2.Port.tcp(API_PORT), "Functions that set the shards, through NAT"
            )
        properties = {
            contract.ENDPOINT: f"https://{entry.load_balancer.load_balancer_dns_name}",
            **manager.properties,
            contract.SHARDS: str(active_coreapps),
        }
        self.before = CustomResource(
            self,
            "ShardsBefore",
            service_token=manager.service_token,
            properties={**properties, contract.PLACE: contract.BEFORE},
        )
        # Neither hosts nor coreapps may go while a shard is still to be served by them (M-23).
        fleet.start_after(self.before)
        client.coreapp.node.add_dependency(self.before)
        self.after = CustomResource(
            self,
            "ShardsAfter",
            service_token=manager.service_token,
            properties={
                **properties,
                contract.PLACE: contract.AFTER,
                contract.CLUSTER_NAME: fleet.cluster.cluster_name,
                contract.SERVICE_NAME: client.coreapp.service_name,
            },
        )
        # It waits for the coreapps as well, whose service its properties name.
        self.after.node.add_dependency(client.webapp, client.master)


def _describing(stack: Stack, stack_name: str) -> dict[str, Arn]:
    """Return the actions that describe one stack and its services, with the ARN that each needs."""
    return {
        "cloudformation:DescribeStacks": arn_of(stack, "cloudformation", "stack", f"{stack_name}/*"),
        "ecs:DescribeServices": arn_of(stack, "ecs", "service", f"{stack_name}-*"),
    }


def _allow_to_read_parameter(function: Function, name: str) -> None:
    arn = Stack.of(function).format_arn(service="ssm", resource="parameter", resource_name=name.removeprefix("/"))
    function.execution_role.add_to_policy(iam.PolicyStatement(actions=["ssm:GetParameter"], resources=[arn]))


def _allow_to_decrypt(function: Function, key_arn: str) -> None:
    """Let a function read secrets that a key encrypts, and use the key for nothing else (T-44)."""
    function.execution_role.add_to_policy(
        iam.PolicyStatement(
            actions=["kms:Decrypt"],
            resources=[key_arn],
            conditions={"StringEquals": {"kms:ViaService": f"secretsmanager.{Aws.REGION}.{Aws.URL_SUFFIX}"}},
        )
    )


def _reconcile_on_events(scope: Construct, reconcile: Function, stack_name: str, properties: Mapping[str, str]) -> None:
    """Call the reconciler when the stack or the coreapp service has settled, and regularly."""
    target = targets.LambdaFunction(reconcile, event=events.RuleTargetInput.from_object(dict(properties)))
    stack = Stack.of(scope).format_arn(service="cloudformation", resource="stack", resource_name=f"{stack_name}/")
    services = Stack.of(scope).format_arn(service="ecs", resource="service", resource_name=f"{stack_name}-")
    events.Rule(
        scope,
        "StackSettled",
        description="The stack is settled: its rollback may have left the shards behind",
        event_pattern=events.EventPattern(
            source=["aws.cloudformation"],
            detail_type=["CloudFormation Stack Status Change"],
            detail={
                "stack-id": events.Match.prefix(stack),
                "status-details": {"status": ["UPDATE_ROLLBACK_COMPLETE", "UPDATE_COMPLETE"]},
            },
        ),
        targets=[target],
    )
    events.Rule(
        scope,
        "ServiceSteady",
        description="The coreapp service is steady: the coreapps may be there now",
        event_pattern=events.EventPattern(
            source=["aws.ecs"],
            detail_type=["ECS Service Action"],
            resources=events.Match.prefix(services),
            detail={"eventName": ["SERVICE_STEADY_STATE"]},
        ),
        targets=[target],
    )
    events.Rule(
        scope,
        "Regularly",
        description="Nothing may have told of a difference",
        schedule=events.Schedule.rate(Duration.minutes(RECONCILE_INTERVAL_MINUTES)),
        targets=[target],
    )
