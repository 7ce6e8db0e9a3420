"""Which secret may be used, and which certificate may be sent (M-10, M-11)."""

import json
from datetime import date, timedelta

import pytest

from functions.errors import Refusal
from functions.shards.account import Account, confirmed, fingerprint, read_account
from standin.account import CERTIFICATE

from .conftest import PASSWORD, secret

TODAY = date(2026, 11, 22)


def account(**changed: str) -> Account:
    return read_account(secret(**changed))


def days_ago(days: int) -> str:
    return (TODAY - timedelta(days=days)).isoformat()


@pytest.mark.parametrize("age", [-1, 0, 1, 30])
def test_a_certificate_confirmed_lately_may_be_sent(age: int) -> None:
    text = confirmed(secret(), TODAY - timedelta(days=age))
    read_account(text).check_certificate(TODAY)


@pytest.mark.parametrize(
    ("age", "allowed", "error"),
    [(31, 30, "confirmed 31 days ago; allowed are 30"), (8, 7, "8 days ago"), (-2, 30, "is in the future")],
)
def test_a_confirmation_does_not_last(age: int, allowed: int, error: str) -> None:
    text = confirmed(secret(), TODAY - timedelta(days=age))
    with pytest.raises(Refusal, match=error):
        read_account(text).check_certificate(TODAY, allowed)


def test_a_confirmation_is_for_one_certificate_alone() -> None:
    keys = json.loads(confirmed(secret(), TODAY)) | {"cert": "YW5vdGhlcg=="}
    with pytest.raises(Refusal, match="Nobody has confirmed"):
        read_account(json.dumps(keys)).check_certificate(TODAY)


@pytest.mark.parametrize("age", [0, 5])
def test_without_a_certificate_a_number_registered_just_now_may_go_on(age: int) -> None:
    account(cert="", registered_on=days_ago(age)).check_certificate(TODAY)


@pytest.mark.parametrize("registered_on", ["", days_ago(6), days_ago(400), days_ago(-2)])
def test_without_a_certificate_any_other_number_is_refused(registered_on: str) -> None:
    with pytest.raises(Refusal, match="Copy the certificate from Business Manager"):
        account(cert="", registered_on=registered_on).check_certificate(TODAY)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("no json", "The secret must be a JSON object."),
        ("[]", "The secret must be a JSON object."),
        ("[" * 100_000, "The secret must be a JSON object."),
        (secret(username=""), "Key username of the secret"),
        (secret(password=""), "Key password of the secret"),
        (secret(cc="+1"), "Key cc of the secret"),
        (secret(phone_number="+12025550123"), "Key phone_number of the secret"),
        (secret(pin="12345"), "Key pin of the secret"),
        (secret(cert="not base64!"), "Key cert of the secret"),
        (secret(certificate_confirmed_on="2026-13-01"), "Key certificate_confirmed_on of the secret"),
        (secret(registered_on="yesterday"), "Key registered_on of the secret"),
        (json.dumps({**json.loads(secret()), "cc": 1}), "Key cc of the secret"),
    ],
)
def test_a_secret_that_cannot_be_used_is_refused_by_key_without_its_value(text: str, error: str) -> None:
    with pytest.raises(Refusal, match=error) as caught:
        read_account(text)
    for value in (PASSWORD, "12345", "2025550123", "not base64!"):
        assert value not in str(caught.value)


def test_the_text_form_shows_no_secret() -> None:
    shown = repr(account(pin="123456"))
    for value in (PASSWORD, "123456", CERTIFICATE, "2025550123"):
        assert value not in shown


def test_space_around_the_certificate_does_not_change_its_fingerprint() -> None:
    assert fingerprint(f"\n{CERTIFICATE} ") == fingerprint(CERTIFICATE)
    assert account(cert=f" {CERTIFICATE}\n").certificate == CERTIFICATE


def test_there_must_be_something_to_confirm() -> None:
    with pytest.raises(Refusal, match="nothing to confirm"):
        confirmed(secret(cert=""), TODAY)
