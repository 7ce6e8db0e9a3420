"""Custom resource: one webapp runs before all the others, so that the client's databases are made once.

Webapps that start together race on making the databases: each sees that there is none, one of them makes it, and the
others end with MySQL's error 1007 (T-24). Enough of them trip the circuit breaker of their service, and a first
deploy is rolled back for nothing (T-11). So this resource runs a single webapp outside the service, waits until ECS
calls it healthy, and stops it. The service is made after that.

Properties: `ClusterName`, `TaskDefinitionArn`, `CapacityProvider`, `SubnetIds`, `SecurityGroupId`, and
`HealthChecked`: `true` when the container has a health check; without one a webapp that runs is enough.
Physical id: the cluster's name with a suffix, since the databases are made once in the life of a cluster. An update
does nothing.
"""

from collections.abc import Mapping
from typing import Any, Final

from functions import contract
from functions.aws import DENIED, NEW_RIGHT_SECONDS, Tasks, ecs, error_code
from functions.custom_resource import Answer, Request, custom_resource
from functions.deadline import Deadline
from functions.errors import Failure
from functions.log import log

STARTED_BY: Final = "first-webapp"
"""Marks the task, so that a repeated call finds it and starts no second one."""

POLL_SECONDS: Final = 5.0


class FirstWebapp:
    """Runs one webapp until it is healthy.

    Args:
        client: A boto3 client for ECS.
    """

    def __init__(self, client: Tasks) -> None:
        self._ecs = client

    def identify(self, request: Request) -> str:
        """Return the cluster's name with a suffix."""
        return f"{request.text(contract.CLUSTER_NAME)}/{STARTED_BY}"

    def create(self, request: Request) -> Answer:
        """Run one webapp, wait until it is healthy and stop it.

        Raises:
            Refusal: A property is missing.
            Failure: No webapp became healthy in time.
        """
        physical_id = self.identify(request)
        cluster, what = request.text(contract.CLUSTER_NAME), _what_to_run(request)
        wanted = "HEALTHY" if request.text(contract.HEALTH_CHECKED) == "true" else "RUNNING"
        permitted = Deadline.after(min(NEW_RIGHT_SECONDS, request.deadline.remaining()))
        state = "none was started"
        try:
            while True:
                try:
                    state = self._look(cluster) or self._start(cluster, what)
                except Exception as error:
                    if error_code(error) not in DENIED or not permitted.remaining():
                        raise
                    state = "ECS does not know the function's permissions yet"
                if state == wanted:
                    return Answer(physical_id=physical_id)
                log("waiting for the first webapp", state=state)
                if not request.deadline.sleep(POLL_SECONDS):
                    raise Failure(
                        f"The first webapp did not become healthy: {state}. Look at the webapps' log, and whether "
                        "their database and their image can be reached."
                    )
        finally:
            self._stop(cluster)

    def update(self, request: Request) -> Answer:
        """Do nothing: the databases are there."""
        return Answer(physical_id=self.identify(request))

    def delete(self, request: Request) -> None:
        """Stop a webapp that an interrupted creation left behind; a cluster that is gone has none."""
        self._stop(request.physical_id.removesuffix(f"/{STARTED_BY}"))

    def _look(self, cluster: str) -> str:
        """Return the state of the webapp that runs, or nothing when none does."""
        tasks = self._running(cluster)
        if not tasks:
            return ""
        found = self._ecs.describe_tasks(cluster=cluster, tasks=tasks)["tasks"]
        states = [_state(task) for task in found if task["lastStatus"] not in ("STOPPED", "DEPROVISIONING")]
        return states[0] if states else ""

    def _start(self, cluster: str, what: Mapping[str, Any]) -> str:
        """Start a webapp and return its state."""
        reply = self._ecs.run_task(cluster=cluster, startedBy=STARTED_BY, **what)
        if reply["failures"]:
            return f"ECS could not place it ({reply['failures'][0].get('reason', 'no reason given')})"
        log("first webapp started", task=reply["tasks"][0]["taskArn"])
        return _state(reply["tasks"][0])

    def _running(self, cluster: str) -> list[str]:
        reply = self._ecs.list_tasks(cluster=cluster, startedBy=STARTED_BY, desiredStatus="RUNNING")
        return list(reply["taskArns"])

    def _stop(self, cluster: str) -> None:
        """Stop what this resource started; whatever speaks against it hides no other failure."""
        try:
            for task in self._running(cluster):
                self._ecs.stop_task(cluster=cluster, task=task, reason="The first webapp has done its work")
        except Exception as error:
            log("first webapp not stopped", cluster=cluster, error=error_code(error) or type(error).__name__)


def _what_to_run(request: Request) -> Mapping[str, Any]:
    """Return the arguments of RunTask that the properties give.

    Raises:
        Refusal: A property is missing.
    """
    return {
        "taskDefinition": request.text(contract.TASK_DEFINITION_ARN),
        "capacityProviderStrategy": [{"capacityProvider": request.text(contract.CAPACITY_PROVIDER), "weight": 1}],
        "networkConfiguration": {
            "awsvpcConfiguration": {
                "subnets": request.text(contract.SUBNET_IDS).split(","),
                "securityGroups": [request.text(contract.SECURITY_GROUP_ID)],
            }
        },
    }


def _state(task: Mapping[str, Any]) -> str:
    """Return the task's health once its containers are checked, and its status before."""
    health = str(task.get("healthStatus", "UNKNOWN"))
    return health if task["lastStatus"] == "RUNNING" and health != "UNKNOWN" else str(task["lastStatus"])


handler = custom_resource(lambda: FirstWebapp(ecs()))
