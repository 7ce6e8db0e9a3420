"""Which resource waits for which, where the CDK says it twice."""

from aws_cdk import CfnResource, Stack
from constructs import IConstruct


def wait_for_policy_alone(construct: IConstruct, role: IConstruct) -> None:
    """Make a function or state machine wait for its role's policy, and for nothing that its properties name already.

    The CDK also writes a dependency on the role, of which cfn-lint warns (W3005). The one on the policy stays: without
    it the thing may be called before it is allowed anything.
    """
    policy = role.node.find_child("DefaultPolicy").node.default_child
    definition = construct.node.default_child
    if not isinstance(policy, CfnResource) or not isinstance(definition, CfnResource):
        raise TypeError("the construct and its role's policy are resources of their own")
    definition.add_override("DependsOn", [Stack.of(policy).get_logical_id(policy)])
