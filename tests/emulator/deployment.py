"""Four stacks of a kept assembly on a target of their own, straight through the API of CloudFormation.

What `cdk deploy` does besides, the tests of the life of a deployment show; a deploy takes a second here. Its templates
are those of the assembly, byte for byte, unless a test changes one. Of the functions, two say yes without a look: the
target has neither a database server nor the client, so nobody would answer them.
"""

import io
import json
import time
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from emulator import report, target
from emulator.workspace import ACCOUNT, REGION
from stacks.settings.change import STACKS
from tests.assembly import Assembly

Body = dict[str, Any]

SETTLE_SECONDS = 300.0
"""A bound for a target that hangs, not an expectation: a stack settles within seconds."""

TEMPLATES = "templates"
"""The bucket of the templates: a request holds at most 51,200 bytes."""

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

PAUSE = ("time.sleep(min(seconds, self.remaining()))", "time.sleep(min(0.05, self.remaining()))")
"""What `functions/deadline.py` says, and what it says here: all that a look waits for has happened on the target when
it answers, since the clock of hosts and tasks is its own."""


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
        instead: What stands on the target for names of things that the templates take for given, such as keys.
    """

    def __init__(self, running: target.Target, name: str, instead: Mapping[str, str] | None = None) -> None:
        self.running, self.name, self._instead = running, name, instead or {}
        self._stacks, self._s3 = running.client("cloudformation"), running.client("s3")
        self._published = set[str]()
        self._s3.create_bucket(Bucket=TEMPLATES)

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
        text = json.dumps(body)
        for given, there in self._instead.items():
            text = text.replace(given, there)
        self._s3.put_object(Bucket=TEMPLATES, Key=f"{name}.json", Body=text.encode())
        request = {
            "StackName": name,
            "TemplateURL": f"{self.running.endpoint}/{TEMPLATES}/{name}.json",
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

    def delete(self, stack: str, *, unprotect: bool = True) -> None:
        """Delete one stack.

        Args:
            stack: The stack's own part of its name.
            unprotect: Whether its termination protection is taken away first.

        Raises:
            Refused: It is not deleted.
        """
        name = f"{self.name}-{stack}"
        if unprotect:
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
        prefix = f"{self.name}-"
        found = (each for each in report.stacks(self.running) if each.name.startswith(prefix))
        return {each.name.removeprefix(prefix): each.status for each in found}

    def resources(self) -> dict[str, tuple[str, str]]:
        """Return type and physical id of every resource, by `stack/logical id`."""
        return {
            f"{stack}/{each['LogicalResourceId']}": (each["ResourceType"], each["PhysicalResourceId"])
            for stack in self.statuses()
            for each in self._stacks.describe_stack_resources(StackName=f"{self.name}-{stack}")["StackResources"]
            if each["ResourceStatus"] != "DELETE_COMPLETE"
        }

    def found(self) -> dict[str, set[str]]:
        """Return everything that can be found of what stacks make, by kind, whichever stack made it."""
        ask, ec2 = self.running.client, self.running.client("ec2")
        ids = {
            "clusters": ask("ecs").list_clusters()["clusterArns"],
            "groups": _each(ask("autoscaling").describe_auto_scaling_groups(), "AutoScalingGroupName"),
            "hosts": [each["id"] for each in self.running.capacity()["hosts"]],
            "databases": _each(ask("rds").describe_db_instances(), "DBInstanceIdentifier"),
            "file systems": _each(ask("efs").describe_file_systems(), "FileSystemId"),
            "balancers": _each(ask("elbv2").describe_load_balancers(), "LoadBalancerArn"),
            "target groups": _each(ask("elbv2").describe_target_groups(), "TargetGroupArn"),
            "functions": _each(ask("lambda").list_functions(), "FunctionName"),
            "secrets": _each(ask("secretsmanager").list_secrets(), "ARN"),
            "keys": [
                key
                for key in _each(ask("kms").list_keys(), "KeyId")
                if ask("kms").describe_key(KeyId=key)["KeyMetadata"]["KeyState"] != "PendingDeletion"
            ],
            "alarms": _each(ask("cloudwatch").describe_alarms(), "AlarmName"),
            "dashboards": _each(ask("cloudwatch").list_dashboards(), "DashboardName"),
            "topics": _each(ask("sns").list_topics(), "TopicArn"),
            "log groups": _each(ask("logs").describe_log_groups(), "logGroupName"),
            "roles": _each(ask("iam").list_roles(MaxItems=1000), "RoleName"),
            "networks": _each(ec2.describe_vpcs(), "VpcId"),
            "security groups": _each(ec2.describe_security_groups(), "GroupId"),
            "launch templates": _each(ec2.describe_launch_templates(), "LaunchTemplateId"),
            "settings of the account": [str(each) for each in ask("ecs").list_account_settings()["settings"]],
        }
        return {kind: set(names) for kind, names in ids.items()}

    def publish(self, assembly: Assembly, stack: str) -> None:
        """Do what the bootstrap and the CLI do before a stack is deployed: its version, and the packages of functions.

        Buckets are made when they are needed, since a setting may name others.
        """
        version = assembly.templates[stack].body["Parameters"]["BootstrapVersion"]["Default"]
        self.running.client("ssm").put_parameter(Name=version, Value="28", Type="String", Overwrite=True)
        manifest = json.loads((assembly.folder / f"{self.name}-{stack}.assets.json").read_text("utf-8"))
        for item in manifest["files"].values():
            (place,) = item["destinations"].values()
            bucket = place["bucketName"].replace("${AWS::AccountId}", ACCOUNT).replace("${AWS::Region}", REGION)
            key = f"{bucket}/{place['objectKey']}"
            if item["source"]["packaging"] == "zip" and key not in self._published:
                self._s3.create_bucket(Bucket=bucket)
                body = _zipped(assembly.folder / item["source"]["path"])
                self._s3.put_object(Bucket=bucket, Key=place["objectKey"], Body=body)
                self._published.add(key)

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
                file.writestr(name, YES.get(name) or _without_pauses(name, path.read_text("utf-8")))
    return archive.getvalue()


def _without_pauses(name: str, text: str) -> str:
    assert name != "functions/deadline.py" or PAUSE[0] in text, "say in PAUSE what the functions sleep by"
    return text.replace(*PAUSE)


def _each(answer: dict[str, Any], key: str) -> list[str]:
    """Return one key of the records in an answer, which beside them holds no list."""
    return [str(record[key]) for value in answer.values() if isinstance(value, list) for record in value]
