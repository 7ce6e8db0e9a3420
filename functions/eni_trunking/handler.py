"""Custom resource: ENI trunking for one role alone (D-4).

Without trunking a host runs one task fewer than it has network interfaces, which makes `awsvpc` tasks several
times dearer. The setting `awsvpcTrunking` belongs to the principal that registers the host, here the role of
the hosts, so nothing else in the account changes. ECS lets no principal but root change the setting of another
one, so this function assumes the hosts' role and changes its own (T-1).
Sources: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_PutAccountSetting.html and
https://containersonaws.com/pattern/cloudformation-turn-on-ecs-eni-trunking

Property: `RoleArn`, the role of the hosts. Physical id: that ARN, so that a change of role turns the new one
on first and then lets CloudFormation turn the old one off.
"""

import re
from collections.abc import Callable

from functions import contract
from functions.aws import DENIED, NEW_RIGHT_SECONDS, AccountSettings, account_settings_of, error_code
from functions.custom_resource import Answer, Request, custom_resource
from functions.deadline import Deadline
from functions.errors import Refusal
from functions.log import log

SETTING = "awsvpcTrunking"
ROLE_ARN_PATTERN = re.compile(r"arn:aws[a-z-]*:iam::[0-9]{12}:role/[\w+=,.@/-]{1,576}")

PAUSE_SECONDS = 5.0


class EniTrunking:
    """Turns ENI trunking on and off for one role.

    Args:
        settings_of: Assumes a role, given by its ARN, and returns a boto3 client for ECS that acts as it.
    """

    def __init__(self, settings_of: Callable[[str], AccountSettings]) -> None:
        self._settings_of = settings_of

    def identify(self, request: Request) -> str:
        """Return the role's ARN.

        Raises:
            Refusal: `RoleArn` is missing or no ARN of a role.
        """
        role = request.text(contract.ROLE_ARN)
        if not ROLE_ARN_PATTERN.fullmatch(role):
            raise Refusal(
                f"Property {contract.ROLE_ARN}: {role!r} is no ARN of a role. Give arn:aws:iam::<account>:role/<name>."
            )
        return role

    def create(self, request: Request) -> Answer:
        """Turn trunking on for the role; on again is no change."""
        role = self.identify(request)
        self._act_as(role, request.deadline, lambda own: own.put_account_setting(name=SETTING, value="enabled"))
        log("ENI trunking on", role=role)
        return Answer(physical_id=role)

    def update(self, request: Request) -> Answer:
        """Turn trunking on for the role as it is named now; a new name is a new physical id."""
        return self.create(request)

    def delete(self, request: Request) -> None:
        """Take the role's own setting away, so that it falls back to the account's.

        A role that is gone, or that cannot be assumed any more, must not keep a stack from being deleted: its setting
        is gone with it, or goes when it does.
        """
        role = request.physical_id
        try:
            self._act_as(role, request.deadline, lambda own: own.delete_account_setting(name=SETTING))
        except Exception as error:
            if error_code(error) not in DENIED:
                raise
            log("ENI trunking left: the role is gone or refuses, and its setting goes with it", role=role)
            return
        log("ENI trunking off", role=role)

    def _act_as(self, role: str, deadline: Deadline, act: Callable[[AccountSettings], object]) -> None:
        """Act as the role, and try again for a while when AWS refuses: new rights need time to be known everywhere."""
        patience = Deadline.after(min(NEW_RIGHT_SECONDS, deadline.remaining()))
        while True:
            try:
                act(self._settings_of(role))
                return
            except Exception as error:
                code = error_code(error)
                if code not in DENIED or not patience.sleep(PAUSE_SECONDS):
                    raise
                log("refused, trying again", role=role, code=code, seconds_left=round(patience.remaining()))


handler = custom_resource(lambda: EniTrunking(account_settings_of))
