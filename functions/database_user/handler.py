"""Custom resource: the client's own database user, with the least privileges that it needs (D-6).

CloudFormation makes the user's secret with a user name and a generated password. This function reads it and
the master's secret, makes the user over verified TLS, and completes the secret to the shape that RDS gives
its own, so that ECS can inject its keys one by one.

Properties, all texts:

- `MasterSecretArn`: secret with `username` and `password`, as RDS makes it for the master user.
- `UserSecretArn`: secret with `username` and `password` of the user to make.
- `Host`, `Port`: the server.
- `TlsRequired`: "true" or "false": whether the user may log in without TLS. This function never does.
- `CaParameterName`: SSM parameter with the PEM bundle that certifies the server.

Physical id: `<user>@<host>:<port>`. Another user name or server makes another user first; CloudFormation then
deletes the old one. A new password is an update of the same user.

Deleting succeeds when there is nothing left to undo: the master's secret is gone, or the server's name no
longer exists (RDS takes it away with the database). It fails, with what to do, when the server is there but
not reachable or refuses the master: a user that nobody knows of would stay behind. The client's databases are
never touched.
"""

import json
import re
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

from functions import contract
from functions.aws import SecretsManager, Ssm, error_code, read_parameter, read_secret, secrets_manager, ssm
from functions.custom_resource import Answer, Request, custom_resource
from functions.database_user.mysql import (
    USERNAME,
    Login,
    Server,
    drop_user,
    ensure_user,
    refused,
    user_exists,
)
from functions.errors import Failure, Refusal
from functions.log import log
from functions.tls import trust
from functions.vendor import pymysql

FORBIDDEN_IN_PASSWORD = "?{}&~!()^="  # noqa: S105 - a rule, no password
"""What the client cannot use in its database password (WADebug, check_mysql_password.py)."""

IDENTITY = re.compile(r"(?P<username>[^@]+)@(?P<host>.+):(?P<port>[0-9]+)")

GONE = {"ResourceNotFoundException", "InvalidRequestException"}
"""Secrets Manager's codes for a secret that does not exist, and for one that is scheduled for deletion."""


