"""Shards follow the stack: what calls Set Shards, and when (D-8, M-22, M-23)."""

from collections.abc import Mapping
from typing import cast

from aws_cdk import CfnElement, Duration, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from aws_cdk import custom_resources as cr
from constructs import Construct

from multiconnect.dependencies import wait_for_policy_alone
from multiconnect.waivers import waive

QUERY_INTERVAL_SECONDS = 5
"""How often a resize is looked at: a restart of all coreapps takes 45 to 60 s (M-22)."""

TOTAL_TIMEOUT_MINUTES = 45
"""The functions give up, and give back, after 30 minutes (`functions.shards.decision`); CloudFormation after 60."""

RECONCILE_EVERY_MINUTES = 15
"""A person, or a client that was away, may have left another number behind without an event."""


class ShardManager(Construct):
    """The provider of the two custom resources, the reconciler and the runbook.

    Attributes:
        service_token: What the custom resources name.
        runbook: A state machine for the operator.
    """

    service_token: str
    runbook: sfn.StateMachine

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        on_event: lambda_.IFunction,
        is_complete: lambda_.IFunction,
        reconcile: lambda_.IFunction,
        stack_name: str,
        properties: Mapping[str, str],
        log_group: logs.ILogGroup,
    ) -> None:
        """Wire the functions up.

        Args:
            scope: The Lambda stack.
            construct_id: A contract: another id is another provider.
            on_event: `functions.shards.resource.on_event`.
            is_complete: `functions.shards.resource.is_complete`.
            reconcile: `functions.shards.reconcile.handler`.
            stack_name: The enterprise stack, whose outputs name the endpoint and the declared number.
            properties: What all of them are told, beside the stack's name.
            log_group: For the provider and the runbook.
        """
        super().__init__(scope, construct_id)
        provider = cr.Provider(
            self,
            "Provider",
            on_event_handler=on_event,
            is_complete_handler=is_complete,
            query_interval=Duration.seconds(QUERY_INTERVAL_SECONDS),
            total_timeout=Duration.minutes(TOTAL_TIMEOUT_MINUTES),
            log_group=log_group,
            disable_waiter_state_machine_logging=True,
        )
        self.service_token = provider.service_token
        told = {**properties, "StackName": stack_name}
        self._reconcile_on_events(reconcile, stack_name, told)
        self.runbook = self._runbook(on_event, is_complete, told, log_group)
        framework = [provider.node.find_child(f"framework-{name}") for name in ("onEvent", "isComplete", "onTimeout")]
        for function in framework:
            wait_for_policy_alone(function, function.node.find_child("ServiceRole"))
        for machine in (provider.node.find_child("waiter-state-machine"), self.runbook):
            wait_for_policy_alone(machine, machine.node.find_child("Role"))
        for construct in (*framework, on_event, is_complete):
            name = Stack.of(self).get_logical_id(cast(CfnElement, construct.node.default_child))
            waive(
                self,
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
            waive(self, f"AwsSolutions-{finding}", reason)

    def _reconcile_on_events(self, reconcile: lambda_.IFunction, stack_name: str, told: Mapping[str, str]) -> None:
        target = targets.LambdaFunction(reconcile, event=events.RuleTargetInput.from_object(dict(told)))
        stack = Stack.of(self).format_arn(service="cloudformation", resource="stack", resource_name=f"{stack_name}/")
        services = Stack.of(self).format_arn(service="ecs", resource="service", resource_name=f"{stack_name}-")
        events.Rule(
            self,
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
            self,
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
            self,
            "Regularly",
            description="Nothing may have told of a difference",
            schedule=events.Schedule.rate(Duration.minutes(RECONCILE_EVERY_MINUTES)),
            targets=[target],
        )

    def _runbook(
        self,
        on_event: lambda_.IFunction,
        is_complete: lambda_.IFunction,
        told: Mapping[str, str],
        log_group: logs.ILogGroup,
    ) -> sfn.StateMachine:
        """A state machine that an operator starts in the console with `{"shards": "8"}`: same guards, same waiting."""
        properties = {**told, "Place": "after", "Shards": sfn.JsonPath.string_at("$.shards")}
        ask = tasks.LambdaInvoke(
            self,
            "Ask",
            lambda_function=on_event,
            payload=sfn.TaskInput.from_object(
                {
                    "RequestType": "Create",
                    "LogicalResourceId": "Runbook",
                    "ResourceProperties": properties,
                }
            ),
            result_path="$.asked",
            retry_on_service_exceptions=False,
        )
        look = tasks.LambdaInvoke(
            self,
            "Look",
            lambda_function=is_complete,
            payload=sfn.TaskInput.from_object(
                {
                    "RequestType": "Create",
                    "ResourceProperties": properties,
                    "Started": sfn.JsonPath.number_at("$.asked.Payload.Started"),
                    "Floor": sfn.JsonPath.number_at("$.asked.Payload.Floor"),
                }
            ),
            result_path="$.looked",
        )
        wait = sfn.Wait(self, "Wait", time=sfn.WaitTime.duration(Duration.seconds(QUERY_INTERVAL_SECONDS)))
        done = sfn.Succeed(self, "Served")
        definition = ask.next(look).next(
            sfn.Choice(self, "Done?")
            .when(sfn.Condition.boolean_equals("$.looked.Payload.IsComplete", True), done)
            .otherwise(wait.next(look))
        )
        return sfn.StateMachine(
            self,
            "SetShardsRunbook",
            comment='Sets the shards by hand: start it with {"shards": "8"}',
            definition_body=sfn.DefinitionBody.from_chainable(definition),
            timeout=Duration.minutes(TOTAL_TIMEOUT_MINUTES),
            logs=sfn.LogOptions(destination=log_group, level=sfn.LogLevel.ALL, include_execution_data=False),
            tracing_enabled=True,
        )
