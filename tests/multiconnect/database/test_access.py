"""The login of the client's own database user."""

import json
from typing import cast

import pytest
from aws_cdk import Stack
from aws_cdk import aws_kms as kms
from aws_cdk.assertions import Template

from multiconnect.database.access import PASSWORD_EXCLUDED_CHARACTERS, PASSWORD_LENGTH, client_secret
from tests.assembly import Assembly
from tests.conftest import Synth


def test_the_client_has_a_login_of_its_own_with_a_password_that_it_accepts(production: Assembly) -> None:
    generator = production.database.one("AWS::SecretsManager::Secret", "ClientLogin")["GenerateSecretString"]
    assert json.loads(generator["SecretStringTemplate"]) == {"username": "multiconnect"}
    assert generator["GenerateStringKey"] == "password"
    assert generator["PasswordLength"] == PASSWORD_LENGTH >= 32
    assert set("?{}&~!()^=") <= set(PASSWORD_EXCLUDED_CHARACTERS)  # refused by the client (facts 1.8)
    assert set("/@\" '") <= set(generator["ExcludeCharacters"])  # refused by RDS, or in need of quotes


def test_the_local_deployment_makes_no_second_login(synth: Synth) -> None:
    assert synth("local").database.of("AWS::SecretsManager::Secret") == {}


@pytest.mark.parametrize("username", ["multiconnect", 'with "quotes" and \\', "ünïcode"])
def test_any_user_name_makes_a_template_that_is_json(username: str) -> None:
    stack = Stack()
    client_secret(stack, "Login", username=username, key=cast(kms.IKey, kms.Key(stack, "Key")))
    (body,) = Template.from_stack(stack).find_resources("AWS::SecretsManager::Secret").values()
    template = body["Properties"]["GenerateSecretString"]["SecretStringTemplate"]
    assert json.loads(template) == {"username": username}
    assert body["DeletionPolicy"] == "RetainExceptOnCreate"
