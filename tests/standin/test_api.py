"""The endpoints answer as the documented client does, over real HTTPS."""

import base64
import re
import ssl
import time
import urllib.error
import urllib.request
from datetime import datetime, timedelta
from typing import Any

import pytest

from standin import Standin
from standin.clock import Clock
from standin.nodes import SHARD_COUNTS

PASSWORD = "Str0ng-enough"
NEW_PASSWORD = "An0ther-one"


def code(answer: tuple[int, dict[str, Any]]) -> tuple[int, int]:
    """Return HTTP status and error code, having checked the documented shape."""
    status, body = answer
    assert set(body) == {"errors", "meta"}
    assert body["meta"]["api_status"] == "stable"
    assert body["meta"]["version"]
    (error,) = body["errors"]
    assert set(error) == {"code", "title", "details"}
    assert error["details"]
    return status, error["code"]


def login(standin: Standin, user: str, password: str, body: dict[str, Any] | None = None) -> tuple[int, Any]:
    basic = base64.b64encode(f"{user}:{password}".encode()).decode()
    return standin.request("POST", "/v1/users/login", body, headers={"Authorization": f"Basic {basic}"})


def set_shards(standin: Standin, token: str, shards: object = 2, **changes: object) -> tuple[int, Any]:
    body: dict[str, Any] = {"cc": "1", "phone_number": "2025550123", "cert": standin.certificate}
    body |= {"shards": shards, **changes}
    body = {name: value for name, value in body.items() if value is not None}
    return standin.request("POST", "/v1/account/shards", body, token=token)


def get_shards(standin: Standin, token: str) -> int:
    status, answer = standin.request("GET", "/v1/account/shards", token=token)
    assert status == 200
    shards: int = answer["account"]["shards"]
    return shards


def send(standin: Standin, token: str, to: object = "15550100", **changes: object) -> tuple[int, Any]:
    body = {"to": to, "type": "text", "text": {"body": "hello"}, **changes}
    return standin.request("POST", "/v1/messages", body, token=token)


# Login


def test_the_first_login_must_change_the_documented_password() -> None:
    with Standin(speed=600) as standin:
        assert code(login(standin, "admin", "wrong")) == (401, 1005)
        assert code(login(standin, "root", "secret")) == (401, 1005)
        assert code(login(standin, "admin", "secret")) == (400, 1024)
        assert login(standin, "admin", "secret", {"new_password": NEW_PASSWORD})[0] == 200
        assert code(login(standin, "admin", "secret")) == (401, 1005)
        assert login(standin, "admin", NEW_PASSWORD)[0] == 200


@pytest.mark.parametrize(
    "weak", ["Sh0rt-x", "no-digits-Here", "no-upper-1", "NO-LOWER-1", "N0special", "L0ng-" + 60 * "x", 12345678]
)
def test_a_weak_new_password_is_refused_and_changes_nothing(weak: object) -> None:
    with Standin(speed=600) as standin:
        assert code(login(standin, "admin", "secret", {"new_password": weak})) == (400, 1009)
        assert code(login(standin, "admin", "secret")) == (400, 1024)


def test_a_token_lives_seven_days_and_its_end_is_written_with_a_blank(standin: Standin) -> None:
    before = standin.state()["now"]
    _, answer = login(standin, "admin", PASSWORD)
    (user,) = answer["users"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\+00:00", user["expires_after"])
    left = datetime.fromisoformat(user["expires_after"]) - datetime.fromisoformat("1970-01-01 00:00:00+00:00")
    assert left.total_seconds() - before == pytest.approx(timedelta(days=7).total_seconds(), abs=1)
    assert get_shards(standin, user["token"]) == 1
    standin.advance(timedelta(days=7).total_seconds() + 1)
    assert code(standin.request("GET", "/v1/account/shards", token=user["token"])) == (401, 1005)


def test_tokens_can_be_made_to_expire(standin: Standin, token: str) -> None:
    standin.expire_tokens()
    assert code(set_shards(standin, token)) == (401, 1005)
    assert get_shards(standin, standin.login("admin", PASSWORD)) == 1


@pytest.mark.parametrize(
    "header", ["", "Bearer ", "Bearer nonsense", "Basic YWRtaW46c2VjcmV0", "Apikey x", "Basic \xe9"]
)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/account/shards"),
        ("POST", "/v1/account/shards"),
        ("GET", "/v1/health"),
        ("GET", "/v1/support"),
        ("GET", "/v1/settings/application"),
        ("PATCH", "/v1/settings/application"),
        ("DELETE", "/v1/settings/account/two-step"),
        ("POST", "/v1/messages"),
        ("POST", "/v1/account"),
    ],
)
def test_everything_documented_needs_a_token(standin: Standin, method: str, path: str, header: str) -> None:
    assert code(standin.request(method, path, headers={"Authorization": header})) == (401, 1005)


