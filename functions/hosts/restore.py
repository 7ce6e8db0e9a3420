"""Gives the hosts back at the start of a rollback, in whatever order CloudFormation takes an update back.

EventBridge calls this when the rollback of the stack begins. After a shrink the group's maximum is low already. When
CloudFormation puts the services back before the group, it waits for tasks that find no host, for hours. So the maximum
is raised at once to the cap that the stack declared before, which its outputs still tell. It is never lowered here.
"""

from functions import contract
from functions.aws import AutoScaling, CloudFormation
from functions.hosts.decision import restored_maximum
from functions.log import log
from functions.stack import describe_stack, rolls_back, stack_outputs


def restore(stack: str, auto_scaling: AutoScaling, stacks: CloudFormation) -> None:
    """Raise the maximum of the group to what the stack declared before the update that is taken back.

    Args:
        stack: Name of the stack.
        auto_scaling: A client for EC2 Auto Scaling.
        stacks: A client for CloudFormation.
    """
    description = describe_stack(stacks, stack)
    outputs = stack_outputs(description)
    name, declared = outputs.get(contract.GROUP_NAME_OUTPUT), outputs.get(contract.MAXIMUM_HOSTS_OUTPUT)
    if not rolls_back(description) or name is None or declared is None:
        log("nothing to give back: no rollback is under way, or the stack was never complete", stack=stack)
        return
    groups = auto_scaling.describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"]
    for group in groups:
        maximum = restored_maximum(group["MaxSize"], int(declared))
        log("maximum of the group", group=name, current=group["MaxSize"], restored=maximum)
        if maximum is not None:
            auto_scaling.update_auto_scaling_group(AutoScalingGroupName=name, MaxSize=maximum)
