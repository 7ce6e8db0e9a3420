"""The client's database user, made on a real server over TLS."""

import json
import re
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from functions.custom_resource import NEVER_CREATED
from functions.database_user import handler, mysql
from functions.tls import trust
from functions.vendor import pymysql
from standin.clock import Clock

from .conftest import MASTER_PASSWORD, Context, Database, ResponseUrl, make_authority

PASSWORD = "Us3r'pass\\word%s\";--"
"""Every letter here could break out of a statement that is not quoted."""


@dataclass
class Deployment:
    """The secrets and the parameter that CloudFormation would have made, and the events that it would send."""

    database: Database
    response_url: ResponseUrl
    properties: dict[str, str]

    def call(self, kind: str, physical_id: str = "", context: Context | None = None, **changed: str) -> dict[str, Any]:
        event = self.response_url.event(kind, self.properties | changed)
        if physical_id:
            event["PhysicalResourceId"] = physical_id
        handler.handler(event, context or Context())
        return self.response_url.answers[-1]

    def secret(self) -> dict[str, Any]:
        reply = boto3.client("secretsmanager").get_secret_value(SecretId=self.properties["UserSecretArn"])
        return json.loads(reply["SecretString"])

    def put_secret(self, **keys: object) -> None:
        boto3.client("secretsmanager").put_secret_value(
            SecretId=self.properties["UserSecretArn"], SecretString=json.dumps(keys)
        )

    def login(self, *, tls: bool = True, password: str = PASSWORD) -> pymysql.Connection:
        context = trust(self.database.authority.ca_pem, named_by="fixture")
        return pymysql.connect(
            host="localhost",
            port=self.database.port,
            user="waclient",
            password=password,
            ssl=context if tls else None,
            ssl_disabled=not tls,
            autocommit=True,
        )

    @property
    def identity(self) -> str:
        return f"waclient@localhost:{self.database.port}"

    def users(self) -> set[str]:
        return {name for (name,) in self.database.query("SELECT user FROM mysql.user WHERE host = '%%'")}


@pytest.fixture
def deployment(aws: None, database: Database, response_url: ResponseUrl) -> Iterator[Deployment]:
    secrets = boto3.client("secretsmanager")
    master = secrets.create_secret(
        Name="master", SecretString=json.dumps({"username": "master", "password": MASTER_PASSWORD})
    )
    user = secrets.create_secret(Name="user", SecretString=json.dumps({"username": "waclient", "password": PASSWORD}))
    boto3.client("ssm").put_parameter(Name="/wa/ca", Value=database.authority.ca_pem, Type="String")
    yield Deployment(
        database,
        response_url,
        {
            "MasterSecretArn": master["ARN"],
            "UserSecretArn": user["ARN"],
            "Host": "localhost",
            "Port": str(database.port),
            "TlsRequired": "true",
            "CaParameterName": "/wa/ca",
        },
    )
    database.query("DROP USER IF EXISTS waclient@'%%'")
    database.query("DROP DATABASE IF EXISTS client_made")


def test_the_user_works_over_tls_and_its_secret_has_the_shape_that_rds_uses(deployment: Deployment) -> None:
    answer = deployment.call("Create")
    assert (answer["Status"], answer["PhysicalResourceId"]) == ("SUCCESS", deployment.identity)
    assert deployment.secret() == {
        "username": "waclient",
        "password": PASSWORD,
        "engine": "mysql",
        "host": "localhost",
        "port": deployment.database.port,
    }
    with deployment.login() as connection, connection.cursor() as cursor:
        for statement in (
            "CREATE DATABASE client_made",
            "CREATE TABLE client_made.messages (id INT, text VARCHAR(20))",
            "ALTER TABLE client_made.messages ADD COLUMN seen INT",
            "CREATE INDEX by_id ON client_made.messages (id)",
            "INSERT INTO client_made.messages VALUES (1, 'hello', 0)",
            "UPDATE client_made.messages SET seen = 1",
            "SELECT * FROM client_made.messages",
            "DELETE FROM client_made.messages",
            "DROP TABLE client_made.messages",
            "DROP DATABASE client_made",
        ):
            cursor.execute(statement)