def test_the_root_answers_200_without_a_token_as_the_load_balancer_expects(standin: Standin) -> None:
    context = ssl.create_default_context(cafile=standin.ca_file)
    with urllib.request.urlopen(standin.url + "/", context=context) as answer:
        assert answer.status == 200


def test_a_client_that_does_not_know_the_ca_refuses_the_server(standin: Standin) -> None:
    with pytest.raises(urllib.error.URLError, match="CERTIFICATE_VERIFY_FAILED"):
        urllib.request.urlopen(standin.url + "/", context=ssl.create_default_context())


# Set Shards


def test_set_shards_answers_201_and_takes_45_to_60_seconds(standin: Standin, token: str) -> None:
    assert set_shards(standin, token, 2)[0] == 201
    assert get_shards(standin, token) == 2
    standin.advance_until_served()
    moments = {event["text"].split(" is given")[0]: event["at"] for event in standin.state()["events"]}
    changed_at = moments["Set Shards to 2: all coreapps restart"]
    assert all(45 <= moments[shard] - changed_at <= 60 for shard in ("shard 0", "shard 1"))
    # Not before the third coreapp has restarted as well.
    standin.advance_until(lambda state: state["restart_seconds_left"] == 0)
    assert set_shards(standin, token, 2)[0] == 201


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        *[({name: None}, (400, 1008)) for name in ("cc", "phone_number", "shards")],
        *[({"shards": wrong}, (400, 1009)) for wrong in (0, 3, 33, 64, -1, "2", 2.0, True)],
        ({"cc": 1}, (400, 1009)),
        ({"phone_number": "2025550199"}, (400, 1009)),
    ],
)
def test_a_wrong_request_is_refused_and_changes_nothing(
    standin: Standin, token: str, changes: dict[str, object], wanted: tuple[int, int]
) -> None:
    # With the worst certificate there is: a refusal about something else must not hurt the account.
    standin.set_certificate(days=-1)
    assert code(set_shards(standin, token, **changes)) == wanted
    state = standin.state()
    assert (len(state["shards"]), state["standing"]) == (1, "registered")


def test_set_shards_is_forbidden_while_the_server_is_unavailable(standin: Standin, token: str) -> None:
    standin.unavailable(None)
    assert code(set_shards(standin, token)) == (403, 1011)
    assert get_shards(standin, token) == 1
    standin.unavailable(10_000)
    assert code(set_shards(standin, token)) == (403, 1011)
    standin.advance(10_000)
    assert set_shards(standin, token)[0] == 201


def test_a_wrong_certificate_logs_the_client_off_until_the_right_one_comes(standin: Standin, token: str) -> None:
    assert code(set_shards(standin, token, cert="d3Jvbmc=")) == (400, 1005)
    assert (get_shards(standin, token), standin.state()["standing"]) == (1, "logged off")
    assert code(send(standin, token)) == (400, 1005)
    assert code(set_shards(standin, token, cert=None)) == (400, 1005)
    assert set_shards(standin, token)[0] == 201
    standin.advance_until_served()
    assert send(standin, token)[0] == 201


def test_an_expired_certificate_bans_the_account_for_good(standin: Standin, token: str) -> None:
    standin.set_certificate(days=-1)
    assert code(set_shards(standin, token)) == (400, 1031)
    standin.set_certificate("bmV3", days=365)
    for certificate in ("bmV3", None, standin.certificate):
        assert code(set_shards(standin, token, cert=certificate)) == (400, 1031)
    assert code(send(standin, token)) == (400, 1005)
    registration = {"cc": "1", "phone_number": "2025550123", "method": "sms", "cert": "bmV3"}
    assert code(standin.request("POST", "/v1/account", registration, token=token)) == (400, 1031)
    assert (get_shards(standin, token), standin.state()["standing"]) == (1, "banned")


def test_a_certificate_expires_as_time_passes(standin: Standin, token: str) -> None:
    standin.set_certificate(days=2)
    standin.advance(3 * 86_400)
    assert code(set_shards(standin, standin.login("admin", PASSWORD))) == (400, 1031)


