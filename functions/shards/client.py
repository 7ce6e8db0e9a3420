"""The client's HTTP interface, as far as shards need it (facts from its public reference, cited as M-n).

Every request has a time-out, and every try has a deadline. An error that may pass is tried again with growing, jittered
pauses; any other is raised at once. Tokens, passwords, certificate, PIN and the support answer, which lists the
client's environment, are never logged.
"""

import base64
import http.client
import json
import random
import re
import socket
import ssl
import urllib.parse
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from functions import contract
from functions.deadline import Deadline
from functions.errors import Failure, Refusal
from functions.log import log
from functions.shards.account import Account

Result = TypeVar("Result")

SHARDS_PATH = "/v1/account/shards"

RETRY_CODES = {1011, 1014, 1015, 1016, 1017, 1018, 1023}
"""The client's error codes that may pass.

They mean: not ready, internal error, too many requests, overloaded, not the primary master, not the primary coreapp,
database error.
"""

FINAL_CODES = {1005, 1008, 1009, 1010, 1021, 1024, 1025, 1031}
"""The client's error codes for which trying again cannot help.

They mean: access denied, parameters, user, password change, bad request, locked account.
"""

ADVICE: dict[object, str] = {
    1005: "Access denied: the certificate is wrong or the number is not registered. A wrong certificate logs the "
    "client off: store the current one from Business Manager, run `python -m functions.shards confirm`, then "
    "`python -m functions.shards set <the number that get shows> --again`.",
    1008: "A parameter is missing. If two-step verification is on, store its six digits in the secret's key pin.",
    1009: "A parameter is wrong. Check the keys cc, phone_number and pin of the secret.",
    1024: "The user's first password was never changed. Log in once with new_password and store that in the secret.",
    1031: "The account is locked or blocked. Ask WhatsApp's support; setting shards will not help.",
}

MAX_BODY_BYTES = 4 * 2**20


class Unavailable(Failure):
    """The client did not answer, or said that it cannot now; trying later may help."""


class Rejected(Failure):
    """The client refuses, and trying again cannot help."""


@dataclass(frozen=True)
class Pace:
    """Time-outs and pauses, in seconds.

    Attributes:
        request: How long to wait for one answer. The client's own database time-out is 30 s, but its small answers
            take less than a second.
        first_pause: Pause after the first failed try. It is doubled after each further one, and each pause is
            jittered by half to keep callers apart.
        longest_pause: The longest pause between two tries, before jitter.
    """

    request: float = 10.0
    first_pause: float = 1.0
    longest_pause: float = 15.0


