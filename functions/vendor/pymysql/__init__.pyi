"""The part of PyMySQL's interface that `functions` and its tests use."""

import ssl
from collections.abc import Sequence
from types import TracebackType

VERSION_STRING: str

class MySQLError(Exception): ...
class Error(MySQLError): ...
class DatabaseError(Error): ...

class OperationalError(DatabaseError):
    original_exception: BaseException

class Cursor:
    def __enter__(self) -> Cursor: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
    def execute(self, query: str, args: Sequence[object] | None = None) -> int: ...
    def fetchall(self) -> Sequence[tuple[object, ...]]: ...
    def fetchone(self) -> tuple[object, ...] | None: ...

class Connection:
    def __enter__(self) -> Connection: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
    def cursor(self) -> Cursor: ...
    def close(self) -> None: ...

def connect(
    *,
    user: str,
    password: str,
    host: str | None = None,
    port: int = 0,
    unix_socket: str | None = None,
    ssl: ssl.SSLContext | None = None,
    ssl_disabled: bool = False,
    connect_timeout: float = 10,
    read_timeout: float | None = None,
    write_timeout: float | None = None,
    charset: str = "",
    autocommit: bool = False,
) -> Connection: ...
