"""The database file behind the stand-in: the shard map, the nodes, every message (M-3, facts 1.1).

One transaction for each change, so whatever ends the process, the file holds a whole state.
"""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T")

_SCHEMA = """
CREATE TABLE IF NOT EXISTS setting (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS node (
    name TEXT PRIMARY KEY, kind TEXT NOT NULL, container TEXT NOT NULL, ready_at REAL NOT NULL,
    paused INTEGER NOT NULL, stopped INTEGER NOT NULL, missed_at REAL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS shard_map (shard INTEGER PRIMARY KEY, coreapp TEXT);
CREATE TABLE IF NOT EXISTS token (digest TEXT PRIMARY KEY, expires_at REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS message (
    id INTEGER PRIMARY KEY AUTOINCREMENT, recipient TEXT NOT NULL, body TEXT NOT NULL,
    accepted_at REAL NOT NULL);
-- What the far side received: append only and without a unique key, so that a message sent twice would show.
CREATE TABLE IF NOT EXISTS delivery (
    message INTEGER NOT NULL, shard INTEGER NOT NULL, coreapp TEXT NOT NULL, sent_at REAL NOT NULL);
CREATE INDEX IF NOT EXISTS delivery_message ON delivery (message);
CREATE TABLE IF NOT EXISTS event (id INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, text TEXT NOT NULL);
"""


class Delivery(NamedTuple):
    """One message handed to the far side: its number, the shard and coreapp that sent it, and when."""

    message: int
    shard: int
    coreapp: str
    sent_at: float