def test_the_user_has_these_grants_and_no_others(deployment: Deployment) -> None:
    deployment.call("Create")
    shown = {
        re.sub(r" IDENTIFIED BY PASSWORD '\S+'", "", row)
        for (row,) in deployment.database.query("SHOW GRANTS FOR waclient@'%%'")
    }
    assert shown == {
        "GRANT USAGE ON *.* TO `waclient`@`%` REQUIRE SSL",
        "GRANT SHOW VIEW ON `mysql`.* TO `waclient`@`%`",
        "GRANT SHOW VIEW ON `sys`.* TO `waclient`@`%`",
        "GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, INDEX, ALTER ON `%`.* TO `waclient`@`%`",
    }


@pytest.mark.parametrize(
    "statement",
    [
        "GRANT SELECT ON client_made.* TO waclient@'%'",
        "CREATE USER other@'%' IDENTIFIED BY 'x'",
        "DROP USER master@'%'",
        "SET PASSWORD FOR master@'%' = PASSWORD('x')",
        "SELECT * FROM mysql.global_priv",
        "INSERT INTO mysql.global_priv VALUES ('%', 'evil', '{}')",
        "UPDATE mysql.db SET Grant_priv = 'Y'",
        "DROP TABLE mysql.global_priv",
        "DROP DATABASE mysql",
        "CREATE TABLE mysql.mine (a INT)",
        "CREATE VIEW mysql.mine AS SELECT 1",
        "SET GLOBAL max_connections = 1",
        "FLUSH PRIVILEGES",
        "SHUTDOWN",
        "SELECT 1 INTO OUTFILE '/tmp/should-not-exist'",
        "CREATE PROCEDURE client_made.p() SELECT 1",
    ],
)
def test_the_user_cannot_rise_above_itself(deployment: Deployment, statement: str) -> None:
    deployment.call("Create")
    with deployment.login() as connection, connection.cursor() as cursor:
        cursor.execute("CREATE DATABASE client_made")
        with pytest.raises(pymysql.DatabaseError, match=r"denied|Access denied|command denied|not allowed"):
            cursor.execute(statement)


def test_a_login_without_tls_is_refused_unless_the_deployment_allows_it(deployment: Deployment) -> None:
    deployment.call("Create")
    with pytest.raises(pymysql.OperationalError, match="Access denied"):
        deployment.login(tls=False)
    assert deployment.call("Update", deployment.identity, TlsRequired="false")["Status"] == "SUCCESS"
    deployment.login(tls=False).close()


def test_a_certificate_of_another_authority_is_refused(deployment: Deployment, tmp_path: Path) -> None:
    other = make_authority(tmp_path, "another authority").ca_pem
    boto3.client("ssm").put_parameter(Name="/wa/ca", Value=other, Type="String", Overwrite=True)
    answer = deployment.call("Create")
    assert (answer["Status"], answer["PhysicalResourceId"]) == ("FAILED", NEVER_CREATED)
    assert "The certificate of localhost is not trusted" in answer["Reason"]


def test_a_certificate_for_another_name_is_refused(deployment: Deployment) -> None:
    answer = deployment.call("Create", Host="127.0.0.1")
    assert answer["Status"] == "FAILED"
    assert "The certificate of 127.0.0.1 is not trusted" in answer["Reason"]
    assert "IP address mismatch" in answer["Reason"]


def test_creating_twice_changes_nothing(deployment: Deployment) -> None:
    first = deployment.call("Create")
    grants = deployment.database.query("SHOW GRANTS FOR waclient@'%%'")
    client = boto3.client("secretsmanager")
    versions = client.describe_secret(SecretId="user")["VersionIdsToStages"]
    again = deployment.call("Create")
    assert first["PhysicalResourceId"] == again["PhysicalResourceId"]
    assert deployment.database.query("SHOW GRANTS FOR waclient@'%%'") == grants
    assert client.describe_secret(SecretId="user")["VersionIdsToStages"] == versions


def test_a_user_that_somebody_else_made_is_left_alone(deployment: Deployment) -> None:
    deployment.database.query("CREATE USER waclient@'%%' IDENTIFIED BY 'theirs'")
    answer = deployment.call("Create")
    assert (answer["Status"], answer["PhysicalResourceId"]) == ("FAILED", NEVER_CREATED)
    assert "exists already" in answer["Reason"]
    assert deployment.call("Delete", NEVER_CREATED)["Status"] == "SUCCESS"
    deployment.login(password="theirs").close()