def test_without_a_certificate_only_the_first_seven_days_are_safe(standin: Standin, token: str) -> None:
    standin.set_registered(days_ago=6)
    assert set_shards(standin, token, cert=None)[0] == 201
    standin.advance_until_served()
    assert send(standin, token)[0] == 201

    standin.advance_until(lambda state: state["restart_seconds_left"] == 0)
    standin.set_registered(days_ago=7.1)
    assert set_shards(standin, token, 1, cert=None)[0] == 201
    standin.advance_until_served()
    assert code(send(standin, token)) == (400, 1005)
    _, answer = standin.request("GET", "/v1/health", token=token)
    assert {node["gateway_status"] for node in answer["health"].values()} == {"disconnected"}


def test_two_step_verification_asks_for_the_pin(standin: Standin, token: str) -> None:
    two_step = "/v1/settings/account/two-step"
    assert code(standin.request("POST", two_step, {"pin": "12345"}, token=token)) == (400, 1009)
    assert code(standin.request("POST", two_step, {}, token=token)) == (400, 1008)
    assert standin.request("POST", two_step, {"pin": "123456"}, token=token)[0] == 200
    assert code(set_shards(standin, token)) == (400, 1008)
    assert code(set_shards(standin, token, pin="654321")) == (400, 1009)
    assert set_shards(standin, token, pin="123456")[0] == 201
    standin.advance_until(lambda state: state["restart_seconds_left"] == 0)
    assert standin.request("DELETE", two_step, token=token)[0] == 200
    assert set_shards(standin, token)[0] == 201


def test_without_a_primary_master_set_shards_and_settings_are_refused(standin: Standin, token: str) -> None:
    for node in ("master-1", "master-2"):
        standin.kill(node)
    assert code(set_shards(standin, token)) == (503, 1017)
    change = {"heartbeat_interval": 1}
    assert code(standin.request("PATCH", "/v1/settings/application", change, token=token)) == (503, 1017)
    assert send(standin, token)[0] == 201


# Health and support


@pytest.mark.parametrize("shards", SHARD_COUNTS)
def test_health_and_support_of_a_cluster(shards: int) -> None:
    with Standin(coreapps=shards + 1, shards=shards, password=PASSWORD) as standin:
        token = standin.login("admin", PASSWORD)
        health = standin.request("GET", "/v1/health", token=token)[1]["health"]
        support = standin.request("GET", "/v1/support", token=token)[1]["support"]
    assert all(re.fullmatch(r"[a-z]+-\d+:[0-9a-f]{12}", key) for key in health)
    roles = [node["role"] for node in health.values()]
    assert (roles.count("primary_master"), roles.count("secondary_master")) == (1, 1)
    connected = sorted(node["role"] for node in health.values() if node["gateway_status"] == "connected")
    assert connected == ["coreapp"] * shards + ["primary_master"] * (shards > 1)
    owned = sorted(tuple(pair) for node in support.values() for pair in node["shards"])
    if shards == 1:  # plain high availability: the coreapp owns the control shard as well
        assert owned == [(-1, 0)]
    else:
        assert owned == [(-1, -1), *((shard, shard) for shard in range(shards))]
        assert [node["shards"] for node in support.values() if node["role"] == "primary_master"] == [[[-1, -1]]]


def test_a_single_container_answers_health_flat() -> None:
    with Standin(coreapps=1, masters=0, password=PASSWORD) as standin:
        token = standin.login("admin", PASSWORD)
        assert standin.request("GET", "/v1/health", token=token)[1]["health"] == {"gateway_status": "connected"}
        assert code(set_shards(standin, token, 2)) == (400, 1025)
        standin.kill("coreapp-1")
        standin.advance(100)
        assert standin.request("GET", "/v1/health", token=token)[1]["health"] == {"gateway_status": "disconnected"}


def test_health_takes_the_api_key_and_nothing_else_does() -> None:
    key = "twelve-chars-or-more"
    with Standin(api_key=key) as standin:
        headers = {"Authorization": f"Apikey {key}"}
        assert standin.request("GET", "/v1/health", headers=headers)[0] == 200
        assert code(standin.request("GET", "/v1/support", headers=headers)) == (401, 1005)
        wrong = {"Authorization": "Apikey twelve-other-chars"}
        assert code(standin.request("GET", "/v1/health", headers=wrong)) == (401, 1005)


# Settings, registration


