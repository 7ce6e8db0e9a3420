"""The account of the client: its users, its registered number, certificates and PIN (M-8..M-11, facts 2.1-2.2)."""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from enum import StrEnum

from standin.clock import stamp
from standin.errors import Json, Refusal
from standin.nodes import SHARD_COUNTS
from standin.store import Store

DAY = 86_400.0
TOKEN_SECONDS = 7 * DAY
"""A token is valid for 7 days (facts 2.2)."""
GRACE_SECONDS = 7 * DAY
"""So long after registration Set Shards without a certificate does no harm (M-10)."""
FIRST_PASSWORD = "secret"  # noqa: S105 - the documented one, which the first login must change (facts 2.2)
CERTIFICATE = "c3RhbmQtaW4gdmVyaWZpZWQtbmFtZSBjZXJ0aWZpY2F0ZQ=="
"""The number's certificate unless another one is given: base64, as the one of M-8 is."""

_PASSWORD_PARTS = (r"[0-9]", r"[A-Z]", r"[a-z]", r"[^0-9A-Za-z]")


class Standing(StrEnum):
    """How the account stands with WhatsApp; messages flow in the first case alone."""

    REGISTERED = "registered"
    UNREGISTERED = "unregistered"
    LOGGED_OFF = "logged off"
    """After a wrong certificate, until Set Shards comes with the right one (M-11)."""
    DISCONNECTED = "disconnected"
    """After Set Shards without a certificate more than 7 days after registration (M-10)."""
    BANNED = "banned"
    """After an expired certificate, for good (M-11)."""


@dataclass(frozen=True, kw_only=True)
class AccountOptions:
    """What a new stand-in knows about its number.

    Attributes:
        cc: Country code, digits.
        phone_number: The number without country code, digits. The default lies in a range kept for fiction.
        registered_days: Simulated days since the registration; None is a number not registered yet.
        certificate: The number's certificate in base64.
        certificate_days: Simulated days for which it is still valid; below 0 it has expired.
        pin: The six digits of two-step verification; None leaves it off.
        password: The admin's password; None keeps the documented first one, which must be changed.
        api_key: `WA_API_KEY` of the webapp, 12 to 128 characters; None accepts no API key (facts 1.4).

    Raises:
        ValueError: A value that no account can have, with what is allowed.
    """

    cc: str = "1"
    phone_number: str = "2025550123"
    registered_days: float | None = 30.0
    certificate: str = CERTIFICATE
    certificate_days: float = 365.0
    pin: str | None = None
    password: str | None = None
    api_key: str | None = None

    def __post_init__(self) -> None:
        for name in ("cc", "phone_number"):
            if not re.fullmatch(r"[0-9]+", getattr(self, name)):
                raise ValueError(f"{name}={getattr(self, name)!r}: give digits only, such as 1 and 2025550123")
        if self.pin is not None and not is_pin(self.pin):
            raise ValueError("pin: give six digits")
        if self.password is not None and not is_password(self.password):
            raise ValueError(f"password: {PASSWORD_RULE}")
        if self.api_key is not None and not 12 <= len(self.api_key) <= 128:
            raise ValueError(f"api_key of {len(self.api_key)} characters: give 12 to 128")


PASSWORD_RULE = "give 8 to 64 characters with a digit, an upper-case, a lower-case and a special one"  # noqa: S105


def is_password(value: object) -> bool:
    """Tell whether a password meets the rule (facts 2.2).

    Example:
        >>> is_password("Str0ng-enough"), is_password("secret")
        (True, False)
    """
    return isinstance(value, str) and 8 <= len(value) <= 64 and all(re.search(part, value) for part in _PASSWORD_PARTS)


def is_pin(value: object) -> bool:
    """Tell whether a PIN is six digits (facts 2.2)."""
    return isinstance(value, str) and re.fullmatch(r"[0-9]{6}", value) is not None


def required(body: Json, name: str, kind: type) -> object:
    """Return a field of a request body.

    Raises:
        Refusal: 1008 when it is missing, 1009 when it is of another type.
    """
    if name not in body:
        raise Refusal(1008, f"{name} is missing")
    value = body[name]
    if not isinstance(value, kind) or isinstance(value, bool) is not (kind is bool):
        raise Refusal(1009, f"{name}: give a {kind.__name__}")
    return value


