"""What is tried again and what is not, against a server that answers by script."""

import http.server
import json
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from functions.deadline import Deadline
from functions.errors import Refusal
from functions.shards.account import Account, read_account
from functions.shards.client import Client, Rejected, Unavailable
from functions.tls import trust
from tests.functions.conftest import make_authority

from .conftest import PACE, confirmed_secret

TOKEN = {"users": [{"token": "t0ken", "expires_after": "2026-12-01 00:00:00+00:00"}]}
TWO = {"account": {"shards": 2}}


@dataclass
class Script:
    """A server that gives the answers in their order, by path, and keeps what was asked."""

    url: str = ""
    ca_pem: str = ""
    answers: dict[str, list[tuple[int, Any]]] = field(default_factory=dict)
    asked: list[tuple[str, str, Any]] = field(default_factory=list)

    def client(self, account: Account | None = None) -> Client:
        tls = trust(self.ca_pem, named_by="fixture")
        return Client(self.url, account or read_account(confirmed_secret(pin="123456")), tls, PACE)

    def bodies(self) -> list[Any]:
        return [body for method, path, body in self.asked if (method, path) == ("POST", "/v1/account/shards")]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Script]:
    authority = make_authority(tmp_path_factory.mktemp("tls"), "webapp authority")
    script = Script(ca_pem=authority.ca_pem)

    class Handler(http.server.BaseHTTPRequestHandler):
        def answer(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            script.asked.append((self.command, self.path, json.loads(raw) if raw else None))
            key = f"{self.command} {self.path}"
            left = script.answers.get(key, [(404, {})])
            status, body = left.pop(0) if len(left) > 1 else left[0]
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = answer

        def log_message(self, format: str, *args: object) -> None: ...

    listener = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.certificate, authority.key)
    listener.socket = context.wrap_socket(listener.socket, server_side=True)
    script.url = f"https://localhost:{listener.server_port}"
    thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield script
    listener.shutdown()
    thread.join()
    listener.server_close()


@pytest.fixture
def script(server: Script) -> Script:
    server.asked.clear()
    server.answers = {"POST /v1/users/login": [(200, TOKEN)], "GET /v1/account/shards": [(200, TWO)]}
    return server


def errors(code: int) -> dict[str, Any]:
    return {"errors": [{"code": code, "title": "told", "details": "cert=c3RhbmQtaW4 pin=123456"}], "meta": {}}


@pytest.mark.parametrize("status", [200, 201])
def test_200_and_201_are_success(script: Script, status: int) -> None:
    script.answers["POST /v1/account/shards"] = [(status, {})]
    assert script.client().set_shards(8, Deadline.after(60))
    (body,) = script.bodies()
    keys = json.loads(confirmed_secret())
    assert body == {
        "cc": "1",
        "phone_number": keys["phone_number"],
        "shards": 8,
        "cert": keys["cert"],
        "pin": "123456",
    }


RETRIED = [
    *((403, errors(code)) for code in (1000, 1011)),
    (403, {}),
    (403, b"<html>"),
    *((status, {}) for status in (429, 500, 502, 503, 504)),
    *((status, errors(code)) for status in (400, 503) for code in (1011, 1014, 1015, 1016, 1017, 1018, 1023)),
]

FINAL = [
    *((status, {}) for status in (400, 404)),
    *(
        (status, errors(code))
        for status in (400, 403, 500)
        for code in (1005, 1008, 1009, 1010, 1021, 1024, 1025, 1031)
    ),
]


@pytest.mark.parametrize(("status", "answer"), RETRIED)
def test_what_may_pass_is_tried_again(script: Script, status: int, answer: Any) -> None:
    script.answers["POST /v1/account/shards"] = [(status, answer), (status, answer), (201, {})]
    assert script.client().set_shards(8, Deadline.after(60))
    assert len(script.bodies()) == 3


