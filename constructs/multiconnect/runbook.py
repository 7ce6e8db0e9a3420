"""The state machine with which an operator sets the shards by hand (D-8)."""

from collections.abc import Mapping
from typing import Final

from aws_cdk import Duration
from aws_cdk import aws_logs as logs
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from functions import contract
from multiconnect.function import Function

STATE_MACHINE_LOGS: Final = "/aws/vendedlogs/states/"
"""Where the log group's name begins (T-28).

For every other name AWS adds a line to a policy of the account, which ends at 5,120 characters.
Source: https://docs.aws.amazon.com/step-functions/latest/dg/bp-cwl.html
"""

PASSING_ERRORS: Final = (
    # A function that was idle for weeks is inactive. Its first call fails and makes it ready (T-28); the SDKs call this
    # by two names: https://github.com/boto/boto3/issues/3788
    "Lambda.ResourceNotReadyException",
    "Lambda.CodeArtifactUserPendingException",
    # https://docs.aws.amazon.com/step-functions/latest/dg/bp-lambda-serviceexception.html
    "Lambda.TooManyRequestsException",
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
)
"""Errors of Lambda itself, which another call may not meet.

Some of them leave open whether the function ran. Another call is harmless then, since both functions begin with what
they see and keep nothing between two calls (`functions.shards.resource`). An error of the functions is not among them:
it is their answer.
"""

FIRST_RETRY_SECONDS: Final = 2
RETRIES: Final = 6
"""Each wait is twice as long as the one before, 126 s in all.

How long an inactive function takes is not published. Most of it is its network interface, which AWS gives 90 s at most:
https://aws.amazon.com/blogs/compute/announcing-improved-vpc-networking-for-aws-lambda-functions/
"""


def set_shards_runbook(
    scope: Construct,
    *,
    ask: Function,
    step: Function,
    properties: Mapping[str, str],
    query_interval_seconds: int,
    timeout_minutes: int,
    log_group: logs.ILogGroup,
) -> sfn.StateMachine:
    """Return a state machine that an operator starts with `{"shards": "8"}`; guards and waiting are a deploy's.

    Args:
        scope: The construct that owns the state machine and its states.
        ask: Notes which number is asked for.
        step: Takes the next step.
        properties: What both are told of the client.
        query_interval_seconds: How often a step is taken.
        timeout_minutes: When the state machine gives up.
        log_group: Where its log goes; its name begins with `STATE_MACHINE_LOGS`.
    """
    properties = {
        **properties,
        contract.PLACE: contract.AFTER,
        contract.SHARDS: sfn.JsonPath.string_at("$.shards"),
    }
    first = tasks.LambdaInvoke(
        scope,
        "Ask",
        lambda_function=ask,
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
        scope,
        "Look",
        lambda_function=step,
        payload=sfn.TaskInput.from_object(
            {
                "RequestType": "Create",
                "ResourceProperties": properties,
                contract.STARTED: sfn.JsonPath.number_at(f"$.asked.Payload.{contract.STARTED}"),
                contract.FLOOR: sfn.JsonPath.number_at(f"$.asked.Payload.{contract.FLOOR}"),
            }
        ),
        result_path="$.looked",
        retry_on_service_exceptions=False,
    )
    for call in (first, look):
        call.add_retry(
            errors=list(PASSING_ERRORS),
            interval=Duration.seconds(FIRST_RETRY_SECONDS),
            max_attempts=RETRIES,
            backoff_rate=2,
        )
    wait = sfn.Wait(scope, "Wait", time=sfn.WaitTime.duration(Duration.seconds(query_interval_seconds)))
    done = sfn.Succeed(scope, "Served")
    definition = first.next(look).next(
        sfn.Choice(scope, "Done?")
        .when(sfn.Condition.boolean_equals(f"$.looked.Payload.{contract.IS_COMPLETE}", True), done)
        .otherwise(wait.next(look))
    )
    return sfn.StateMachine(
        scope,
        "SetShardsRunbook",
        comment='Sets the shards by hand: start it with {"shards": "8"}',
        definition_body=sfn.DefinitionBody.from_chainable(definition),
        timeout=Duration.minutes(timeout_minutes),
        logs=sfn.LogOptions(destination=log_group, level=sfn.LogLevel.ALL, include_execution_data=False),
        tracing_enabled=True,
    )
