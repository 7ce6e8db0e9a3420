"""Whatever happens to nodes, shards and the stand-in itself: no message is lost, none is sent twice."""

from collections import Counter

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from standin.cluster import Cluster
from standin.errors import Refusal
from standin.nodes import SHARD_COUNTS, ClusterOptions
from standin.outbox import shard_of
from standin.store import Store

OPTIONS = ClusterOptions(coreapps=4, masters=2, shards=2, send_rate=2, queue_limit=50)


class ClusterMachine(RuleBasedStateMachine):
    """Traffic and every fault there is, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.cluster = Cluster(Store(), OPTIONS, 0.0)
        self.accepted: set[int] = set()

    def teardown(self) -> None:
        """Heal the cluster: whatever was accepted must then go out, once and in order."""
        cluster = self.cluster
        # One at a time: a master that answers again drops those that are gone from the list.
        while paused := self.running(paused=True):
            cluster.resume(paused[0])
        cluster.scale("master", 2)
        cluster.scale("coreapp", cluster.shards + 1)
        cluster.online = True
        cluster.advance(cluster.now + 10_000)
        rows = cluster.store.messages(limit=100_000)
        assert Counter(row["message"] for row in rows) == Counter(self.accepted)
        assert all(row["sent_at"] is not None for row in rows)
        last_sent: dict[str, float] = {}
        for row in rows:
            assert last_sent.get(row["recipient"], 0.0) <= row["sent_at"]
            last_sent[row["recipient"]] = row["sent_at"]
        cluster.store.close()

    @rule(recipients=st.lists(st.integers(0, 20).map(str), max_size=10))
    def send(self, recipients: list[str]) -> None:
        for recipient in recipients:
            served = shard_of(recipient, self.cluster.shards) in self.cluster.serving()
            try:
                self.accepted.add(self.cluster.accept(recipient, "hello"))
            except Refusal as refusal:
                code = refusal.code
            else:
                code = 0
            assert code in ((0, 1016) if served else (1011, 1018))

    @rule(seconds=st.floats(0.01, 90))
    def wait(self, seconds: float) -> None:
        self.cluster.advance(self.cluster.now + seconds)

    @rule(shards=st.sampled_from(SHARD_COUNTS))
    def set_shards(self, shards: int) -> None:
        restarting = self.cluster.restart_until > self.cluster.now
        if restarting or not self.cluster.primary:
            with pytest.raises(Refusal, match="1011" if restarting else "1017"):
                self.cluster.set_shards(shards)
        else:
            self.cluster.set_shards(shards)

    def running(self, **state: bool) -> list[str]:
        """Return the names of the containers that are not gone and have these values."""
        wanted = {"stopped": False, **state}.items()
        return sorted(name for name, node in self.cluster.nodes.items() if wanted <= vars(node).items())

    @precondition(lambda self: self.running())
    @rule(data=st.data(), fault=st.sampled_from(["stop", "pause", "resume"]))
    def break_or_mend(self, data: st.DataObject, fault: str) -> None:
        getattr(self.cluster, fault)(data.draw(st.sampled_from(self.running())))

    @rule(kind=st.sampled_from(["coreapp", "master"]), count=st.integers(0, 10))
    def scale(self, kind: str, count: int) -> None:
        self.cluster.scale(kind, count)

    @rule(online=st.booleans())
    def log_off_or_on(self, online: bool) -> None:
        self.cluster.online = online

    @rule()
    def restart_the_stand_in(self) -> None:
        online = self.cluster.online
        self.cluster = Cluster(self.cluster.store, OPTIONS, self.cluster.now)
        self.cluster.online = online

    @invariant()
    def a_coreapp_owns_at_most_one_shard(self) -> None:
        owners = [owner for owner in self.cluster.shard_map.values() if owner]
        assert len(owners) == len(set(owners))
        assert set(owners) <= set(self.cluster.nodes)

    @invariant()
    def nobody_waits_for_a_container_that_is_gone_and_known_to_be(self) -> None:
        cluster = self.cluster
        missed = [node.missed_at for node in cluster.nodes.values() if node.stopped and node.missed_at is not None]
        assert not (cluster.primary and any(cluster.now >= at + cluster.timers.unhealthy_interval for at in missed))

    @invariant()
    def memory_and_file_agree(self) -> None:
        cluster = self.cluster
        assert cluster.store.shard_map() == cluster.shard_map
        assert {row[0] for row in cluster.store.nodes()} == set(cluster.nodes)
        accepted, sent, times = cluster.store.counts()
        assert accepted == len(self.accepted)
        assert times == sent == cluster.outbox.sent
        assert sent + cluster.outbox.waiting == accepted

    @invariant()
    def every_shard_is_served_while_a_primary_master_has_enough_coreapps(self) -> None:
        cluster = self.cluster
        unserved = cluster.shards - len([owner for owner in cluster.shard_map.values() if owner])
        standby = [node for node in cluster.answering("coreapp") if node.name not in cluster.owned()]
        assert not (cluster.primary and unserved and standby)


TestNothingIsLost = ClusterMachine.TestCase
TestNothingIsLost.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