class Store:
    """A SQLite file, or memory, that survives the stand-in.

    Args:
        path: The file, made when missing; None keeps everything in memory.

    Raises:
        ValueError: The file cannot be opened, or is something else.

    Example:
        >>> store = Store()
        >>> with store.transaction():
        ...     store.set("colour", "green")
        >>> store.get("colour", None)
        'green'
    """

    def __init__(self, path: Path | None = None) -> None:
        try:
            # One thread at a time uses it, but not always the one that opened it.
            self._db = sqlite3.connect(path or ":memory:", isolation_level=None, check_same_thread=False)
        except sqlite3.Error as error:
            raise ValueError(f"{path}: {error}") from error
        try:
            # WAL without a flush at each commit: nothing is lost when the process dies, and a commit takes
            # microseconds. Only a power cut could undo the last moments.
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = NORMAL")
            self._db.executescript(_SCHEMA)
        except sqlite3.Error as error:
            self._db.close()
            raise ValueError(f"{path}: this is no database of a stand-in ({error})") from error

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make the changes inside one transaction; an inner one joins the outer one."""
        if self._db.in_transaction:
            yield
            return
        self._db.execute("BEGIN")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    # Settings: small values by name.

    def get(self, key: str, default: T) -> T:
        """Return the value stored under `key`, or `default`."""
        row = self._db.execute("SELECT value FROM setting WHERE key = ?", (key,)).fetchone()
        if row is None:
            return default
        value: T = json.loads(row[0])
        return value

    def set(self, key: str, value: object) -> None:
        """Store a JSON value under `key`."""
        self._db.execute("INSERT OR REPLACE INTO setting VALUES (?, ?)", (key, json.dumps(value)))

    def latest(self) -> float | None:
        """Return the latest simulated time that anything here carries, None for a new store."""
        query = """SELECT max(t) FROM (
            SELECT CAST(value AS REAL) AS t FROM setting WHERE key = 'now' UNION ALL
            SELECT max(at) FROM event UNION ALL SELECT max(accepted_at) FROM message)"""
        latest: float | None = self._db.execute(query).fetchone()[0]
        return latest

    # The cluster: nodes and the shard map.

    def nodes(self) -> list[tuple[Any, ...]]:
        """Return every node as (name, kind, container, ready_at, paused, stopped, missed_at)."""
        return self._db.execute("SELECT * FROM node").fetchall()

    def put_node(self, row: tuple[Any, ...]) -> None:
        """Store a node, a row as `nodes` returns it."""
        self._db.execute("INSERT OR REPLACE INTO node VALUES (?, ?, ?, ?, ?, ?, ?)", row)

    def drop_node(self, name: str) -> None:
        """Forget a node."""
        self._db.execute("DELETE FROM node WHERE name = ?", (name,))

    def shard_map(self) -> dict[int, str | None]:
        """Return the coreapp of each shard, None where there is none."""
        return dict(self._db.execute("SELECT shard, coreapp FROM shard_map ORDER BY shard").fetchall())

    def put_shard_map(self, shard_map: dict[int, str | None]) -> None:
        """Replace the shard map."""
        self._db.execute("DELETE FROM shard_map")
        self._db.executemany("INSERT INTO shard_map VALUES (?, ?)", shard_map.items())

    # Messages.

    def add_message(self, recipient: str, body: str, accepted_at: float) -> int:
        """Keep an accepted message and return its number, which only ever grows."""
        query = "INSERT INTO message (recipient, body, accepted_at) VALUES (?, ?, ?)"
        number = self._db.execute(query, (recipient, body, accepted_at)).lastrowid
        assert number is not None  # noqa: S101 - SQLite sets it on every insert
        return number

    def add_deliveries(self, deliveries: list[Delivery]) -> None:
        """Note what the far side received."""
        self._db.executemany("INSERT INTO delivery VALUES (?, ?, ?, ?)", deliveries)

    def waiting(self) -> list[tuple[int, str, float]]:
        """Return (number, recipient, accepted_at) of each message not yet sent, oldest first."""
        query = """SELECT id, recipient, accepted_at FROM message WHERE NOT EXISTS
                   (SELECT 1 FROM delivery WHERE delivery.message = message.id) ORDER BY id"""
        return self._db.execute(query).fetchall()

    def counts(self) -> tuple[int, int, int]:
        """Return the messages accepted, those of them sent, and the times that they were sent in all."""
        accepted = self._db.execute("SELECT count(*) FROM message").fetchone()[0]
        sent, times = self._db.execute("SELECT count(DISTINCT message), count(*) FROM delivery").fetchone()
        return accepted, sent, times

    def messages(self, after: int = 0, limit: int = 1000) -> list[dict[str, Any]]:
        """Return the messages numbered above `after`, each once for every time that it was sent.

        Returns:
            Objects of message, recipient, body, accepted_at, shard, coreapp, sent_at; the last three are None
            while the message waits.
        """
        query = """SELECT id AS message, recipient, body, accepted_at, shard, coreapp, sent_at
                   FROM (SELECT * FROM message WHERE id > ? ORDER BY id LIMIT ?)
                   LEFT JOIN delivery ON delivery.message = id ORDER BY id, sent_at"""
        cursor = self._db.execute(query, (after, limit))
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor]

    # Events, for people.

    def add_event(self, at: float, text: str) -> None:
        """Note what happened."""
        self._db.execute("INSERT INTO event (at, text) VALUES (?, ?)", (at, text))

    def events(self, after: int = 0, limit: int = 100) -> list[dict[str, Any]]:
        """Return the last `limit` events numbered above `after`, oldest first, as id, at, text."""
        query = "SELECT id, at, text FROM event WHERE id > ? ORDER BY id DESC LIMIT ?"
        rows = self._db.execute(query, (after, limit)).fetchall()
        return [{"id": row[0], "at": row[1], "text": row[2]} for row in reversed(rows)]

    # Tokens, by digest: the tokens themselves are kept nowhere.

    def put_token(self, digest: str, expires_at: float) -> None:
        """Keep a token's digest."""
        self._db.execute("INSERT OR REPLACE INTO token VALUES (?, ?)", (digest, expires_at))

    def token_expiry(self, digest: str) -> float | None:
        """Return when the token expires, None for one never given."""
        row = self._db.execute("SELECT expires_at FROM token WHERE digest = ?", (digest,)).fetchone()
        return None if row is None else float(row[0])

    def expire_tokens(self, at: float) -> None:
        """Make every token expire at `at`."""
        self._db.execute("UPDATE token SET expires_at = ?", (at,))
