"""Custom resource: deletion protection of the load balancer and of the database (D-11).

A load balancer or a database that is protected refuses to be deleted, also when CloudFormation rolls a failed first
create back (T-3). So no template protects them when they are made. This resource comes after everything that may fail,
switches the protection on, and switches it off again before CloudFormation deletes the stack. CloudFormation leaves
alone what no template names: the handler of RDS sends only differences (T-17), and that of the load balancer resets no
attribute (https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/554).

Properties: `LoadBalancerArn` and `DatabaseIdentifier`.
"""

from collections.abc import Callable

from functions import contract
from functions.aws import DENIED, NEW_RIGHT_SECONDS, Databases, LoadBalancers, databases, error_code, load_balancers
from functions.custom_resource import Answer, Request, custom_resource
from functions.deadline import Deadline
from functions.errors import Failure, explain
from functions.log import log

PHYSICAL_ID = "deletion-protection"
"""The same for ever, so that an update is never a replacement, whose order against that of its targets is unknown."""

GONE = {"LoadBalancerNotFound", "DBInstanceNotFound"}
"""What is gone needs no protection any more."""

BUSY = "InvalidDBInstanceState"
"""RDS changes nothing while it makes, backs up or changes an instance."""

PAUSE_SECONDS = 5.0


class Protection:
    """Switches deletion protection on, and off again.

    Args:
        balancers: A boto3 client for Elastic Load Balancing.
        instances: A boto3 client for RDS.
    """

    def __init__(self, balancers: LoadBalancers, instances: Databases) -> None:
        self._balancers = balancers
        self._instances = instances

    def identify(self, request: Request) -> str:
        """Return the one physical id that there is.

        Raises:
            Refusal: A property is missing.
        """
        request.text(contract.LOAD_BALANCER_ARN)
        request.text(contract.DATABASE_IDENTIFIER)
        return PHYSICAL_ID

    def create(self, request: Request) -> Answer:
        """Switch both on.

        Raises:
            Failure: AWS refuses until the deadline.
        """
        physical_id = self.identify(request)
        self._balancer(request.text(contract.LOAD_BALANCER_ARN), True, request.deadline)
        self._instance(request.text(contract.DATABASE_IDENTIFIER), True, request.deadline)
        return Answer(physical_id=physical_id)

    def update(self, request: Request) -> Answer:
        """Switch on what is named now, and off what was named before: CloudFormation deletes it after this update.

        Raises:
            Failure: AWS refuses until the deadline.
        """
        answer = self.create(request)
        for name, switch in (
            (contract.LOAD_BALANCER_ARN, self._balancer),
            (contract.DATABASE_IDENTIFIER, self._instance),
        ):
            before = request.old_properties.get(name)
            if before and before != request.properties[name]:
                switch(str(before), False, request.deadline)
        return answer

    def delete(self, request: Request) -> None:
        """Switch both off; what is gone already is a success.

        Raises:
            Failure: AWS refuses until the deadline.
        """
        self._balancer(request.text(contract.LOAD_BALANCER_ARN), False, request.deadline)
        self._instance(request.text(contract.DATABASE_IDENTIFIER), False, request.deadline)

    def _balancer(self, arn: str, on: bool, deadline: Deadline) -> None:
        attribute = {"Key": "deletion_protection.enabled", "Value": str(on).lower()}
        _switch(
            f"load balancer {arn}",
            on,
            lambda: self._balancers.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=[attribute]),
            deadline,
        )

    def _instance(self, identifier: str, on: bool, deadline: Deadline) -> None:
        _switch(
            f"database {identifier}",
            on,
            lambda: self._instances.modify_db_instance(
                DBInstanceIdentifier=identifier, DeletionProtection=on, ApplyImmediately=True
            ),
            deadline,
        )


def _switch(name: str, on: bool, call: Callable[[], object], deadline: Deadline) -> None:
    """Make one call, and again as long as AWS refuses it for a reason that may pass."""
    wanted = "on" if on else "off"
    for_rights = Deadline.after(min(NEW_RIGHT_SECONDS, deadline.remaining()))
    patience = {BUSY: deadline, **dict.fromkeys(DENIED, for_rights)}
    while True:
        try:
            call()
        except Exception as error:
            code = error_code(error)
            if not on and code in GONE:
                log("nothing to protect", name=name)
                return
            if code not in patience:
                raise
            log("deletion protection not changed yet", name=name, wanted=wanted, code=code)
            if not patience[code].sleep(PAUSE_SECONDS):
                hint = "Wait until its status is available, then try again." if code == BUSY else ""
                reason = f"Deletion protection of {name} could not be switched {wanted}: {explain(error)} {hint}"
                raise Failure(reason.strip()) from None
        else:
            log("deletion protection", name=name, now=wanted)
            return


handle = custom_resource(lambda: Protection(load_balancers(), databases()))
