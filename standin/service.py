"""The whole client behind the HTTP server: one clock, one store, one account, one cluster."""

from dataclasses import dataclass

from standin.account import Account, Standing
from standin.clock import Clock
from standin.cluster import Cluster
from standin.errors import Json, Refusal
from standin.nodes import Node
from standin.options import Options
from standin.store import Store

NOTICE = "This is a stand-in of the WhatsApp Business API client: no message leaves this machine."
"""The first line that the program prints, and the first thing its page says."""

DEFAULT_SETTINGS = {
    "heartbeat_interval": 5,
    "unhealthy_interval": 30,
    "callback_persist": True,
    "callback_backoff_delay_ms": 3000,
    "max_callback_backoff_delay_ms": 900_000,
}
"""The application settings that it knows, with their documented defaults (facts 1.2, 1.3)."""


@dataclass
class Faults:
    """What a control request can make the server do; all of it is forgotten when the stand-in restarts.

    Attributes:
        unavailable_until: Simulated time until which Set Shards answers 403 (M-9).
        delay_seconds: Real seconds that each answer waits, so that a caller's own time-out can be tried. The request
            has been carried out by then.
        delay_path: Only answers to paths that start so wait.
        delay_method: Only answers to this method wait; empty means any.
    """

    unavailable_until: float = 0.0
    delay_seconds: float = 0.0
    delay_path: str = "/v1/"
    delay_method: str = ""


