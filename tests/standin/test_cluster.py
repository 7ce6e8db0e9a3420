"""The simulated cluster does what the page says, to the second. No HTTP here."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from standin.cluster import Cluster
from standin.errors import Refusal
from standin.nodes import SHARD_COUNTS, ClusterOptions
from standin.outbox import shard_of
from standin.store import Store


def cluster(now: float = 0.0, **options: object) -> Cluster:
    return Cluster(Store(), ClusterOptions(**options), now)  # type: ignore[arg-type]


def recipient_of(shard: int, shards: int) -> str:
    return next(str(n) for n in range(15550000, 15560000) if shard_of(str(n), shards) == shard)


def refusal(call: object, *arguments: object) -> tuple[int, int]:
    with pytest.raises(Refusal) as caught:
        call(*arguments)  # type: ignore[operator]
    return caught.value.code, caught.value.status


@pytest.mark.parametrize("shards", SHARD_COUNTS)
def test_each_coreapp_owns_at_most_one_shard_and_the_rest_stay_secondary(shards: int) -> None:
    made = cluster(coreapps=shards + 2, shards=shards)
    assert sorted(made.shard_map) == list(range(shards))
    assert len(set(made.shard_map.values())) == shards
    assert len(made.serving()) == shards


@given(
    at=st.floats(0, 1000),
    heartbeat=st.floats(0.5, 60),
    unhealthy=st.floats(1, 300),
)
def test_fail_over_takes_the_unhealthy_interval_and_up_to_one_heartbeat(
    at: float, heartbeat: float, unhealthy: float
) -> None:
    made = cluster(coreapps=3, shards=2)
    made.set_timers(heartbeat_interval=heartbeat, unhealthy_interval=unhealthy)
    made.advance(at)
    victim = made.shard_map[0]
    assert victim
    made.stop(victim)
    made.advance(at + unhealthy * 0.999)
    assert made.shard_map[0] == victim
    made.advance((at + heartbeat + unhealthy) * (1 + 1e-12))
    assert made.serving()[0] not in (None, victim)


def test_killing_the_owner_of_a_shard_affects_that_shard_only() -> None:
    made = cluster(coreapps=3, shards=2)
    made.advance(100)
    made.stop("coreapp-1")
    for second in range(100, 135):
        made.advance(second)
        assert made.serving().get(1) == "coreapp-2"
        assert made.accept(recipient_of(1, 2), "hello")
        if second < 130:  # found at the heartbeat of second 105 and gone by 135 at the latest (M-6)
            assert refusal(made.accept, recipient_of(0, 2), "hello") == (1018, 503)
    made.advance(135)
    assert made.serving() == {0: "coreapp-3", 1: "coreapp-2"}
    assert "coreapp-1" not in made.nodes


def test_without_a_spare_a_shard_waits_for_a_new_coreapp() -> None:
    made = cluster(coreapps=2, shards=2, start_seconds=(10, 10))
    made.stop("coreapp-1")
    made.advance(100)
    assert made.serving() == {1: "coreapp-2"}
    made.add("coreapp")
    made.advance(109.9)
    assert made.serving() == {1: "coreapp-2"}
    made.advance(110)
    assert made.serving() == {0: "coreapp-3", 1: "coreapp-2"}


def test_a_coreapp_that_answers_again_in_time_keeps_its_shard_and_later_becomes_secondary() -> None:
    made = cluster(coreapps=3, shards=2)
    made.pause("coreapp-1")
    made.advance(20)
    assert 0 not in made.serving()
    made.resume("coreapp-1")
    assert made.serving()[0] == "coreapp-1"
    made.pause("coreapp-1")
    made.advance(60)
    made.resume("coreapp-1")
    assert made.serving()[0] == "coreapp-3"
    assert "coreapp-1" not in made.owned()


@pytest.mark.parametrize("kind", ["coreapp", "master"])
def test_a_container_that_ends_after_it_was_declared_unhealthy_leaves_the_list(kind: str) -> None:
    made = cluster(coreapps=3, shards=2)
    name = next(node.name for node in made.answering(kind) if node is not made.primary)
    made.pause(name)
    made.advance(100)
    assert name in made.nodes
    made.stop(name)
    assert name not in made.nodes


def test_a_container_that_is_gone_neither_answers_again_nor_delays_the_fail_over() -> None:
    made = cluster(coreapps=3, shards=2)
    made.stop("coreapp-1")
    for second in (10, 20, 30):
        made.advance(second)
        for change in (made.resume, made.pause, made.stop):
            with pytest.raises(ValueError, match="node=coreapp-1: it is gone; there are coreapp-2, coreapp-3, master"):
                change("coreapp-1")
    made.advance(35)
    assert made.serving() == {0: "coreapp-3", 1: "coreapp-2"}


def test_a_secondary_master_takes_the_lease_within_the_unhealthy_interval_and_one_heartbeat() -> None:
    made = cluster(masters=3)
    first = made.primary
    assert first
    made.stop(first.name)
    assert made.primary is None
    made.advance(35)
    assert made.primary
    assert made.primary.name != first.name


def test_without_masters_messages_flow_but_nothing_fails_over_and_shards_stay() -> None:
    made = cluster(coreapps=3, shards=2)
    for name in ("master-1", "master-2"):
        made.stop(name)
    made.stop("coreapp-1")
    made.advance(3600)
    made.accept(recipient_of(1, 2), "hello")
    made.advance(3601)
    assert made.outbox.sent == 1
    assert made.serving() == {1: "coreapp-2"}
    assert refusal(made.set_shards, 1) == (1017, 503)
    made.add("master")
    made.advance(3601 + 20 + 35 + 5)
    assert made.serving() == {0: "coreapp-3", 1: "coreapp-2"}


@pytest.mark.parametrize("seed", range(5))
def test_set_shards_restarts_every_coreapp_for_45_to_60_seconds(seed: int) -> None:
    made = cluster(coreapps=9, shards=2, seed=seed)
    made.set_shards(8)
    assert made.shard_map == dict.fromkeys(range(8))
    made.advance(44.9)
    assert made.serving() == {}
    assert refusal(made.accept, "15550100", "hello") == (1011, 503)
    assert refusal(made.set_shards, 4) == (1011, 403)
    made.advance(60)
    assert len(made.serving()) == 8
    made.set_shards(4)


def test_more_shards_than_coreapps_leave_shards_without_an_owner() -> None:
    made = cluster(coreapps=3)
    made.set_shards(8)
    made.advance(60)
    assert sorted(made.serving()) == [0, 1, 2]
    assert refusal(made.accept, recipient_of(7, 8), "hello") == (1018, 503)


@pytest.mark.parametrize("seed", range(3))
def test_scaling_in_may_take_a_serving_coreapp_and_another_follows_within_35_seconds(seed: int) -> None:
    made = cluster(coreapps=9, shards=2, seed=seed)
    made.scale("coreapp", 3)
    made.advance(35)
    assert len(made.serving()) == 2
    assert len(made.answering("coreapp")) == 3


def test_a_backlog_builds_up_beyond_what_one_coreapp_carries_and_drains_later() -> None:
    made = cluster(send_rate=10)
    for second in range(10):
        made.advance(second)
        for n in range(20):
            made.accept(str(n), "hello")
    made.advance(10)
    assert 95 <= made.outbox.waiting <= 105
    made.advance(21)
    assert made.outbox.waiting == 0


def test_what_waits_in_a_dead_coreapp_is_sent_by_the_next_one_and_not_before_it_serves() -> None:
    made = cluster(coreapps=2, send_rate=1)
    for n in range(10):
        made.accept(str(n), "hello")
    made.advance(2.5)
    made.stop("coreapp-1")
    made.advance(100)
    sent = [(row["coreapp"], row["sent_at"]) for row in made.store.messages()]
    assert sent == [("coreapp-1", 0), ("coreapp-1", 1), ("coreapp-1", 2)] + [("coreapp-2", 35 + n) for n in range(7)]


def test_nothing_is_sent_while_the_account_is_not_connected() -> None:
    made = cluster(send_rate=1)
    for n in range(3):
        made.accept(str(n), "hello")
    made.online = False
    made.advance(50)
    assert made.outbox.waiting == 3
    made.online = True
    made.advance(60)
    assert [row["sent_at"] for row in made.store.messages()] == [50, 51, 52]


def test_a_full_queue_answers_1016_and_keeps_nothing() -> None:
    made = cluster(queue_limit=2)
    made.accept("1", "hello")
    made.accept("2", "hello")
    assert refusal(made.accept, "3", "hello") == (1016, 503)
    assert made.store.counts()[0] == 2


def test_a_single_container_has_one_shard_and_stays_alone() -> None:
    made = cluster(coreapps=1, masters=0)
    assert made.serving() == {0: "coreapp-1"}
    assert refusal(made.set_shards, 2) == (1025, 400)
    made.set_shards(1)
    made.advance(60)
    assert made.serving() == {0: "coreapp-1"}
    with pytest.raises(ValueError, match="single container stays alone"):
        made.add("coreapp")


def test_everything_is_in_the_file_when_the_process_ends(tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite3"
    made = Cluster(Store(path), ClusterOptions(coreapps=5, shards=4), 0)
    made.stop("coreapp-2")
    made.pause("coreapp-3")
    for n in range(20):
        made.accept(recipient_of(0, 4), f"hello {n}")
    made.advance(7)
    # The first store is neither closed nor told: the process might have been killed.
    again = Cluster(Store(path), ClusterOptions(), 7)
    assert (again.shard_map, again.lease, again.timers, again.now) == (
        made.shard_map,
        made.lease,
        made.timers,
        made.now,
    )
    assert again.nodes == made.nodes
    assert again.outbox.queues == made.outbox.queues
    made.store.close()
    again.advance(100)
    assert sorted(again.serving().values()) == ["coreapp-1", "coreapp-4", "coreapp-5"]
    assert again.add("coreapp") == "coreapp-6"
    again.store.close()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"shards": 3}, "shards=3: allowed are 1, 2, 4, 8, 16, 32"),
        ({"coreapps": 0}, "coreapps=0: give 1 or more"),
        ({"masters": -1}, "masters=-1: give 0 or more"),
        ({"masters": 0}, "give 2 masters or more"),
        ({"send_rate": 0}, "send_rate=0: give messages per second"),
        ({"restart_seconds": (60, 45)}, "restart_seconds=60,45: give the least and the most"),
    ],
)
def test_an_impossible_cluster_says_what_is_allowed(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ClusterOptions(**options)  # type: ignore[arg-type]


@given(st.sets(st.text(min_size=1), max_size=50), st.sampled_from(SHARD_COUNTS))
def test_a_recipient_belongs_to_exactly_one_shard_and_always_the_same(recipients: set[str], shards: int) -> None:
    for recipient in recipients:
        assert shard_of(recipient, shards) == shard_of(recipient, shards)
        assert 0 <= shard_of(recipient, shards) < shards


def test_consecutive_numbers_spread_evenly() -> None:
    counts = [0] * 32
    for n in range(32_000):
        counts[shard_of(str(15550000000 + n), 32)] += 1
    assert 850 < min(counts) <= max(counts) < 1150