class Client:
    """A session with the client's webapp.

    Args:
        url: Such as https://wa.example.com or https://127.0.0.1:9090; https only.
        account: Whose credentials log in.
        tls: What to trust (`functions.tls.trust`).
        pace: Time-outs and pauses. Default: those of `Pace`.
        wait_for_connection: Whether to try again when nothing listens at the address or its name is unknown, since
            the client may be starting. False makes that a `Rejected` at once.

    Raises:
        Refusal: The address is not https://host[:port].
    """

    def __init__(
        self,
        url: str,
        account: Account,
        tls: ssl.SSLContext,
        pace: Pace | None = None,
        *,
        wait_for_connection: bool = True,
    ) -> None:
        self._host, self._port = split_address(url, named_by=contract.ENDPOINT)
        self._wait_for_connection = wait_for_connection
        self._account = account
        self._tls = tls
        self._pace = pace or Pace()
        self._token: str | None = None

    def get_shards(self, deadline: Deadline) -> int:
        """Return the number of shards (M-12).

        Raises:
            Unavailable: No answer before the deadline.
            Rejected: The client refuses, and trying again cannot help.
        """
        answer = self._retried("GET", SHARDS_PATH, deadline)
        shards = _at(answer, "account", "shards")
        if not isinstance(shards, int):
            raise Unavailable(f"GET {SHARDS_PATH}: the answer has no account.shards.")
        return shards

    def health(self, deadline: Deadline) -> Mapping[str, Any]:
        """Return `health` of GET /v1/health. Raises as `get_shards`."""
        return _object(_at(self._retried("GET", "/v1/health", deadline), "health"))

    def support(self, deadline: Deadline) -> Mapping[str, Any]:
        """Return `support` of GET /v1/support; it lists environment variables. Raises as `get_shards`."""
        return _object(_at(self._retried("GET", "/v1/support", deadline), "support"))

    def set_shards(self, shards: int, deadline: Deadline, *, again: bool = False) -> bool:
        """Set the number of shards (M-8); the client then restarts every coreapp (M-22).

        Before each try it reads the number: an earlier try whose answer was lost, or somebody else, may have set it,
        and setting it again would restart everything again.

        Args:
            shards: One of `SHARD_COUNTS`.
            deadline: When to give up.
            again: Send although the number is set: that brings back a client that is logged off (M-11).

        Returns:
            Whether something was sent that was accepted; False when the number was right already.

        Raises:
            Unavailable: Not accepted before the deadline.
            Rejected: The client refuses, and trying again cannot help.
        """
        body: dict[str, object] = {"cc": self._account.cc, "phone_number": self._account.phone_number, "shards": shards}
        if self._account.certificate:
            body["cert"] = self._account.certificate
        if self._account.pin:
            body["pin"] = self._account.pin

        def attempt() -> bool:
            answer = self._authorized("GET", SHARDS_PATH, deadline)
            if _at(answer, "account", "shards") == shards and not again:
                return False
            self._authorized("POST", SHARDS_PATH, deadline, body)
            log("set shards accepted", shards=shards)
            return True

        return self._again(attempt, deadline)

    def _retried(self, method: str, path: str, deadline: Deadline) -> Mapping[str, Any]:
        return self._again(lambda: self._authorized(method, path, deadline), deadline)

    def _again(self, attempt: Callable[[], Result], deadline: Deadline) -> Result:
        pause = self._pace.first_pause
        while True:
            try:
                return attempt()
            except Unavailable as problem:
                log("client unavailable", problem=str(problem))
                # Jitter keeps two callers from meeting again and again. It needs no secure randomness.
                if not deadline.sleep(pause * random.uniform(0.5, 1.5)):  # noqa: S311
                    raise
            pause = min(2 * pause, self._pace.longest_pause)

    def _authorized(
        self, method: str, path: str, deadline: Deadline, body: Mapping[str, object] | None = None
    ) -> Mapping[str, Any]:
        """Send with a token; when it has expired, log in again and send once more."""
        fresh = self._token is None
        if self._token is None:
            self._token = self._log_in(deadline)
        status, answer = self._send(method, path, f"Bearer {self._token}", body, deadline)
        if status == 401 and not fresh:
            log("token expired, logging in again")
            self._token = self._log_in(deadline)
            status, answer = self._send(method, path, f"Bearer {self._token}", body, deadline)
        return _accepted(method, path, status, answer)

    def _log_in(self, deadline: Deadline) -> str:
        login = f"{self._account.username}:{self._account.password}".encode()
        basic = f"Basic {base64.b64encode(login).decode()}"
        status, answer = self._send("POST", "/v1/users/login", basic, None, deadline)
        users = _accepted("POST", "/v1/users/login", status, answer).get("users")
        token = users[0].get("token") if isinstance(users, list) and users and isinstance(users[0], dict) else None
        if not isinstance(token, str):
            raise Unavailable("POST /v1/users/login: the answer has no token.")
        return token

    def _send(
        self, method: str, path: str, authorization: str, body: Mapping[str, object] | None, deadline: Deadline
    ) -> tuple[int, Mapping[str, Any]]:
        timeout = max(0.1, min(self._pace.request, deadline.remaining()))
        connection = http.client.HTTPSConnection(self._host, self._port, timeout=timeout, context=self._tls)
        headers = {"Authorization": authorization, "Accept": "application/json", "Connection": "close"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        try:
            connection.request(method, path, json.dumps(body) if body is not None else None, headers)
            response = connection.getresponse()
            raw = response.read(MAX_BODY_BYTES)
        except ssl.SSLCertVerificationError as error:
            raise Rejected(
                f"The certificate of {self._host} is not trusted: {error.verify_message}. Store the webapp's CA in the "
                "parameter CaParameterName and use the name that it certifies."
            ) from None
        except (OSError, http.client.HTTPException) as error:
            if not self._wait_for_connection and isinstance(error, ConnectionRefusedError | socket.gaierror):
                raise Rejected(_no_connection(self._host, self._port, error)) from None
            raise Unavailable(f"{method} {path} at {self._host}:{self._port}: {type(error).__name__}.") from None
        finally:
            connection.close()
        try:
            return response.status, _object(json.loads(raw or b"{}"))
        except ValueError:
            return response.status, {}


def split_address(url: str, *, named_by: str) -> tuple[str, int]:
    """Return host and port of the webapp.

    Args:
        url: Such as https://wa.example.com or https://127.0.0.1:9090.
        named_by: The property or option that gave it, for the error's text.

    Raises:
        Refusal: It is not https://host[:port] with a port from 1 to 65535. The text shows no user or password.

    Example:
        >>> split_address("https://wa.example.com", named_by="--url")
        ('wa.example.com', 443)
    """
    # A ValueError says that the port is no number up to 65535, or that the brackets hold no IPv6 address.
    with suppress(ValueError):
        parts = urllib.parse.urlsplit(url)
        port = 443 if parts.port is None else parts.port
        plain = not (parts.path.strip("/") or parts.query or "@" in parts.netloc)
        if parts.scheme == "https" and parts.hostname and port and plain:
            return parts.hostname, port
    shown = re.sub(r"//.*@", "//...@", url)
    raise Refusal(
        f"{named_by}: {shown!r} was given; https://<host> or https://<host>:<port> is needed. "
        "A port is a number from 1 to 65535."
    )


def _no_connection(host: str, port: int, error: OSError) -> str:
    if isinstance(error, socket.gaierror):
        return f"The host name {host} cannot be resolved ({error.strerror}). Check the address."
    return f"Nothing listens at {host}:{port}: the connection was refused. Check the address, or wait for the client."


def _accepted(method: str, path: str, status: int, answer: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the answer of a success; raise what may pass as `Unavailable` and anything else as `Rejected`.

    Only code and title of an error are used: its details may quote what was sent.
    """
    if 200 <= status < 300:
        return answer
    errors = answer.get("errors")
    error = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], dict) else {}
    code: object = error.get("code")
    said = f"{method} {path}: HTTP {status}" + (f", code {code} ({error.get('title')})" if code else "")
    if status == 401:
        raise Rejected(f"{said}. Check the keys username and password of the secret.")
    retryable = status == 429 or status >= 500 or (status == 403 and path == SHARDS_PATH)
    if code in RETRY_CODES or (retryable and code not in FINAL_CODES):
        raise Unavailable(f"{said}.")
    raise Rejected(f"{said}. {ADVICE.get(code, 'Check the secret and the settings.')}")


def _at(answer: Mapping[str, Any], *names: str) -> object:
    value: object = answer
    for name in names:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
