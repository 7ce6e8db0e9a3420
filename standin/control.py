"""What only the stand-in has: the control endpoints under `/_standin/` and the page at `/`.

They need no token: the server listens on 127.0.0.1 alone.

- GET `/_standin/state`: everything that the page shows.
- GET `/_standin/ledger`: how many messages were accepted, sent, wait, are lost, were doubled.
- POST `/_standin/<command>` with a JSON object: see `COMMANDS`.
"""

import inspect
import json
from collections.abc import Callable
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from standin.account import DAY
from standin.errors import Json
from standin.nodes import KINDS, Node
from standin.service import NOTICE, Service, message_id

Number = int | float


# The page loads nothing from anywhere but its own server.
_PAGE_POLICY = (
    "default-src 'none'; connect-src 'self'; img-src data:; script-src 'unsafe-inline'; style-src 'unsafe-inline'"
)


def control_routes(service: Service) -> list[Route]:
    """Return the routes of the page, of what can be read and of every command in `COMMANDS`."""
    page = files("standin").joinpath("page.html").read_text(encoding="utf-8").replace("{notice}", NOTICE)

    async def show_page(_request: Request) -> Response:
        # Also the webapp's answer to a load balancer: 200 without a token (facts 1.4).
        return HTMLResponse(page, headers={"Content-Security-Policy": _PAGE_POLICY})

    async def show_state(_request: Request) -> Response:
        return JSONResponse(state(service))

    async def show_ledger(_request: Request) -> Response:
        return JSONResponse(ledger(service))

    async def obey(request: Request) -> Response:
        try:
            command, fields = _read(request.path_params["command"], await request.body())
            service.now()
            return JSONResponse({"result": command(service, **fields)})
        except ValueError as error:
            return JSONResponse({"error": str(error)}, 400)

    return [
        Route("/", show_page),
        Route("/_standin/state", show_state),
        Route("/_standin/ledger", show_ledger),
        Route("/_standin/{command}", obey, methods=["POST"]),
    ]


def state(service: Service) -> Json:
    """Return everything that the page shows; it holds no secret."""
    now = service.now()
    cluster = service.cluster
    owned, serving, primary = cluster.owned(), cluster.serving(), cluster.primary
    return {
        "now": now,
        "speed": service.clock.speed,
        "standing": service.account.standing,
        "restart_seconds_left": max(0.0, cluster.restart_until - now),
        "primary_master": primary.name if primary and not cluster.single else None,
        "heartbeat_interval": cluster.timers.heartbeat_interval,
        "unhealthy_interval": cluster.timers.unhealthy_interval,
        "nodes": [
            {
                "name": node.name,
                "kind": node.kind,
                "role": service.role(node),
                "condition": _condition(service, node),
                "shard": owned.get(node.name),
            }
            for node in cluster.nodes.values()
        ],
        "shards": [
            {"shard": shard, "coreapp": coreapp, "served": shard in serving, "waiting": len(queue)}
            for (shard, coreapp), queue in zip(cluster.shard_map.items(), cluster.outbox.queues, strict=True)
        ],
        "messages": {"sent": cluster.outbox.sent, "waiting": cluster.outbox.waiting},
        "events": service.store.events(limit=60),
    }


def ledger(service: Service) -> Json:
    """Count the messages: `lost` and `doubled` must always be 0.

    `accepted`, `sent` and `doubled` are counted in the database, `waiting` in the coreapps' queues; a message that
    is in neither is lost.
    """
    service.now()
    accepted, sent, times = service.store.counts()
    waiting = service.cluster.outbox.waiting
    lost = accepted - sent - waiting
    return {"accepted": accepted, "sent": sent, "waiting": waiting, "lost": lost, "doubled": times - sent}


def _condition(service: Service, node: Node) -> str:
    if node.stopped:
        return "gone"
    if node.paused:
        return "silent"
    return "up" if service.cluster.answers(node) else "starting"


def _read(name: str, raw: bytes) -> tuple[Callable[..., object], Json]:
    """Return the command of that name and its fields, checked against its signature."""
    if name not in COMMANDS:
        raise ValueError(f"{name}: no such command; there are {', '.join(COMMANDS)}")
    fields = json.loads(raw or b"{}")
    known = dict(list(inspect.signature(COMMANDS[name]).parameters.items())[1:])
    missing = [field for field, known_as in known.items() if known_as.default is known_as.empty]
    if not isinstance(fields, dict) or not set(missing) <= set(fields) <= set(known):
        raise ValueError(f"{name}: send a JSON object with {', '.join(known) or 'nothing in it'}")
    for field, value in fields.items():
        if not isinstance(value, known[field].annotation) or isinstance(value, bool):
            raise ValueError(f"{field}={value!r}: this is not of the right type")
    return COMMANDS[name], fields


def _kill(service: Service, node: str) -> None:
    service.cluster.stop(node)


def _pause(service: Service, node: str) -> None:
    service.cluster.pause(node)


def _resume(service: Service, node: str) -> None:
    service.cluster.resume(node)


def _add(service: Service, kind: str) -> str:
    return service.cluster.add(_kind(kind))


def _scale(service: Service, kind: str, count: int) -> None:
    if not 0 <= count <= MOST_NODES:
        raise ValueError(f"count={count}: give 0 to {MOST_NODES}")
    service.cluster.scale(_kind(kind), count)


def _unavailable(service: Service, seconds: Number | None) -> None:
    until = float("inf") if seconds is None else service.cluster.now + seconds
    service.faults.unavailable_until = until


def _delay(service: Service, seconds: Number, path: str = "/v1/", method: str = "") -> None:
    service.faults.delay_seconds = max(0.0, seconds)
    service.faults.delay_path, service.faults.delay_method = path, method


def _expire_tokens(service: Service) -> None:
    service.store.expire_tokens(service.cluster.now)


def _certificate(service: Service, certificate: str, days: Number) -> None:
    service.account.issue_certificate(certificate, service.cluster.now + days * DAY)


def _registered(service: Service, days_ago: Number) -> None:
    service.account.set_registered_at(service.cluster.now - days_ago * DAY)


def _clock(service: Service, advance: Number = 0, speed: Number | None = None) -> None:
    service.clock.advance(advance)
    if speed is not None:
        service.clock.speed = speed
    service.now()


def _messages(service: Service, after: int = 0, limit: int = 1000) -> list[Json]:
    rows = service.store.messages(after, limit)
    return [{"id": message_id(row["message"]), **row} for row in rows]


def _kind(kind: str) -> str:
    if kind not in KINDS:
        raise ValueError(f"kind={kind}: allowed are {', '.join(KINDS)}")
    return kind


MOST_NODES = 1000

COMMANDS: dict[str, Callable[..., object]] = {
    "kill": _kill,
    "pause": _pause,
    "resume": _resume,
    "add": _add,
    "scale": _scale,
    "unavailable": _unavailable,
    "delay": _delay,
    "expire-tokens": _expire_tokens,
    "certificate": _certificate,
    "registered": _registered,
    "clock": _clock,
    "messages": _messages,
}
"""The commands by name: POST `/_standin/<name>` with a JSON object of the function's fields."""
