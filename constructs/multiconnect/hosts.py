"""The function behind HostsBefore and HostsAfter: the cap falls last, hosts are renewed, and a destroy ends (D-12)."""

from aws_cdk import ArnFormat, RemovalPolicy, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from functions import contract
from multiconnect import defaults
from multiconnect.arns import arn_of
from multiconnect.function import MAX_TIMEOUT_MINUTES, Function
from multiconnect.waivers import waive


class HostsFunction(Function):
    """The function of both custom resources around the hosts of one stack, and the rule that calls it in a rollback."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        stack_name: str,
        code: lambda_.Code,
        log_key: kms.IKey,
        log_retention: logs.RetentionDays = defaults.LOG_RETENTION,
        log_removal_policy: RemovalPolicy = defaults.REMOVAL_POLICY,
    ) -> None:
        """Make the function.

        Args:
            scope: The Lambda stack.
            construct_id: A contract: another id is another function.
            stack_name: The enterprise stack, whose hosts and services it may change.
            code: What `function.function_code` returned.
            log_key: Encrypts the log.
            log_retention: How long the log is kept. Default: `defaults.LOG_RETENTION`.
            log_removal_policy: What happens to the log when the stack is deleted. Default: `defaults.REMOVAL_POLICY`.
        """
        stack = Stack.of(scope)
        group = f"*:autoScalingGroupName/{stack_name}-*"  # the first part is an id that AWS chooses
        rights = {
            arn_of(stack, "cloudformation", "stack", f"{stack_name}/*"): ["cloudformation:DescribeStacks"],
            # A service's name follows that of its cluster, and both begin with the stack's.
            arn_of(stack, "ecs", "service", f"{stack_name}-*"): ["ecs:DescribeServices", "ecs:UpdateService"],
            arn_of(stack, "ecs", "cluster", f"{stack_name}-*"): [
                "ecs:ListContainerInstances",
                "ecs:DeregisterContainerInstance",
            ],
            arn_of(stack, "ecs", "container-instance", f"{stack_name}-*"): ["ecs:DescribeContainerInstances"],
            arn_of(stack, "autoscaling", "autoScalingGroup", group, ArnFormat.COLON_RESOURCE_NAME): [
                "autoscaling:CancelInstanceRefresh",
                "autoscaling:CompleteLifecycleAction",
                "autoscaling:StartInstanceRefresh",
                "autoscaling:SuspendProcesses",
                "autoscaling:UpdateAutoScalingGroup",
            ],
        }
        super().__init__(
            scope,
            construct_id,
            handler=contract.HOSTS_HANDLER,
            description="Lowers services before the cap of the hosts falls, renews hosts, and ends them on a delete",
            code=code,
            statements=[
                *(iam.PolicyStatement(actions=actions, resources=[arn.value]) for arn, actions in rights.items()),
                iam.PolicyStatement(actions=["autoscaling:DescribeAutoScalingGroups"], resources=["*"]),
            ],
            # Tasks take up to two minutes to stop, and hosts about five to end.
            timeout_minutes=MAX_TIMEOUT_MINUTES,
            log_key=log_key,
            log_retention=log_retention,
            log_removal_policy=log_removal_policy,
        )
        for arn in rights:
            waive(
                self.execution_role,
                f"AwsSolutions-IAM5[Resource::{arn.shown}]",
                "Resources of one stack alone, whose names CloudFormation ends with letters of its own.",
            )
        waive(
            self.execution_role,
            "AwsSolutions-IAM5[Resource::*]",
            "autoscaling:DescribeAutoScalingGroups takes no resource; what changes a group names it.",
        )
        self._call_when_a_rollback_begins(scope, stack_name)

    def _call_when_a_rollback_begins(self, scope: Construct, stack_name: str) -> None:
        """Let EventBridge call the function when the stack begins to take an update back.

        Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/event-detail-stack-status-change.html
        """
        # The CDK's own `Rule` needs its module of targets, which takes a while to load.
        rule = events.CfnRule(
            scope,
            "RollbackBegins",
            description="A rollback begins: hosts that an update took away are allowed again",
            event_pattern={
                "source": ["aws.cloudformation"],
                "detail-type": ["CloudFormation Stack Status Change"],
                "detail": {
                    "stack-id": [
                        {"prefix": arn_of(Stack.of(scope), "cloudformation", "stack", f"{stack_name}/").value}
                    ],
                    "status-details": {"status": ["UPDATE_ROLLBACK_IN_PROGRESS"]},
                },
            },
            targets=[
                events.CfnRule.TargetProperty(
                    id="Hosts",
                    arn=self.function_arn,
                    input=Stack.of(scope).to_json_string({contract.ROLLED_BACK_STACK: stack_name}),
                )
            ],
        )
        self.add_permission(
            "RollbackBegins", principal=iam.ServicePrincipal("events.amazonaws.com"), source_arn=rule.attr_arn
        )