def test_an_update_brings_a_new_password(deployment: Deployment) -> None:
    deployment.call("Create")
    deployment.put_secret(username="waclient", password="another-Pass1")
    answer = deployment.call("Update", deployment.identity)
    assert (answer["Status"], answer["PhysicalResourceId"]) == ("SUCCESS", deployment.identity)
    deployment.login(password="another-Pass1").close()
    with pytest.raises(pymysql.OperationalError):
        deployment.login()
    assert deployment.secret()["host"] == "localhost"


def test_another_user_name_is_another_user_and_the_old_one_goes(deployment: Deployment) -> None:
    deployment.call("Create")
    deployment.put_secret(username="waclient2", password=PASSWORD)
    new = deployment.call("Update", deployment.identity)["PhysicalResourceId"]
    assert new == f"waclient2@localhost:{deployment.database.port}"
    assert {"waclient", "waclient2"} <= deployment.users()
    assert deployment.call("Delete", deployment.identity)["Status"] == "SUCCESS"
    assert deployment.users() == {"master", "waclient2"}
    assert deployment.call("Delete", new)["Status"] == "SUCCESS"


def test_deleting_drops_the_user_and_leaves_its_databases(deployment: Deployment) -> None:
    deployment.call("Create")
    with deployment.login() as connection, connection.cursor() as cursor:
        cursor.execute("CREATE DATABASE client_made")
    for _ in range(2):
        assert deployment.call("Delete", deployment.identity)["Status"] == "SUCCESS"
    assert "waclient" not in deployment.users()
    assert ("client_made",) in deployment.database.query("SHOW DATABASES")


@pytest.mark.parametrize("force", [True, False])
def test_deleting_is_a_success_when_the_masters_secret_is_gone(deployment: Deployment, force: bool) -> None:
    boto3.client("secretsmanager").delete_secret(SecretId="master", ForceDeleteWithoutRecovery=force)
    assert deployment.call("Delete", deployment.identity)["Status"] == "SUCCESS"


def test_deleting_is_a_success_when_the_servers_name_is_gone(deployment: Deployment) -> None:
    assert deployment.call("Delete", "waclient@no-such-database.invalid:3306")["Status"] == "SUCCESS"


def test_deleting_fails_with_advice_when_the_server_does_not_answer(deployment: Deployment, clock: Clock) -> None:
    context = Context(60, now=clock.now)
    answer = deployment.call("Delete", "waclient@localhost:9", context)
    assert 0 < context.get_remaining_time_in_millis() < 30_000, "it has waited, and answers in time"
    assert (answer["Status"], answer["PhysicalResourceId"]) == ("FAILED", "waclient@localhost:9")
    assert "Start the database" in answer["Reason"]


@pytest.mark.parametrize("kind", ["Create", "Delete"])
def test_a_wrong_master_password_is_told(deployment: Deployment, kind: str) -> None:
    boto3.client("secretsmanager").put_secret_value(
        SecretId="master", SecretString=json.dumps({"username": "master", "password": "old-master"})
    )
    answer = deployment.call(kind, deployment.identity if kind == "Delete" else "")
    assert answer["Status"] == "FAILED"
    assert "refuses the master user" in answer["Reason"]


def test_what_the_server_refuses_is_told_by_its_code(deployment: Deployment) -> None:
    deployment.database.query("CREATE USER weak@'%%' IDENTIFIED BY 'weak-master'")
    boto3.client("secretsmanager").put_secret_value(
        SecretId="master", SecretString=json.dumps({"username": "weak", "password": "weak-master"})
    )
    try:
        answer = deployment.call("Create")
    finally:
        deployment.database.query("DROP USER weak@'%%'")
    assert answer["Status"] == "FAILED"
    assert answer["Reason"].startswith("localhost answered MySQL error 1142.")


