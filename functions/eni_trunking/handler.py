"""Custom resource: ENI trunking for one role alone (D-4).

Without trunking a host runs one task fewer than it has network interfaces, which makes `awsvpc` tasks several
times dearer. The setting `awsvpcTrunking` belongs to the principal that registers the host, here the role of
the hosts, so nothing else in the account changes.
Source: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_PutAccountSetting.html

Property: `RoleArn`, the role of the hosts. Physical id: that ARN, so that a change of role turns the new one
on first and then lets CloudFormation turn the old one off.
"""

import re

from functions import contract
from functions.aws import AccountSettings, ecs, error_code
from functions.custom_resource import Answer, Request, custom_resource
from functions.errors import Refusal
from functions.log import log

SETTING = "awsvpcTrunking"
ROLE_ARN_PATTERN = re.compile(r"arn:aws[a-z-]*:iam::[0-9]{12}:role/[\w+=,.@/-]{1,576}")


class EniTrunking:
    """Turns ENI trunking on and off for one role.

    Args:
        client: A boto3 client for ECS.
    """

    def __init__(self, client: AccountSettings) -> None:
        self._ecs = client

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
        self._ecs.put_account_setting(name=SETTING, value="enabled", principalArn=role)
        log("ENI trunking on", role=role)
        return Answer(physical_id=role)

    def update(self, request: Request) -> Answer:
        """Turn trunking on for the role as it is named now; a new name is a new physical id."""
        return self.create(request)

    def delete(self, request: Request) -> None:
        """Take the role's own setting away, so that it falls back to the account's."""
        try:
            self._ecs.delete_account_setting(name=SETTING, principalArn=request.physical_id)
        except Exception as error:
            # The role, and with it the setting, is gone already.
            if error_code(error) != "InvalidParameterException":
                raise
        log("ENI trunking off", role=request.physical_id)


handler = custom_resource(lambda: EniTrunking(ecs()))