class Account:
    """One number and its admin user, kept in the store.

    Args:
        store: Where it is kept. A store that holds an account already continues with that one.
        options: What a new account starts with.
        now: Simulated seconds since 1970.
    """

    def __init__(self, store: Store, options: AccountOptions, now: float) -> None:
        self.store = store
        self._api_key = options.api_key
        if store.get("standing", None) is None:
            registered = options.registered_days is not None
            with store.transaction():
                store.set("standing", Standing.REGISTERED if registered else Standing.UNREGISTERED)
                store.set("number", [options.cc, options.phone_number])
                store.set("registered_at", now - (options.registered_days or 0) * DAY)
                store.set("pin", options.pin)
                self.issue_certificate(options.certificate, now + options.certificate_days * DAY)
                self._set_password(options.password or FIRST_PASSWORD)
                store.set("must_change_password", options.password is None)

    @property
    def standing(self) -> Standing:
        """How the account stands."""
        return Standing(self.store.get("standing", ""))

    # Users and tokens.

    def login(self, user: str, password: str, new_password: object, now: float) -> Json:
        """Answer a login with a token (facts 2.2).

        Raises:
            Refusal: 401 for wrong credentials; 1024 when the first password must be changed in the same call;
                1009 when the new one breaks the rule.
        """
        salt, digest = self.store.get("password", ["", ""])
        given = self._digest(password, salt)
        if not (hmac.compare_digest(given, digest) and hmac.compare_digest(user.encode(), b"admin")):
            raise Refusal(1005, "wrong user name or password", status=401)
        if new_password is None:
            if self.store.get("must_change_password", False):
                raise Refusal(1024, "log in again and send new_password in the same call")
        elif not isinstance(new_password, str) or not is_password(new_password):
            raise Refusal(1009, f"new_password: {PASSWORD_RULE}")
        token = secrets.token_urlsafe(32)
        expires_at = now + TOKEN_SECONDS
        with self.store.transaction():
            if isinstance(new_password, str):
                self._set_password(new_password)
                self.store.set("must_change_password", False)
            self.store.put_token(_fingerprint(token), expires_at)
        return {"users": [{"token": token, "expires_after": stamp(expires_at)}]}

    def authenticate(self, authorization: str, now: float, *, api_key: bool = False) -> None:
        """Check an Authorization header: a bearer token, or where `api_key` says so the API key (facts 1.4).

        Raises:
            Refusal: 401 when it is missing, unknown or expired.
        """
        scheme, _, credentials = authorization.partition(" ")
        if scheme.lower() == "bearer":
            expires_at = self.store.token_expiry(_fingerprint(credentials))
            if expires_at is not None and now < expires_at:
                return
        elif api_key and scheme.lower() == "apikey" and self._is_api_key(credentials):
            return
        raise Refusal(1005, "log in first: the token is missing, wrong or expired", status=401)

    def _is_api_key(self, given: str) -> bool:
        return self._api_key is not None and hmac.compare_digest(given.encode(), self._api_key.encode())

    # The number.

    def register(self, body: Json, now: float) -> Json:
        """Answer a registration (facts 2.2): {} when the number is registered already, else `account` to verify.

        Raises:
            Refusal: 1008, 1009 for a bad request; as `check_certificate`; 1031 when the account is banned.
        """
        number = [required(body, "cc", str), required(body, "phone_number", str)]
        if required(body, "method", str) not in ("sms", "voice"):
            raise Refusal(1009, "method: give sms or voice")
        certificate = required(body, "cert", str)
        self._check_not_banned()
        if number != self.store.get("number", None):
            raise Refusal(1009, "cc, phone_number: this stand-in has another number")
        self._check_pin(body)
        self._check_certificate(certificate, now)
        if self.standing is Standing.REGISTERED:
            return {}
        code = f"{secrets.randbelow(10**6):06d}"
        with self.store.transaction():
            self.store.set("code", code)
            # Nobody sends an SMS here: the page is where the operator reads it.
            self.store.add_event(now, f"registration code sent: {code}")
        return {"account": [{"vname": "stand-in"}]}

    def verify(self, body: Json, now: float) -> None:
        """Finish a registration with the code that was received (facts 2.2).

        Raises:
            Refusal: 1008, 1009 for a missing or wrong code.
        """
        code = required(body, "code", str)
        if code != self.store.get("code", None):
            raise Refusal(1009, "code: this is not the one that was sent")
        with self.store.transaction():
            self.store.set("code", None)
            self.store.set("registered_at", now)
            self._stand(Standing.REGISTERED)

    def set_pin(self, body: Json | None) -> None:
        """Turn two-step verification on with the body's PIN, or off without a body (facts 2.2).

        Raises:
            Refusal: 1008, 1009 for a missing PIN or one that is not six digits.
        """
        pin = None if body is None else required(body, "pin", str)
        if pin is not None and not is_pin(pin):
            raise Refusal(1009, "pin: give six digits")
        with self.store.transaction():
            self.store.set("pin", pin)

    def issue_certificate(self, certificate: str, expires_at: float) -> None:
        """Make a certificate one of the number's own, valid until a simulated time; the others stay known."""
        known: dict[str, float] = self.store.get("certificates", {})
        with self.store.transaction():
            self.store.set("certificates", {**known, _fingerprint(certificate): expires_at})

    def set_registered_at(self, at: float) -> None:
        """Move the registration to another simulated time."""
        with self.store.transaction():
            self.store.set("registered_at", at)

    # Set Shards.

    def read_set_shards(self, body: Json) -> int:
        """Check the body of Set Shards (M-8) and return the number of shards. Nothing changes.

        Raises:
            Refusal: 1008 for a missing field, 1009 for a wrong one or another number.
        """
        number = [required(body, "cc", str), required(body, "phone_number", str)]
        shards = required(body, "shards", int)
        if not isinstance(shards, int) or shards not in SHARD_COUNTS:
            raise Refusal(1009, f"shards={shards}: allowed are {', '.join(map(str, SHARD_COUNTS))}")
        if number != self.store.get("number", None):
            raise Refusal(1009, "cc, phone_number: this is not the registered number")
        self._check_pin(body)
        return shards

    def admit_set_shards(self, body: Json, now: float) -> None:
        """Judge the certificate of a Set Shards that is sound otherwise (M-10, M-11); the account may suffer.

        Without a certificate more than 7 days after registration the shards change and the client is disconnected.
        The page says no more of it; an answer of 201 is the reading that a caller must be ready for.

        Raises:
            Refusal: As `_check_certificate`; 1031 when the account is banned; 1005 when the number is not registered
                or logged off and no certificate comes.
        """
        self._check_not_banned()
        if self.standing is Standing.UNREGISTERED:
            raise Refusal(1005, "the number is not registered: register it first")
        if body.get("cert") is not None:
            self._check_certificate(required(body, "cert", str), now)
            standing = Standing.REGISTERED
        elif self.standing is Standing.LOGGED_OFF:
            raise Refusal(1005, "the client is logged off: send the right certificate")
        elif now - self.store.get("registered_at", 0.0) > GRACE_SECONDS:
            standing = Standing.DISCONNECTED
        else:
            return
        with self.store.transaction():
            self._stand(standing)

    def _check_certificate(self, certificate: object, now: float) -> None:
        """Accept the number's own certificate while it is valid (M-11).

        Raises:
            Refusal: 1005 and logged off for a wrong one, 1031 and banned for good for an expired one.
        """
        known: dict[str, float] = self.store.get("certificates", {})
        expires_at = known.get(_fingerprint(str(certificate)))
        if expires_at is None:
            with self.store.transaction():
                self._stand(Standing.LOGGED_OFF)
            raise Refusal(1005, "wrong certificate: the client is logged off; call again with the right one")
        if now >= expires_at:
            with self.store.transaction():
                self._stand(Standing.BANNED)
            raise Refusal(1031, "the certificate has expired: the account is blocked")

    def _check_pin(self, body: Json) -> None:
        pin: str | None = self.store.get("pin", None)
        if pin is not None and required(body, "pin", str) != pin:
            raise Refusal(1009, "pin: this is not the PIN of two-step verification")

    def _check_not_banned(self) -> None:
        if self.standing is Standing.BANNED:
            raise Refusal(1031, "the account is blocked")

    def _stand(self, standing: Standing) -> None:
        self.store.set("standing", standing)

    def _set_password(self, password: str) -> None:
        salt = secrets.token_hex(8)
        self.store.set("password", [salt, self._digest(password, salt)])

    @staticmethod
    def _digest(password: str, salt: str) -> str:
        return hashlib.scrypt(password.encode(), salt=salt.encode(), n=2**12, r=8, p=1).hex()


def _fingerprint(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
