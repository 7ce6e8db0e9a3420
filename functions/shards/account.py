"""The client's account as one secret holds it, and the guards on the certificate (M-10, M-11).

A wrong certificate logs the client off, an expired one gets the account blocked, and a missing one disconnects it. The
certificate is opaque, so only the operator, who copies it from Business Manager, can confirm that it is current. The
confirmation names this one certificate, by its fingerprint, and the date.
"""

import hashlib
import json
import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from functions.errors import Refusal

CERTIFICATE_MAX_AGE_DAYS = 30
"""How old a confirmation may be, in days. A month is our choice: an operator still remembers what they confirmed."""

WITHOUT_CERTIFICATE_DAYS = 5
"""How many days after its registration a number may be sent without a certificate.

M-10 allows 7 days. A date without time is up to 1 day off, and its time zone up to 14 hours more, so 5 is safe.
"""

HOW_TO_CONFIRM = (
    "See in Business Manager that the secret's certificate is the current one, then run "
    "`python -m functions.shards confirm`."
)


@dataclass(frozen=True)
class Account:
    """The account of one registered number. Its `repr` shows no secret.

    Attributes:
        username: Admin user of the client.
        password: Its password.
        cc: Country code of the number, such as "1".
        phone_number: The number without country code.
        certificate: The verified-name certificate in base64, as Business Manager shows it; empty if there is none.
        pin: The six digits of two-step verification; empty when that is off.
        confirmed_fingerprint: SHA-256 of the certificate that the operator confirmed.
        confirmed_on: When they did.
        registered_on: When the number was registered; needed only without a certificate.
    """

    username: str
    password: str = field(repr=False)
    cc: str
    phone_number: str = field(repr=False)
    certificate: str = field(default="", repr=False)
    pin: str = field(default="", repr=False)
    confirmed_fingerprint: str = ""
    confirmed_on: date | None = None
    registered_on: date | None = None

    def check_certificate(self, today: date, max_age_days: int = CERTIFICATE_MAX_AGE_DAYS) -> None:
        """Refuse what could cost the connection or the account.

        Args:
            today: The date, in UTC.
            max_age_days: How old the confirmation may be.

        Raises:
            Refusal: The certificate is missing or not confirmed; the text says what to do.
        """
        if not self.certificate:
            self._check_registration(today)
            return
        if self.confirmed_fingerprint != fingerprint(self.certificate) or self.confirmed_on is None:
            raise Refusal(f"Nobody has confirmed that this certificate is current. {HOW_TO_CONFIRM}")
        age = (today - self.confirmed_on).days
        # One day ahead is another time zone. A later date is a mistake that would prolong the confirmation.
        if age < -1:
            raise Refusal(f"Key certificate_confirmed_on: {self.confirmed_on} is in the future. {HOW_TO_CONFIRM}")
        if age > max_age_days:
            raise Refusal(
                f"The certificate was confirmed {age} days ago; allowed are {max_age_days}. An expired one would get "
                f"the account blocked. {HOW_TO_CONFIRM}"
            )

    def _check_registration(self, today: date) -> None:
        advice = "Copy the certificate from Business Manager into the secret's key cert."
        if self.registered_on is None:
            raise Refusal(f"The secret has no certificate: setting shards would disconnect the number. {advice}")
        age = (today - self.registered_on).days
        if not -1 <= age <= WITHOUT_CERTIFICATE_DAYS:
            raise Refusal(
                f"The secret has no certificate, and the number was registered {age} days ago (key registered_on); "
                f"without one at most {WITHOUT_CERTIFICATE_DAYS} days are safe. {advice}"
            )


def fingerprint(certificate: str) -> str:
    """Return the SHA-256 of the certificate's text, in hex; `printf %s "$CERT" | sha256sum` gives the same.

    Example:
        >>> fingerprint("Y2VydA==")[:16]
        'ecdc91afb5acb016'
    """
    return hashlib.sha256(certificate.strip().encode()).hexdigest()


def read_account(secret: str) -> Account:
    """Read the account from the secret's text.

    Args:
        secret: A JSON object of texts with the keys username, password, cc, phone_number and, as they apply, cert,
            pin, certificate_fingerprint, certificate_confirmed_on, registered_on (dates as 2026-11-30).

    Raises:
        Refusal: It is no such object. The text names the key, never its value.
    """
    try:
        keys = json.loads(secret)
    except (ValueError, RecursionError):  # a RecursionError when it is nested too deep
        keys = None
    if not isinstance(keys, dict):
        raise Refusal("The secret must be a JSON object.")

    def text(name: str, pattern: str, rule: str, *, needed: bool = False) -> str:
        value = keys.get(name, "")
        if not isinstance(value, str) or not re.fullmatch(pattern, value.strip()) or (needed and not value):
            raise Refusal(f"Key {name} of the secret: {rule} needed.")
        return value.strip()

    def day(name: str) -> date | None:
        value = text(name, r"([0-9]{4}-[0-9]{2}-[0-9]{2})?", "a date such as 2026-11-30 is")
        try:
            return date.fromisoformat(value) if value else None
        except ValueError:
            raise Refusal(f"Key {name} of the secret: a date such as 2026-11-30 is needed.") from None

    return Account(
        username=text("username", r"[^:]+", "a user name is", needed=True),
        password=text("password", r".+", "a password is", needed=True),
        cc=text("cc", r"[0-9]{1,3}", "the country code, 1 to 3 digits, is", needed=True),
        phone_number=text("phone_number", r"[0-9]{4,14}", "the number's 4 to 14 digits are", needed=True),
        certificate=text("cert", r"[A-Za-z0-9+/=\s_-]*", "the certificate in base64 is"),
        pin=text("pin", r"([0-9]{6})?", "six digits, or no such key, are"),
        confirmed_fingerprint=text("certificate_fingerprint", r"([0-9a-f]{64})?", "64 hexadecimal digits are"),
        confirmed_on=day("certificate_confirmed_on"),
        registered_on=day("registered_on"),
    )


def confirmed(secret: str, today: date) -> str:
    """Return the secret's text with its certificate confirmed today.

    Raises:
        Refusal: As `read_account`, or there is no certificate to confirm.
    """
    account = read_account(secret)
    if not account.certificate:
        raise Refusal("The secret has no key cert, so there is nothing to confirm.")
    confirmation = {
        "certificate_fingerprint": fingerprint(account.certificate),
        "certificate_confirmed_on": today.isoformat(),
    }
    return json.dumps(json.loads(secret) | confirmation)


def today() -> date:
    """Return today's date in UTC."""
    return datetime.now(UTC).date()
