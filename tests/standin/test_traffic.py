"""Over real HTTPS, with traffic running: nothing lost, nothing doubled, one shard's failure stays its own."""

import threading
import time
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from standin import Standin
from standin.clock import Clock
from standin.outbox import shard_of

PASSWORD = "Str0ng-enough"


class Traffic:
    """A sender in a thread: numbered messages as fast as it can, and what was answered."""

    def __init__(self, standin: Standin, token: str) -> None:
        self._standin, self._token = standin, token
        self._over = threading.Event()
        self.accepted: dict[str, str] = {}
        self.refused: list[tuple[str, int]] = []
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "Traffic":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def wait_until(self, reached: Callable[[], bool]) -> None:
        """Wait until the answers so far are what the test wants; the sender goes on meanwhile."""
        while not reached():
            assert self._thread.is_alive(), "the sender has ended"
            time.sleep(0.001)

    def wait_for_more(self, answers: int) -> None:
        """Wait for so many answers to requests that have not been sent yet, or not been answered yet."""
        # The next answer may belong to a request that was sent before now.
        wanted = len(self.accepted) + len(self.refused) + 1 + answers
        self.wait_until(lambda: len(self.accepted) + len(self.refused) >= wanted)

    def _run(self) -> None:
        number = 0
        while not self._over.is_set():
            recipient = str(15550000 + number)
            number += 1
            body = {"to": recipient, "type": "text", "text": {"body": f"hello {number}"}}
            status, answer = self._standin.request("POST", "/v1/messages", body, token=self._token)
            if status == 201:
                self.accepted[answer["messages"][0]["id"]] = recipient
            else:
                self.refused.append((recipient, answer["errors"][0]["code"]))


RESTART = ("restart", 0)
STEPS = st.one_of(
    st.tuples(st.just("shards"), st.sampled_from([1, 2, 4, 8])),
    st.tuples(st.just("scale"), st.integers(1, 10)),
    st.tuples(st.just("kill"), st.integers(0, 9)),
    st.tuples(st.just("advance"), st.integers(1, 120)),
    st.just(RESTART),
)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(STEPS, min_size=3, max_size=8))
def test_nothing_is_lost_or_doubled_whatever_happens_while_traffic_runs(steps: list[tuple[str, int]]) -> None:
    with Standin(coreapps=4, shards=2, clock=Clock(speed=None), password=PASSWORD) as standin:
        token = standin.login("admin", PASSWORD)
        accepted: dict[str, str] = {}
        while steps:
            with Traffic(standin, token) as traffic:
                while steps and (step := steps.pop(0)) != RESTART:
                    disturb(standin, token, *step)
                    traffic.wait_for_more(2)
                    standin.advance(5)
                    traffic.wait_for_more(1)
            # Not while messages are under way: nobody can know what became of a request without an answer.
            standin.stop()
            standin.start()
            accepted |= traffic.accepted
            assert {code for _, code in traffic.refused} <= {1011, 1018}

        standin.command("scale", kind="master", count=2)
        standin.scale_coreapps(len(standin.state()["shards"]) + 1)
        standin.advance(200)
        standin.advance_until(lambda state: state["messages"]["waiting"] == 0)
        ledger = standin.ledger()
        assert (ledger["lost"], ledger["doubled"]) == (0, 0)
        assert {row["id"]: row["recipient"] for row in standin.messages()} == accepted
        assert ledger["accepted"] == ledger["sent"] == len(accepted)


def disturb(standin: Standin, token: str, step: str, value: int) -> None:
    if step == "shards":
        body: dict[str, Any] = {"cc": "1", "phone_number": "2025550123", "shards": value}
        body["cert"] = standin.certificate
        assert standin.request("POST", "/v1/account/shards", body, token=token)[0] in (201, 403, 503)
    elif step == "scale":
        standin.scale_coreapps(value)
    elif step == "kill":
        nodes = [node for node in standin.state()["nodes"] if node["kind"] != "web" and node["condition"] != "gone"]
        if nodes:
            standin.kill(nodes[value % len(nodes)]["name"])
    else:
        standin.advance(value)


def test_killing_an_owner_stops_its_shard_alone_and_for_35_seconds_at_most() -> None:
    with Standin(coreapps=3, shards=2, clock=Clock(speed=None), password=PASSWORD) as standin:
        token = standin.login("admin", PASSWORD)
        with Traffic(standin, token) as traffic:
            traffic.wait_for_more(10)
            standin.advance(3)  # the middle between two heartbeats
            victim = standin.state()["shards"][0]["coreapp"]
            standin.kill(victim)
            while not standin.state()["shards"][0]["served"]:
                # In each second of the failure messages go to either shard.
                refused, accepted = len(traffic.refused), len(traffic.accepted)
                traffic.wait_until(lambda r=refused, a=accepted: len(traffic.refused) > r and len(traffic.accepted) > a)
                standin.advance(1)
            traffic.wait_for_more(10)
        standin.advance_until(lambda state: state["messages"]["waiting"] == 0)
        moments = {event["text"]: event["at"] for event in standin.state()["events"]}
        # The unhealthy interval of 30 s and up to one heartbeat of 5 s (M-6).
        down = moments["shard 0 is given to coreapp-3"] - moments[f"{victim} is gone"]
        assert 30 <= down <= 35
        assert {code for _, code in traffic.refused} == {1018}
        assert {shard_of(recipient, 2) for recipient, _ in traffic.refused} == {0}
        to_the_shard = [row for row in standin.messages() if row["shard"] == 0]
        assert to_the_shard[0]["coreapp"] == victim
        assert to_the_shard[-1]["coreapp"] == "coreapp-3"