def test_the_fail_over_time_is_a_setting(standin: Standin, token: str) -> None:
    path = "/v1/settings/application"
    status, answer = standin.request("GET", path, token=token)
    assert status == 200
    application = answer["settings"]["application"]
    assert (application["heartbeat_interval"], application["unhealthy_interval"]) == (5, 30)
    change = {"heartbeat_interval": 1000, "unhealthy_interval": 30_000}
    assert standin.request("PATCH", path, change, token=token)[0] == 200
    assert standin.request("GET", path, token=token)[1]["settings"]["application"] == application | change
    standin.kill(standin.state()["shards"][0]["coreapp"])
    standin.advance(29_999)
    assert not standin.state()["shards"][0]["served"]
    standin.advance(1_001)
    assert standin.state()["shards"][0]["served"]


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        ({"heartbeat_interval": 0}, 1009),
        ({"unhealthy_interval": "30"}, 1009),
        ({"heartbeat_interval": True}, 1009),
        ({"heartbeat_interval": 0.5}, 1009),
        ({"callback_persist": 1}, 1009),
        ({"colour": "green"}, 1010),
    ],
)
def test_a_wrong_setting_is_refused(standin: Standin, token: str, change: dict[str, Any], wanted: int) -> None:
    assert code(standin.request("PATCH", "/v1/settings/application", change, token=token)) == (400, wanted)


def test_a_number_is_registered_with_a_code() -> None:
    with Standin(registered_days=None, password=PASSWORD) as standin:
        token = standin.login("admin", PASSWORD)
        _, answer = standin.request("GET", "/v1/health", token=token)
        assert {node["gateway_status"] for node in answer["health"].values()} == {"unregistered"}
        assert code(send(standin, token)) == (400, 1005)
        assert code(set_shards(standin, token)) == (400, 1005)
        body = {"cc": "1", "phone_number": "2025550123", "method": "sms", "cert": standin.certificate}
        assert code(standin.request("POST", "/v1/account", {**body, "method": "post"}, token=token)) == (400, 1009)
        assert standin.request("POST", "/v1/account", body, token=token)[0] == 202
        sent = re.findall(r"\b\d{6}\b", standin.state()["events"][-1]["text"])
        assert code(standin.request("POST", "/v1/account/verify", {"code": "none"}, token=token)) == (400, 1009)
        assert standin.request("POST", "/v1/account/verify", {"code": sent[0]}, token=token)[0] == 201
        assert send(standin, token)[0] == 201
        assert standin.request("POST", "/v1/account", body, token=token)[0] == 201


# Messages


def test_a_message_is_accepted_with_an_id_and_sent_once(standin: Standin, token: str) -> None:
    status, answer = send(standin, token)
    assert status == 201
    (message,) = answer["messages"]
    standin.advance(1)
    (row,) = standin.messages()
    assert (row["id"], row["recipient"], row["body"], row["shard"]) == (message["id"], "15550100", "hello", 0)
    assert row["sent_at"] >= row["accepted_at"]
    assert standin.ledger() == {"accepted": 1, "sent": 1, "waiting": 0, "lost": 0, "doubled": 0}


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({"to": None}, 1008),
        ({"to": 15550100}, 1009),
        ({"recipient_type": "group"}, 1002),
        ({"type": "image"}, 1009),
        ({"text": "hello"}, 1009),
        ({"text": {}}, 1008),
        ({"text": {"body": 4097 * "x"}}, 1001),
    ],
)
def test_a_wrong_message_is_refused(standin: Standin, token: str, changes: dict[str, Any], wanted: int) -> None:
    assert code(send(standin, token, **changes)) == (400, wanted)
    assert standin.ledger()["accepted"] == 0


def test_a_message_to_a_shard_without_its_coreapp_is_refused_for_now(standin: Standin, token: str) -> None:
    standin.request("PATCH", "/v1/settings/application", {"unhealthy_interval": 10_000}, token=token)
    standin.kill(standin.state()["shards"][0]["coreapp"])
    assert code(send(standin, token)) == (503, 1018)
    standin.advance(10_005)
    assert send(standin, token)[0] == 201


def test_messages_are_refused_while_all_coreapps_restart(standin: Standin, token: str) -> None:
    assert set_shards(standin, token, 2)[0] == 201
    assert code(send(standin, token)) == (503, 1011)
    standin.advance(60)
    assert send(standin, token)[0] == 201


# Anything else