@pytest.mark.parametrize(("status", "answer"), FINAL)
def test_what_does_not_pass_is_told_at_once_without_its_details(script: Script, status: int, answer: Any) -> None:
    script.answers["POST /v1/account/shards"] = [(status, answer)]
    with pytest.raises(Rejected, match=rf"HTTP {status}") as caught:
        script.client().set_shards(8, Deadline.after(60))
    assert len(script.bodies()) == 1
    assert "123456" not in str(caught.value)


def test_403_elsewhere_is_no_reason_to_try_again(script: Script) -> None:
    script.answers["GET /v1/health"] = [(403, {})]
    with pytest.raises(Rejected):
        script.client().health(Deadline.after(60))


def test_the_number_is_read_again_before_each_try(script: Script) -> None:
    # The first try was carried out although its answer said otherwise: a second would restart everything again.
    script.answers["POST /v1/account/shards"] = [(503, {})]
    script.answers["GET /v1/account/shards"] = [(200, TWO), (200, {"account": {"shards": 8}})]
    assert not script.client().set_shards(8, Deadline.after(60))
    assert len(script.bodies()) == 1


def test_it_gives_up_at_the_deadline(script: Script) -> None:
    script.answers["POST /v1/account/shards"] = [(403, {})]
    with pytest.raises(Unavailable, match="HTTP 403"):
        script.client().set_shards(8, Deadline.after(60))
    # After 0, 1, 3, 7, 15, 30 and 45 seconds: the pauses double up to 15 s.
    assert len(script.bodies()) == 7


def test_an_expired_token_is_renewed_once(script: Script) -> None:
    client = script.client()
    client.get_shards(Deadline.after(60))
    script.answers["GET /v1/account/shards"] = [(401, {}), (200, TWO)]
    assert client.get_shards(Deadline.after(60)) == 2
    script.answers["GET /v1/account/shards"] = [(401, {})]
    with pytest.raises(Rejected, match="username and password"):
        client.get_shards(Deadline.after(60))
    assert len([path for _, path, _ in script.asked if path == "/v1/users/login"]) == 3


@pytest.mark.parametrize(
    ("answer", "error"),
    [((401, errors(1005)), "username and password"), ((400, errors(1024)), "first password was never changed")],
)
def test_a_login_that_is_refused_says_what_to_do(script: Script, answer: tuple[int, Any], error: str) -> None:
    script.answers["POST /v1/users/login"] = [answer]
    with pytest.raises(Rejected, match=error):
        script.client().get_shards(Deadline.after(60))


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("POST /v1/users/login", {"users": []}),
        ("POST /v1/users/login", [1]),
        ("GET /v1/account/shards", {"account": {}}),
        ("GET /v1/account/shards", b"not json"),
    ],
)
def test_a_success_that_makes_no_sense_counts_as_no_answer(script: Script, path: str, answer: Any) -> None:
    script.answers[path] = [(200, answer)]
    with pytest.raises(Unavailable):
        script.client().get_shards(Deadline.after(60))


def test_the_webapps_certificate_is_verified(script: Script, tmp_path: Path) -> None:
    other = trust(make_authority(tmp_path, "another").ca_pem, named_by="fixture")
    account = read_account(confirmed_secret())
    with pytest.raises(Rejected, match="The certificate of localhost is not trusted"):
        Client(script.url, account, other).get_shards(Deadline.after(60))
    by_address = script.url.replace("localhost", "127.0.0.1")
    with pytest.raises(Rejected, match=r"The certificate of 127\.0\.0\.1 is not trusted"):
        Client(by_address, account, trust(script.ca_pem, named_by="fixture")).get_shards(Deadline.after(60))
    assert not script.asked


@pytest.mark.parametrize(
    "url",
    [
        "http://wa",
        "wa.example.com",
        "https://",
        "https://u:p@wa",
        "https://wa/v1",
        "https://wa?x=1",
        "https://wa:0",
        "https://wa:65536",
        "https://wa:https",
        "https://[::1",
    ],
)
def test_only_a_plain_https_address_is_taken(url: str) -> None:
    with pytest.raises(Refusal, match="is needed"):
        Client(url, read_account(confirmed_secret()), ssl.create_default_context())