class DatabaseUser:
    """Makes, changes and drops the client's database user.

    Args:
        secrets: A client for Secrets Manager.
        parameters: A client for SSM.
    """

    def __init__(self, secrets: SecretsManager, parameters: Ssm) -> None:
        self._secrets = secrets
        self._parameters = parameters

    def identify(self, request: Request) -> str:
        """Return `<user>@<host>:<port>`.

        Raises:
            Refusal: A property, or a key of the user's secret, is missing or not allowed.
        """
        return f"{self._user(request).username}@{request.text(contract.HOST)}:{_port(request.text(contract.PORT))}"

    def create(self, request: Request) -> Answer:
        """Make the user and complete its secret.

        Raises:
            Refusal: Bad properties; a server that is not reachable, not trusted or refuses the master; a user of that
                name that somebody else made, who would lose it.
        """
        return self._apply(request, adopt=False)

    def update(self, request: Request) -> Answer:
        """Change the user and its secret to what the properties say. Another name or server means a new user."""
        return self._apply(request, adopt=self.identify(request) == request.physical_id)

    def delete(self, request: Request) -> None:
        """Drop the user; a success when the server or the master's secret is gone.

        Raises:
            Failure: The server is there but not reachable, not trusted or refuses the master.
        """
        identity = IDENTITY.fullmatch(request.physical_id)
        if identity is None:
            raise Failure(f"PhysicalResourceId {request.physical_id!r} is not <user>@<host>:<port>.")
        username, host, port = identity["username"], identity["host"], int(identity["port"])
        if not _has_address(host):
            log("nothing to delete: the server is gone", host=host)
            return
        try:
            master = self._login(request.text(contract.MASTER_SECRET_ARN))
        except Exception as error:
            if error_code(error) not in GONE:
                raise
            log("nothing to delete: the master's secret is gone", host=host)
            return
        server = Server(host, port, self._trust(request))
        with _explained(host), server.connected(master, request.deadline) as connection:
            drop_user(connection, username)
        log("user dropped", user=username, host=host)

    def _apply(self, request: Request, *, adopt: bool) -> Answer:
        """Make the user as the properties say. With `adopt`, an existing user of that name is known to be ours."""
        user = self._user(request)
        require_tls = _flag(contract.TLS_REQUIRED, request.text(contract.TLS_REQUIRED))
        server = Server(request.text(contract.HOST), _port(request.text(contract.PORT)), self._trust(request))
        master = self._login(request.text(contract.MASTER_SECRET_ARN))
        with _explained(server.host), server.connected(master, request.deadline) as connection:
            if not adopt and user_exists(connection, user.username) and not _opens(server, user, request):
                raise Refusal(
                    f"The user {user.username!r} exists already, with another password than UserSecretArn has. "
                    "Drop it if nobody needs it, or put another username into the secret."
                )
            ensure_user(connection, user, require_tls=require_tls)
        log("user ready", user=user.username, host=server.host, tls_required=require_tls)
        self._complete(request.text(contract.USER_SECRET_ARN), user, server)
        return Answer(physical_id=f"{user.username}@{server.host}:{server.port}", data={"Username": user.username})

    def _complete(self, arn: str, user: Login, server: Server) -> None:
        """Write the secret in the shape that RDS uses; write nothing when it has that shape already."""
        wanted = {
            "username": user.username,
            "password": user.password,
            "engine": "mysql",
            "host": server.host,
            "port": server.port,
        }
        present = json.loads(read_secret(self._secrets, arn))
        if present | wanted != present:
            self._secrets.put_secret_value(SecretId=arn, SecretString=json.dumps(present | wanted))
            log("secret completed", secret=arn, keys=sorted(wanted))

    def _user(self, request: Request) -> Login:
        user = self._login(request.text(contract.USER_SECRET_ARN))
        if not USERNAME.fullmatch(user.username):
            raise Refusal(
                f"Key username of UserSecretArn: {user.username!r} is not allowed. Give 1 to 32 letters, digits "
                "and underscores, with a letter first."
            )
        if any(letter in FORBIDDEN_IN_PASSWORD for letter in user.password):
            raise Refusal(
                "Key password of UserSecretArn holds a letter that the client cannot use. Have it generated "
                f"without any of {FORBIDDEN_IN_PASSWORD}"
            )
        return user

    def _login(self, arn: str) -> Login:
        try:
            secret = json.loads(read_secret(self._secrets, arn))
            login = Login(username=secret["username"], password=secret["password"])
        except (ValueError, KeyError, TypeError):
            login = Login("", "")
        if not (isinstance(login.username, str) and isinstance(login.password, str) and login.password):
            raise Refusal(f"Secret {arn} must be a JSON object with the texts username and password.")
        return login

    def _trust(self, request: Request) -> ssl.SSLContext:
        name = request.text(contract.CA_PARAMETER_NAME)
        pem = read_parameter(self._parameters, name)
        return trust(pem, named_by=f"Parameter {name} ({contract.CA_PARAMETER_NAME})")


@contextmanager
def _explained(host: str) -> Iterator[None]:
    """Raise the server's errors as failures that name their code alone.

    The server's own message is left out, because it may quote the statement, and so a password.

    Raises:
        Refusal: The server refuses the master.
        Failure: It refuses anything else.
    """
    try:
        yield
    except pymysql.DatabaseError as error:
        if isinstance(error, pymysql.OperationalError) and refused(error):
            raise Refusal(
                f"{host} refuses the master user. If its password was changed by hand, put the new one into the "
                "secret MasterSecretArn; if it is being rotated, try again in a minute."
            ) from None
        raise Failure(
            f"{host} answered MySQL error {error.args[0]}. Look it up in the server's error reference; the master "
            "needs CREATE USER, and with GRANT OPTION what the client's user gets."
        ) from None


def _opens(server: Server, user: Login, request: Request) -> bool:
    """Return whether the user's own secret opens the server, so that the user is ours from an earlier try."""
    try:
        with server.connected(user, request.deadline):
            return True
    except pymysql.OperationalError as error:
        if not refused(error):
            raise
        return False


def _has_address(host: str) -> bool:
    """Return False only when the name is known not to exist. A resolver that fails proves nothing."""
    try:
        socket.getaddrinfo(host, None)
    except socket.gaierror as error:
        return error.errno not in (socket.EAI_NONAME, socket.EAI_NODATA)
    return True


def _port(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and 0 < int(text) < 65536):
        raise Refusal(f"Property Port: {text!r} was given; a number from 1 to 65535 is needed.")
    return int(text)


def _flag(name: str, text: str) -> bool:
    if text not in ("true", "false"):
        raise Refusal(f"Property {name}: {text!r} was given; allowed are 'true' and 'false'.")
    return text == "true"


handler = custom_resource(lambda: DatabaseUser(secrets_manager(), ssm()))