@pytest.mark.parametrize(("method", "path"), [("GET", "/v2/health"), ("PUT", "/v1/health"), ("GET", "/nothing")])
def test_an_unknown_endpoint_answers_404_in_the_documented_shape(standin: Standin, method: str, path: str) -> None:
    assert code(standin.request(method, path)) == (404, 1006)


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b'"x"', b"\xff"])
def test_a_body_that_is_no_json_object_is_refused(standin: Standin, token: str, raw: bytes) -> None:
    request = urllib.request.Request(standin.url + "/v1/account/shards", data=raw, method="POST")
    request.add_header("Authorization", f"Bearer {token}")
    context = ssl.create_default_context(cafile=standin.ca_file)
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request, context=context)
    with caught.value as error:
        assert error.code == 400
        assert b"1025" in error.read()


def test_answers_can_be_slow(standin: Standin, token: str) -> None:
    standin.delay(0.3, "/v1/account/shards")
    started = time.monotonic()
    assert get_shards(standin, token) == 1
    assert time.monotonic() - started >= 0.3
    standin.delay(3600, "/v1/account/shards")
    with pytest.raises(OSError, match="timed out") as caught:
        standin.request("GET", "/v1/account/shards", token=token, timeout_seconds=0.1)
    # On a busy machine the time may run out before the connection stands, and urllib wraps that error.
    assert isinstance(getattr(caught.value, "reason", caught.value), TimeoutError)
    standin.delay(0)


def test_rate_limits_answer_429_when_they_are_on() -> None:
    with Standin(rate_limits=True, clock=Clock(speed=None), password=PASSWORD) as standin:
        token = standin.login("admin", PASSWORD)
        answers = [send(standin, token)[0] for _ in range(151)]
        assert answers == [201] * 150 + [429]
        assert code(send(standin, token)) == (429, 1015)
        assert get_shards(standin, token) == 1


def test_without_a_webapp_nothing_answers_behind_the_load_balancer(standin: Standin, token: str) -> None:
    standin.kill("web-1")
    assert standin.request("GET", "/v1/health", token=token) == (503, {})
    standin.add("web")
    standin.advance(20)
    assert standin.request("GET", "/v1/health", token=token)[0] == 200


@pytest.mark.parametrize(
    ("name", "fields", "message"),
    [
        ("explode", {}, "explode: no such command; there are kill, pause"),
        ("kill", {}, "kill: send a JSON object with node"),
        ("kill", {"node": "coreapp-99"}, "node=coreapp-99: there are coreapp-1, coreapp-2"),
        ("kill", {"node": 1}, "node=1: this is not of the right type"),
        ("add", {"kind": "printer"}, "kind=printer: allowed are coreapp, master, web"),
        ("scale", {"kind": "coreapp", "count": -1}, "count=-1: give 0 to 1000"),
        ("clock", {"advance": -1}, "seconds=-1: the clock moves ahead only"),
        ("clock", {"speed": 0}, "speed=0: give simulated seconds per real second"),
        ("expire-tokens", {"x": 1}, "expire-tokens: send a JSON object with nothing in it"),
    ],
)
def test_a_wrong_control_command_says_what_is_allowed(
    standin: Standin, name: str, fields: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        standin.command(name, **fields)


def test_state_survives_a_stop_and_a_start() -> None:
    # Its clock runs: what it lives by after the start is the time that the file holds.
    with Standin(coreapps=3, speed=600, password=PASSWORD) as standin:
        token = standin.login("admin", PASSWORD)
        set_shards(standin, token, 2)
        standin.advance(100_000)
        for n in range(20):
            assert send(standin, token, to=str(n))[0] == 201
        standin.advance(100)
        before = standin.state()
        standin.stop()
        with pytest.raises(urllib.error.URLError, match="refused"):
            standin.state()
        standin.start()
        after = standin.state()
        assert (after["shards"], after["nodes"]) == (before["shards"], before["nodes"])
        assert after["now"] >= before["now"]
        assert standin.messages()[-1]["recipient"] == "19"
        assert get_shards(standin, token) == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"colour": "green"}, "colour: no such option; there are api_key, cc"),
        ({"pin": "12"}, "pin: give six digits"),
        ({"password": "weak"}, "password: give 8 to 64 characters"),
        ({"api_key": "short"}, "api_key of 5 characters: give 12 to 128"),
        ({"phone_number": "+1"}, "phone_number='+1': give digits only"),
        ({"speed": 0}, "speed=0: give simulated seconds per real second"),
    ],
)
def test_a_wrong_option_says_what_is_allowed(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        Standin(**options).start()