def test_it_waits_for_a_server_that_is_still_starting(
    deployment: Deployment, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as late:
        port = late.getsockname()[1]
    threads: list[threading.Thread] = []

    def sleep(seconds: float) -> None:
        """The server starts while the function waits after its first try."""
        clock.advance(seconds)
        if not threads:
            door = socket.create_server(("127.0.0.1", port))
            threads.append(threading.Thread(target=serve, args=(door,)))
            threads[0].start()

    def serve(door: socket.socket) -> None:
        with door:
            inside, _ = door.accept()
        with inside, socket.create_connection(("127.0.0.1", deployment.database.port)) as outside:
            back = threading.Thread(target=pump, args=(outside, inside))
            back.start()
            pump(inside, outside)
            back.join()

    def pump(source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    monkeypatch.setattr("functions.deadline.time.sleep", sleep)
    answer = deployment.call("Create", Port=str(port))
    (thread,) = threads
    thread.join()
    assert answer["Status"] == "SUCCESS", answer


@pytest.mark.parametrize(
    ("secret", "reason"),
    [
        ({"username": "wa-client", "password": "p"}, "Key username of UserSecretArn: 'wa-client' is not allowed."),
        ({"username": "w" * 33, "password": "p"}, "is not allowed."),
        ({"username": "w'; DROP USER x", "password": "p"}, "is not allowed."),
        ({"username": "waclient"}, "must be a JSON object with the texts username and password."),
        ({"username": "waclient", "password": ""}, "must be a JSON object with the texts username and password."),
        ({"username": "waclient", "password": "secr3t&more"}, "holds a letter that the client cannot use."),
    ],
)
def test_a_secret_that_cannot_work_is_refused_without_showing_it(
    deployment: Deployment, secret: dict[str, str], reason: str, capfd: pytest.CaptureFixture[str]
) -> None:
    deployment.put_secret(**secret)
    answer = deployment.call("Create")
    assert (answer["Status"], answer["PhysicalResourceId"]) == ("FAILED", NEVER_CREATED)
    assert reason in answer["Reason"]
    assert "secr3t" not in json.dumps(answer) + capfd.readouterr().out


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("Port", "0", "Property Port: '0' was given; a number from 1 to 65535 is needed."),
        ("Port", "mysql", "Property Port: 'mysql'"),
        ("TlsRequired", "yes", "Property TlsRequired: 'yes' was given; allowed are 'true' and 'false'."),
        ("Host", "", "Property Host:"),
        ("CaParameterName", "/wa/none", "AWS answered ParameterNotFound to GetParameter."),
        ("MasterSecretArn", "none", "AWS answered ResourceNotFoundException to GetSecretValue."),
    ],
)
def test_a_property_that_cannot_work_is_refused_by_name(
    deployment: Deployment, name: str, value: str, reason: str
) -> None:
    deployment.properties[name] = value
    answer = deployment.call("Create")
    assert answer["Status"] == "FAILED"
    assert reason in answer["Reason"]


def test_a_parameter_without_certificates_is_refused(deployment: Deployment) -> None:
    boto3.client("ssm").put_parameter(Name="/wa/ca", Value="none yet", Type="String", Overwrite=True)
    assert "holds no PEM certificate" in deployment.call("Create")["Reason"]


def test_no_secret_reaches_log_or_answer(
    deployment: Deployment, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level("DEBUG", logger="functions")
    deployment.call("Create")
    deployment.call("Update", deployment.identity)
    deployment.call("Delete", deployment.identity)
    seen = capfd.readouterr().out + caplog.text + json.dumps(deployment.response_url.answers)
    assert "user ready" in seen
    for secret in (PASSWORD, json.dumps(PASSWORD)[1:-1], MASTER_PASSWORD):
        assert secret not in seen
    assert PASSWORD not in repr(mysql.Login("waclient", PASSWORD))


def test_with_partial_revokes_the_grant_is_global_and_the_system_schemas_are_taken_out() -> None:
    privileges = "SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX, DROP"
    assert mysql.grants(partial_revokes=True) == [
        f"GRANT {privileges} ON *.* TO %s@'%%'",
        f"REVOKE IF EXISTS {privileges} ON `mysql`.* FROM %s@'%%'",
        f"REVOKE IF EXISTS {privileges} ON `sys`.* FROM %s@'%%'",
    ]
