"""Four stacks of a kept assembly on a target of their own, straight through the API of CloudFormation.

What `cdk deploy` does besides, the tests of the life of a deployment show; a deploy takes a second here. Its templates
are those of the assembly, byte for byte, unless a test changes one. Of the functions, two say yes without a look: the
target has neither a database server nor the client, so nobody would answer them.
"""

import io
import json
import time
import zipfile
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from copy import deepcopy
from pathlib import Path
from typing import Any

from emulator import report, target
from emulator.workspace import ACCOUNT, REGION
from stacks.settings.change import STACKS
from tests.assembly import Assembly

Body = dict[str, Any]

SETTLE_SECONDS = 300.0
"""A bound for a target that hangs, not an expectation: a stack settles within seconds."""

BUCKET = f"cdk-hnb659fds-assets-{ACCOUNT}-{REGION}"
"""Where the bootstrap stack has the CDK put templates and the packages of functions."""

NO_CHANGE = "No updates are to be performed."

YES = {
    "functions/database_user/handler.py": """
from functions.custom_resource import Answer, custom_resource


class Yes:
    def identify(self, request):
        return "client"

    def create(self, request):
        return Answer("client")

    update = create

    def delete(self, request):
        pass


handler = custom_resource(Yes)
""",
    "functions/shards/handler.py": """
def on_event(event, context):
    return {"PhysicalResourceId": "shards-" + event["ResourceProperties"]["Place"]}


def is_complete(event, context):
    return {"IsComplete": True}


def reconcile(event, context):
    return {"Outcome": "none"}
""",
}
"""Modules of the functions' package that ask a database server and the client, in the words of their contract."""


class Refused(Exception):
    """A stack did not become what its template says.

    Attributes:
        stack: The part of its name that is the stack's own, such as `enterprise`.
        status: What became of it.
        reasons: What its events say of the resources that failed, oldest first; or the words of a refused call.
    """

    def __init__(self, stack: str, status: str, reasons: list[str]) -> None:
        super().__init__(f"{stack} is {status}: {reasons}")
        self.stack, self.status, self.reasons = stack, status, reasons


class Deployment:
    """The four stacks of one deployment on a target.

    Args:
        running: The target; it has nothing but this deployment, so that all that is left of it can be found.
        name: The prefix of the stacks' names.
    """

    def __init__(self, running: target.Target, name: str) -> None:
        self.running, self.name = running, name
        self._stacks = running.client("cloudformation")
        self._published = set[str]()
        self._s3 = running.client("s3")
        self._s3.create_bucket(Bucket=BUCKET)
        running.client("ssm").put_parameter(Name="/cdk-bootstrap/hnb659fds/version", Value="28", Type="String")

    def deploy(self, assembly: Assembly, stacks: Iterable[str] = STACKS) -> None:
        """Deploy some stacks of an assembly, in the order of `cdk deploy --all` by default.

        Raises:
            Refused: One fails. The stacks after it are not touched.
        """
        for stack in stacks:
            self.publish(assembly, stack)
            self.apply(stack, assembly.templates[stack].body, protected=assembly.settings.deletion_protection)

    def apply(self, stack: str, body: Body, *, protected: bool = False) -> None:
        """Create or update one stack from a template.

        Args:
            stack: The stack's own part of its name.
            body: The template.
            protected: Whether the stack gets termination protection.

        Raises:
            Refused: It fails.
        """
        name = f"{self.name}-{stack}"
        # A request holds a template of at most 51,200 bytes; the bucket takes larger ones.
        self._s3.put_object(Bucket=BUCKET, Key=f"{name}.json", Body=json.dumps(body).encode())
        request = {
            "StackName": name,
            "TemplateURL": f"{self.running.endpoint}/{BUCKET}/{name}.json",
            "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"],
        }
        there = stack in self.statuses()
        try:
            if there:
                self._stacks.update_termination_protection(StackName=name, EnableTerminationProtection=protected)
                self._stacks.update_stack(**request)
            else:
                self._stacks.create_stack(**request, EnableTerminationProtection=protected)
        except self._stacks.exceptions.ClientError as error:
            words = error.response["Error"]["Message"]
            if words == NO_CHANGE:
                return
            raise Refused(stack, "refused", [words]) from None
        status = self._settled(name)
        if status != ("UPDATE_COMPLETE" if there else "CREATE_COMPLETE"):
            raise Refused(stack, status, report.failures(self.running, name))

    def delete(self, stack: str) -> None:
        """Delete one stack, after its termination protection.

        Raises:
            Refused: It is not deleted.
        """
        name = f"{self.name}-{stack}"
        self._stacks.update_termination_protection(StackName=name, EnableTerminationProtection=False)
        try:
            self._stacks.delete_stack(StackName=name)
        except self._stacks.exceptions.ClientError as error:
            raise Refused(stack, "refused", [error.response["Error"]["Message"]]) from None
        status = self._settled(name)
        if status not in ("", "DELETE_COMPLETE"):
            raise Refused(stack, status, report.failures(self.running, name))

    def destroy(self) -> None:
        """Delete all stacks that are there, what imports before what exports."""
        there = self.statuses()
        for stack in reversed(STACKS):
            if stack in there:
                self.delete(stack)

    def statuses(self) -> dict[str, str]:
        """Return the status of each stack that is there."""
        return {each.name.removeprefix(f"{self.name}-"): each.status for each in report.stacks(self.running)}

    def resources(self) -> dict[str, tuple[str, str]]:
        """Return type and physical id of every resource, by `stack/logical id`."""
        return {
            f"{stack}/{each['LogicalResourceId']}": (each["ResourceType"], each["PhysicalResourceId"])
            for stack in self.statuses()
            for each in self._stacks.describe_stack_resources(StackName=f"{self.name}-{stack}")["StackResources"]
            if each["ResourceStatus"] != "DELETE_COMPLETE"
        }

    def publish(self, assembly: Assembly, stack: str) -> None:
        """Upload what the template of a stack expects in the bucket of the bootstrap stack."""
        manifest = json.loads((assembly.folder / f"{self.name}-{stack}.assets.json").read_text("utf-8"))
        for item in manifest["files"].values():
            (place,) = item["destinations"].values()
            if item["source"]["packaging"] == "zip" and place["objectKey"] not in self._published:
                body = _zipped(assembly.folder / item["source"]["path"])
                self._s3.put_object(Bucket=BUCKET, Key=place["objectKey"], Body=body)
                self._published.add(place["objectKey"])

    def _settled(self, name: str) -> str:
        """Return the status of a stack under which nothing is under way; "" when it is gone."""
        deadline = time.monotonic() + SETTLE_SECONDS
        while time.monotonic() < deadline:
            status = {each.name: each.status for each in report.stacks(self.running)}.get(name, "")
            if not status.endswith("_IN_PROGRESS"):
                return status
            time.sleep(0.05)
        raise AssertionError(f"{name} hangs")


def _zipped(folder: Path) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                name = path.relative_to(folder).as_posix()
                file.writestr(name, YES.get(name) or path.read_bytes())
    return archive.getvalue()
