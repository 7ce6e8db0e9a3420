"""A listener for CloudFormation's answers, a TLS database server, and AWS as moto plays it; all on loopback."""

import datetime
import http.server
import json
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from moto import mock_aws

from functions.vendor import pymysql
from standin.clock import Clock

ROOT = Path(__file__).parents[2]
MASTER_PASSWORD = "master-s3cret"


@dataclass
class Context:
    """Lambda's context object. Its time is that of the functions' deadlines."""

    seconds: float = 60
    log_stream_name: str = "2026/11/22/[$LATEST]abc"
    now: Callable[[], float] = time.monotonic
    started: float = field(init=False)

    def __post_init__(self) -> None:
        self.started = self.now()

    def get_remaining_time_in_millis(self) -> int:
        return int((self.seconds - (self.now() - self.started)) * 1000)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of the functions' pauses and deadlines: it stands still while nobody waits, and a pause moves it."""
    clock = Clock(start=1_800_000_000.0, speed=None)
    by_hand = SimpleNamespace(monotonic=clock.now, sleep=clock.advance)
    monkeypatch.setattr("functions.deadline.time", by_hand)
    return clock


@dataclass
class ResponseUrl:
    """CloudFormation's presigned address: keeps each answer, and refuses as often as it is told to."""

    url: str
    answers: list[dict[str, Any]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    content_types: list[str | None] = field(default_factory=list)
    refusals: list[int] = field(default_factory=list)

    def event(self, kind: str, properties: dict[str, Any], **more: Any) -> dict[str, Any]:
        return {
            "RequestType": kind,
            "ResponseURL": self.url,
            "StackId": "arn:aws:cloudformation:us-east-1:123456789012:stack/wa-local-lambda/1",
            "RequestId": f"request-{len(self.bodies)}",
            "LogicalResourceId": "Thing",
            "ResourceType": "Custom::Thing",
            "ResourceProperties": {"ServiceToken": "arn:aws:lambda:us-east-1:123456789012:function:f"} | properties,
        } | more


@pytest.fixture
def response_url() -> Iterator[ResponseUrl]:
    kept = ResponseUrl("")

    class Listener(http.server.BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            kept.bodies.append(body)
            kept.content_types.append(self.headers["Content-Type"])
            status = kept.refusals.pop(0) if kept.refusals else 200
            if status == 200:
                kept.answers.append(json.loads(body))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None: ...

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Listener)
    kept.url = f"http://127.0.0.1:{server.server_port}/answer?X-Amz-Signature=signed"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield kept
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    # Without a new session for each test the models of the services, megabytes of JSON, are read once.
    with mock_aws(config={"core": {"reset_boto3_session": False}}):
        yield


@dataclass(frozen=True)
class Authority:
    """A certification authority, and what it signed for `localhost`."""

    ca_pem: str
    certificate: Path
    key: Path


def make_authority(folder: Path, name: str) -> Authority:
    """Make an authority and a certificate for `localhost` (not for 127.0.0.1), valid for a day."""
    folder.mkdir(parents=True, exist_ok=True)
    now = datetime.datetime.now(datetime.UTC)
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])

    def builder(subject: x509.Name, public: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(ca_name)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(days=1))
        )

    ca = (
        builder(ca_name, ca_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(ca_key, hashes.SHA256())
    )
    leaf = (
        builder(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")]), key.public_key())
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    paths = folder / "server.pem", folder / "server.key"
    paths[0].write_bytes(leaf.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return Authority(ca.public_bytes(serialization.Encoding.PEM).decode(), *paths)


@dataclass(frozen=True)
class Database:
    """A running server. `query` speaks as its master, through the socket."""

    port: int
    socket: Path
    authority: Authority

    def query(self, sql: str, *args: object) -> list[tuple[Any, ...]]:
        with (
            pymysql.connect(user="root", password="", unix_socket=str(self.socket)) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute(sql, args)
            return list(cursor.fetchall())


def find_mariadbd() -> Path:
    note = ROOT / ".local" / "mariadb" / "mariadbd.path"
    found = (
        note.read_text().strip() if note.exists() else shutil.which("mariadbd", path=f"{os.environ['PATH']}:/usr/sbin")
    )
    if not found:
        pytest.fail(
            "These tests need a MariaDB server. Run `make test`, which fetches one, or install mariadb-server-core.",
            pytrace=False,
        )
    return Path(found)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    mariadbd = find_mariadbd().resolve()
    share = next(
        folder / "share" / "mysql"
        for folder in mariadbd.parents
        if (folder / "share" / "mysql" / "mysql_system_tables.sql").exists()
    )
    folder = tmp_path_factory.mktemp("mariadb")
    authority = make_authority(folder, "test authority")
    # A socket's path may have 107 letters at most, and a tmp_path can be longer.
    run = Path(tempfile.mkdtemp(prefix="mariadb-"))
    server = Database(free_port(), run / "socket", authority)
    common = [
        str(mariadbd),
        "--no-defaults",
        f"--datadir={folder / 'data'}",
        f"--lc-messages-dir={share}",
        f"--character-sets-dir={share / 'charsets'}",
        "--innodb-log-file-size=8M",
        "--innodb-buffer-pool-size=16M",
        "--skip-log-bin",
        *(["--user=root"] if os.geteuid() == 0 else []),
    ]
    (folder / "data").mkdir()
    tables = [share / f"mysql_{name}.sql" for name in ("system_tables", "performance_tables", "system_tables_data")]
    start = "CREATE DATABASE IF NOT EXISTS mysql;\nUSE mysql;\nSET @auth_root_socket=NULL;\n"
    subprocess.run(
        [*common, "--bootstrap"],
        input=start + "".join(table.read_text() for table in tables),
        text=True,
        check=True,
        capture_output=True,
    )
    # The master of RDS is no superuser; these are the privileges that it has.
    # https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.MasterAccounts.html
    privileges = (
        "SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, RELOAD, PROCESS, REFERENCES, INDEX, ALTER, SHOW DATABASES, "
        "CREATE TEMPORARY TABLES, LOCK TABLES, EXECUTE, REPLICATION SLAVE, REPLICATION CLIENT, CREATE VIEW, "
        "SHOW VIEW, CREATE ROUTINE, ALTER ROUTINE, CREATE USER, EVENT, TRIGGER"
    )
    (folder / "init.sql").write_text(
        "DELETE FROM mysql.global_priv WHERE User = '';\nFLUSH PRIVILEGES;\n"  # noqa: S608 - test server
        f"CREATE USER master@'%' IDENTIFIED BY '{MASTER_PASSWORD}';\n"
        "GRANT " + privileges + " ON *.* TO master@'%' WITH GRANT OPTION;\n"
    )
    log = (folder / "log").open("w")
    process = subprocess.Popen(
        [
            *common,
            f"--port={server.port}",
            "--bind-address=127.0.0.1",
            f"--socket={server.socket}",
            f"--pid-file={folder / 'pid'}",
            f"--init-file={folder / 'init.sql'}",
            f"--ssl-cert={authority.certificate}",
            f"--ssl-key={authority.key}",
        ],
        stdout=log,
        stderr=log,
    )
    try:
        while True:
            if process.poll() is not None:
                pytest.fail(f"The server ended:\n{(folder / 'log').read_text()}", pytrace=False)
            try:
                socket.create_connection(("127.0.0.1", server.port), 1).close()
                break
            except OSError:
                time.sleep(0.1)
        yield server
    finally:
        process.terminate()
        process.wait()
        log.close()
        shutil.rmtree(run)
