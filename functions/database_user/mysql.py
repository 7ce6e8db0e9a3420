"""The statements that the MySQL or MariaDB server gets, always over verified TLS and never after the deadline."""

import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from functions.deadline import Deadline
from functions.errors import Refusal
from functions.log import log
from functions.vendor import pymysql

PRIVILEGES = "SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX, DROP"
"""What the client needs, by its vendor's own diagnostic tool (WADebug, check_mysql_permissions.py)."""

SYSTEM_SCHEMAS = ("mysql", "sys")
"""Schemas whose tables decide who may do what. (`information_schema` cannot be written, and the server itself
guards `performance_schema`.)"""

USERNAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,31}")
"""MySQL's limit is 32 letters. Letters, digits and underscores alone keep quoting and logs simple."""

CONNECT_SECONDS = 10.0
STATEMENT_SECONDS = 30.0
RETRY_SECONDS = 3.0

NOT_YET = {1040, 1053, 2003, 2006, 2013}
"""Error codes of a server that is starting.

They mean: too many connections, shutting down, cannot connect, gone away, connection lost.
"""

ACCESS_DENIED = {1045, 1698, 3159, 4151}
"""Error codes of a refused login: a wrong user or password, or TLS that is required and missing."""


@dataclass(frozen=True)
class Login:
    """A user's name and password. Its `repr` leaves the password out."""

    username: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class Server:
    """A database server and how to trust it.

    Attributes:
        host: Its name; the certificate must be for it.
        port: Its TCP port.
        tls: What `functions.tls.trust` made of its certification authority.
    """

    host: str
    port: int
    tls: ssl.SSLContext

    @contextmanager
    def connected(self, login: Login, deadline: Deadline) -> Iterator[pymysql.Connection]:
        """Connect, waiting for a server that is still starting.

        Raises:
            Refusal: The server's certificate is not trusted, or nothing answered before the deadline.
            pymysql.OperationalError: The server refuses the login (`refused`), or anything else.
        """
        while True:
            try:
                connection = pymysql.connect(
                    host=self.host,
                    port=self.port,
                    user=login.username,
                    password=login.password,
                    ssl=self.tls,
                    connect_timeout=max(1.0, min(CONNECT_SECONDS, deadline.remaining())),
                    read_timeout=STATEMENT_SECONDS,
                    write_timeout=STATEMENT_SECONDS,
                    charset="utf8mb4",
                    autocommit=True,
                )
                break
            except pymysql.OperationalError as error:
                cause = getattr(error, "original_exception", None)
                if isinstance(cause, ssl.SSLCertVerificationError):
                    raise Refusal(
                        f"The certificate of {self.host} is not trusted: {cause.verify_message}. Store this "
                        "database's CA bundle in the parameter CaParameterName and use the name it certifies."
                    ) from None
                if error.args[0] not in NOT_YET:
                    raise
                log("database not reachable yet", host=self.host, port=self.port, code=error.args[0])
                if not deadline.sleep(RETRY_SECONDS):
                    raise Refusal(
                        f"No connection to {self.host}:{self.port}. Start the database, let its security group "
                        "admit this function on that port, then try again."
                    ) from None
        with connection:
            yield connection


def refused(error: pymysql.OperationalError) -> bool:
    """Return whether the server refused the login, rather than failed."""
    return error.args[0] in ACCESS_DENIED


def ensure_user(connection: pymysql.Connection, user: Login, *, require_tls: bool) -> None:
    """Make the user with this password, with TLS required or not, and with `PRIVILEGES`. It can be repeated."""
    tls = "SSL" if require_tls else "NONE"
    with connection.cursor() as cursor:
        cursor.execute("CREATE USER IF NOT EXISTS %s@'%%' IDENTIFIED BY %s", (user.username, user.password))
        cursor.execute(f"ALTER USER %s@'%%' IDENTIFIED BY %s REQUIRE {tls}", (user.username, user.password))
        for statement in grants(partial_revokes=_partial_revokes(connection)):
            cursor.execute(statement, (user.username,))


def grants(*, partial_revokes: bool) -> list[str]:
    """Return the statements that grant `PRIVILEGES` on every schema but the server's own.

    The client makes databases of its own whose names are not published, so the grant cannot list them. A bare
    `ON *.*` would let it write the grant tables in `mysql`, and so make itself master. Two ways avoid that:

    - `partial_revokes` off, as on RDS, where it cannot be changed, and on MariaDB, which has no such variable: grant
      on the pattern `%`, which is not a global grant, after giving each system schema a row of its own. The server
      uses the most specific row that matches and no other. So on those schemas only their own row counts, and
      SHOW VIEW alone shows nothing there. https://dev.mysql.com/doc/refman/8.4/en/request-access.html
    - on, as on a MySQL server of your own: `%` is then no pattern but a name, so grant everywhere, then revoke on the
      system schemas. https://dev.mysql.com/doc/refman/8.4/en/partial-revokes.html

    Args:
        partial_revokes: Whether the server has that variable on.

    Returns:
        SQL, in order, each with one place for the user's name.
    """
    if partial_revokes:
        return [f"GRANT {PRIVILEGES} ON *.* TO %s@'%%'"] + [
            f"REVOKE IF EXISTS {PRIVILEGES} ON `{schema}`.* FROM %s@'%%'" for schema in SYSTEM_SCHEMAS
        ]
    return [f"GRANT SHOW VIEW ON `{schema}`.* TO %s@'%%'" for schema in SYSTEM_SCHEMAS] + [
        f"GRANT {PRIVILEGES} ON `%%`.* TO %s@'%%'"
    ]


def drop_user(connection: pymysql.Connection, username: str) -> None:
    """Drop the user if it exists. Its databases stay, because they are the client's data and not the user's."""
    with connection.cursor() as cursor:
        cursor.execute("DROP USER IF EXISTS %s@'%%'", (username,))


def user_exists(connection: pymysql.Connection, username: str) -> bool:
    """Return whether there is a user of that name that may come from any host."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM mysql.user WHERE user = %s AND host = '%%'", (username,))
        return cursor.fetchone() is not None


def _partial_revokes(connection: pymysql.Connection) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SHOW VARIABLES LIKE 'partial_revokes'")
        row = cursor.fetchone()
    return row is not None and row[1] == "ON"
