"""What CloudFormation says of a stack."""

from collections.abc import Mapping
from typing import Any

from functions.aws import CloudFormation


def describe_stack(stacks: CloudFormation, stack: str) -> Mapping[str, Any]:
    """Return CloudFormation's description of a stack.

    Args:
        stacks: A client for CloudFormation.
        stack: Name or ARN of the stack.
    """
    description: Mapping[str, Any] = stacks.describe_stacks(StackName=stack)["Stacks"][0]
    return description


def stack_outputs(description: Mapping[str, Any]) -> dict[str, str]:
    """Return the outputs of a described stack by their names.

    Until an update is complete, they are those from before it, in a rollback too.

    Example:
        >>> stack_outputs({"Outputs": [{"OutputKey": "ShardCount", "OutputValue": "8"}]})
        {'ShardCount': '8'}
    """
    return {output["OutputKey"]: output["OutputValue"] for output in description.get("Outputs", [])}


def rolls_back(description: Mapping[str, Any]) -> bool:
    """Return whether CloudFormation takes an update of the described stack back.

    The event that a custom resource gets in a rollback looks like that of any update: only the status tells.

    Example:
        >>> rolls_back({"StackStatus": "UPDATE_ROLLBACK_IN_PROGRESS"})
        True
    """
    return "ROLLBACK_IN_PROGRESS" in description["StackStatus"]