class Service:
    """What the HTTP endpoints call. Every public method first lets the cluster live until now.

    Args:
        options: How to run it.
        store: Where everything is kept.
    """

    def __init__(self, options: Options, store: Store) -> None:
        self.store = store
        self.clock = options.clock or Clock(store.latest(), options.speed)
        self.account = Account(store, options.account, self.clock.now())
        self.cluster = Cluster(store, options.cluster, self.clock.now())
        self.faults = Faults()
        self.now()

    def now(self) -> float:
        """Let the cluster live until now and return the simulated time."""
        now = self.clock.now()
        self.cluster.online = self.account.standing is Standing.REGISTERED
        self.cluster.advance(now)
        return now

    def tick(self) -> None:
        """Let the cluster live until now and keep the time, so that a restart continues there."""
        with self.store.transaction():
            self.store.set("now", self.now())

    # The documented endpoints.

    def send(self, body: Json) -> Json:
        """Take a text message (M-3, M-4).

        Raises:
            Refusal: 1001, 1002, 1008, 1009 for a bad request; 1005 while the number is not connected; as
                `Cluster.accept`.
        """
        self.now()
        recipient = body.get("to")
        if not recipient:
            raise Refusal(1008, "to is missing")
        if not isinstance(recipient, str):
            raise Refusal(1009, "to: give a string")
        if body.get("recipient_type", "individual") != "individual":
            raise Refusal(1002, "recipient_type: give individual")
        text = body.get("text")
        if body.get("type", "text") != "text" or not isinstance(text, dict):
            raise Refusal(1009, 'type: this stand-in takes "text" with an object "text" that has a "body"')
        content = text.get("body")
        if not isinstance(content, str) or not content:
            raise Refusal(1008, "text.body is missing")
        if len(content) > 4096:
            raise Refusal(1001, f"text.body of {len(content)} characters: at most 4096")
        if not self.cluster.online:
            raise Refusal(1005, f"the number is {self.account.standing}: nothing can be sent")
        number = self.cluster.accept(recipient, content)
        return {"messages": [{"id": message_id(number)}]}

    def set_shards(self, body: Json) -> None:
        """Set Shards (M-8..M-11, M-22).

        Raises:
            Refusal: 403 while unavailable (M-9); as `Account.read_set_shards`, `Cluster.check_set_shards` and
                `Account.admit_set_shards`, in this order, so that a refusal that is not about the certificate
                never hurts the account.
        """
        now = self.now()
        if now < self.faults.unavailable_until:
            raise Refusal(1011, "temporarily unavailable: try again", status=403)
        shards = self.account.read_set_shards(body)
        self.cluster.check_set_shards(shards)
        try:
            self.account.admit_set_shards(body, now)
        finally:
            self.note_standing()
        self.cluster.set_shards(shards)

    def settings(self) -> Json:
        """Return the application settings."""
        return {**DEFAULT_SETTINGS, **self.store.get("application", {})}

    def change_settings(self, body: Json) -> None:
        """Change application settings; what is not named stays (facts 1.2).

        Raises:
            Refusal: 1017 without a primary master (facts 1.3), 1009 for a wrong value, 1010 for an unknown name.
        """
        now = self.now()
        if not self.cluster.primary:
            raise Refusal(1017, "there is no primary master now: try again")
        for name, value in body.items():
            if name not in DEFAULT_SETTINGS:
                raise Refusal(1010, f"{name}: this stand-in knows {', '.join(DEFAULT_SETTINGS)}")
            wants_bool = name == "callback_persist"
            if isinstance(value, bool) is not wants_bool or not (wants_bool or _in_range(value)):
                raise Refusal(1009, f"{name}: give {'true or false' if wants_bool else _RANGE}")
        with self.store.transaction():
            self.store.set("application", {**self.store.get("application", {}), **body})
            timers = {name: float(body[name]) for name in body if name in vars(self.cluster.timers)}
            if timers:
                self.cluster.set_timers(**timers)
            self.store.add_event(now, f"settings changed: {', '.join(sorted(body))}")

    def health(self) -> Json:
        """Return `health`: flat for a single container, a map by `hostname:container-id` else (facts 1.4)."""
        self.now()
        if self.cluster.single:
            node = next(iter(self.cluster.nodes.values()))
            return {"gateway_status": self._gateway_status(node)}
        return {
            f"{node.name}:{node.container}": {"gateway_status": self._gateway_status(node), "role": self.role(node)}
            for node in self.cluster.nodes.values()
            if node.kind != "web"
        }

    def support(self) -> Json:
        """Return `support`: for each node its role, shards and connection (facts 1.4)."""
        self.now()
        return {
            f"{node.name}:{node.container}": {
                "multi_connect": not self.cluster.single,
                "role": self.role(node),
                "shards": self._shards(node),
                "socket_conn": "UP" if self._gateway_status(node) == "connected" else "DN",
                "db_engine": "SQLITE",
                # The documented client lists its environment variables here; ours has none to tell.
                "env": {},
            }
            for node in self.cluster.nodes.values()
            if node.kind != "web"
        }

    def role(self, node: Node) -> str:
        """Return a node's documented role (facts 1.4)."""
        if node.kind != "master":
            return node.kind
        return "primary_master" if node.name == self.cluster.lease.holder else "secondary_master"

    def note_standing(self) -> None:
        """Tell the page when the account stands differently, and stop or start the sending."""
        online = self.account.standing is Standing.REGISTERED
        if online is not self.cluster.online:
            self.store.add_event(self.cluster.now, f"the account is {self.account.standing}")
            self.cluster.online = online

    def _gateway_status(self, node: Node) -> str:
        """With X >= 2 shards X coreapps and the primary master are connected, with 1 one coreapp (facts 1.4)."""
        if self.account.standing is Standing.UNREGISTERED:
            return "unregistered"
        serves = any(end >= 0 for _, end in self._shards(node)) or self._shards(node) == [[-1, -1]]
        return "connected" if serves and self.cluster.online and self.cluster.answers(node) else "disconnected"

    def _shards(self, node: Node) -> list[list[int]]:
        """Return a node's shards as [from, to] pairs; -1 is the control shard (facts 1.1, 1.4).

        In plain high availability the coreapp of shard 0 owns it, in Multiconnect the primary master.
        """
        if node.kind == "master":
            return [[-1, -1]] if self.cluster.shards > 1 and node is self.cluster.primary else []
        shard = self.cluster.owned().get(node.name)
        if shard is None:
            return []
        return [[-1 if self.cluster.shards == 1 else shard, shard]]


def message_id(number: int) -> str:
    """Return the id that a client sees of a message.

    Example:
        >>> message_id(7)
        'gBEGstandin0000000007'
    """
    return f"gBEGstandin{number:010d}"


_RANGE = "a whole number from 1 to 86400000"
"""Of seconds or milliseconds: the page gives no range; ours keeps a jump of the clock to a moment's work."""


def _in_range(value: object) -> bool:
    return isinstance(value, int) and 1 <= value <= 86_400_000
