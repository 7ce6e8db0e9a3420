"""Custom resource HostsBefore: lowers the services before CloudFormation lowers the cap (D-12).

Properties: `ClusterName`, and for each service the number of tasks that the template declares: `WebappTasks`,
`CoreappTasks`, `MasterTasks`. It stands in front of the services and cannot name them, so it takes their names from the
outputs of the stack.

A create and a delete do nothing: there is no service yet, or none any more.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from functions import contract
from functions.aws import CloudFormation, ServiceCounts
from functions.custom_resource import Answer, Request
from functions.deadline import Deadline
from functions.errors import Failure, Refusal
from functions.hosts.decision import Seen, next_step
from functions.log import log
from functions.stack import describe_stack, rolls_back, stack_outputs

SERVICE_OUTPUTS = {
    contract.WEBAPP_TASKS: contract.WEBAPP_SERVICE_OUTPUT,
    contract.COREAPP_TASKS: contract.COREAPP_SERVICE_OUTPUT,
    contract.MASTER_TASKS: contract.MASTER_SERVICE_OUTPUT,
}
"""Each property that declares a number of tasks, and the output of the stack that names the service."""

PAUSE_SECONDS = 5.0
"""A coreapp takes up to two minutes to stop."""

PUT_BACK_SECONDS = 30.0
"""Kept back from the time for the work, to put the counts back when the tasks do not go."""


@dataclass(frozen=True)
class Change:
    """The declared number of tasks of one service, which changes.

    Attributes:
        service: Name of the ECS service.
        old: The number from before.
        new: The number of now.
    """

    service: str
    old: int
    new: int


class Before:
    """Lowers services before the hosts are fewer, and puts them back in a rollback.

    Args:
        ecs: A client for ECS.
        stacks: A client for CloudFormation.
    """

    def __init__(self, ecs: ServiceCounts, stacks: CloudFormation) -> None:
        self._ecs = ecs
        self._stacks = stacks

    def identify(self, request: Request) -> str:
        """Return a name that follows from the cluster's.

        Raises:
            Refusal: `ClusterName` is missing.
        """
        return f"{request.text(contract.CLUSTER_NAME)}-before"

    def create(self, request: Request) -> Answer:
        """Do nothing: there are no services yet."""
        return Answer(self.identify(request))

    def update(self, request: Request) -> Answer:
        """Lower each service that is declared smaller, and wait until its tasks are gone; in a rollback put it back.

        Raises:
            Refusal: A number of tasks is missing, or the stack has no output that names a service.
            Failure: The tasks did not go in time. The counts are what they were.
        """
        answer = Answer(self.identify(request))
        declared = {
            name: (_tasks(request.old_properties, name), _tasks(request.properties, name)) for name in SERVICE_OUTPUTS
        }
        if all(old == new for old, new in declared.values()):
            return answer
        stack = describe_stack(self._stacks, request.stack)
        outputs = stack_outputs(stack)
        changes = [
            Change(_service(outputs, SERVICE_OUTPUTS[name]), old, new)
            for name, (old, new) in declared.items()
            if old != new
        ]
        self._carry_out(request, changes, rolling_back=rolls_back(stack))
        return answer

    def delete(self, request: Request) -> None:
        """Do nothing: the services are deleted before this, by CloudFormation."""

    def _carry_out(self, request: Request, changes: list[Change], *, rolling_back: bool) -> None:
        cluster = request.text(contract.CLUSTER_NAME)
        deadline = Deadline.after(max(0.0, request.deadline.remaining() - PUT_BACK_SECONDS))
        found = self._look(cluster, changes)
        seen = found
        while waiting := self._step(cluster, changes, seen, rolling_back=rolling_back):
            log("waiting for tasks to stop", services=waiting, seconds_left=round(deadline.remaining()))
            if not deadline.sleep(PAUSE_SECONDS):
                break
            # Everything is looked at again before each try (D-13). Somebody else may have raised a count, and a person
            # may have cancelled the update, whose rollback has an event of its own (T-31).
            seen = self._look(cluster, changes)
            if rolls_back(describe_stack(self._stacks, request.stack)) != rolling_back:
                raise Failure("The stack takes this update back, so the services are left to its rollback.")
        if not waiting:
            return
        if rolling_back:
            # The counts are lowered, so the tasks that are left are on their way out and hold up nobody.
            log("tasks left to stop by themselves", services=waiting)
            return
        for change in changes:
            if change.new < change.old:
                self._set(cluster, change.service, found[change.service].desired)
        raise Failure(
            f"{'; '.join(waiting)}. The counts are put back and the cap is as it was. See in the events of the "
            "services why tasks do not stop, then deploy again."
        )

    def _step(self, cluster: str, changes: list[Change], seen: Mapping[str, Seen], *, rolling_back: bool) -> list[str]:
        """Set the counts that are to be set, and return what is still to be waited for."""
        waiting = []
        for change in changes:
            step = next_step(change.old, change.new, seen[change.service], rolling_back=rolling_back)
            if step.desired is not None:
                self._set(cluster, change.service, step.desired)
            if step.wait:
                waiting.append(f"{change.service} runs {seen[change.service].tasks} tasks, {change.new} are declared")
        return waiting

    def _look(self, cluster: str, changes: list[Change]) -> dict[str, Seen]:
        """Return what ECS says of each service; a service that is gone runs nothing."""
        names = [change.service for change in changes]
        found = self._ecs.describe_services(cluster=cluster, services=names)["services"]
        seen = {
            service["serviceName"]: Seen(service["desiredCount"], service["runningCount"] + service["pendingCount"])
            for service in found
        }
        return {name: seen.get(name, Seen(0, 0)) for name in names}

    def _set(self, cluster: str, service: str, desired: int) -> None:
        log("set desired count", service=service, desired=desired)
        self._ecs.update_service(cluster=cluster, service=service, desiredCount=desired)


def _tasks(properties: Mapping[str, Any], name: str) -> int:
    """Return a declared number of tasks.

    Raises:
        Refusal: It is missing or no number.
    """
    text = str(properties.get(name, ""))
    if not (text.isascii() and text.isdecimal()):
        raise Refusal(
            f"Property {name}: {text!r} was given; a number of tasks is needed. Set it on the custom resource."
        )
    return int(text)


def _service(outputs: Mapping[str, str], output: str) -> str:
    if output not in outputs:
        raise Refusal(f"The stack has no output {output}, which names a service. Deploy it once without another size.")
    return outputs[output]
