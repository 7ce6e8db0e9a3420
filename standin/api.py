"""The HTTP endpoints that the client documents (facts 1.4, 2.1-2.3). `control.py` adds those of the stand-in."""

import asyncio
import base64
import binascii
import json
from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from standin.control import control_routes
from standin.errors import Json, Refusal, meta
from standin.limits import RateLimit
from standin.service import Service

Endpoint = Callable[[Request], Awaitable[Response]]


class Api:
    """The endpoints, bound to one service.

    Args:
        service: The client behind them.
        rate_limits: Answer 429 beyond the documented rates (facts 2.3).
    """

    def __init__(self, service: Service, *, rate_limits: bool) -> None:
        self._service = service
        # Facts 2.3: messages 50/s with bursts of 150, everything else 20/s with bursts of 60.
        self._limits = (RateLimit(50, 150), RateLimit(20, 60)) if rate_limits else None

    def application(self) -> Starlette:
        """Return the ASGI application."""
        account, two_step = "/v1/account", "/v1/settings/account/two-step"
        routes = [
            self._route("/v1/messages", "POST", self._send),  # first, since it is asked most
            self._route("/v1/users/login", "POST", self._login),
            self._route(account, "POST", self._register),
            self._route(f"{account}/verify", "POST", self._verify),
            self._route(f"{account}/shards", "GET", self._get_shards),
            self._route(f"{account}/shards", "POST", self._set_shards),
            self._route("/v1/health", "GET", self._health),
            self._route("/v1/support", "GET", self._support),
            self._route("/v1/settings/application", "GET", self._get_settings),
            self._route("/v1/settings/application", "PATCH", self._change_settings),
            self._route(two_step, "POST", self._enable_two_step),
            self._route(two_step, "DELETE", self._disable_two_step),
            *control_routes(self._service),
        ]
        handlers = {Refusal: _refused, 404: _not_found, 405: _not_found}
        return Starlette(routes=routes, exception_handlers=handlers)

    def _route(self, path: str, method: str, endpoint: Endpoint) -> Route:
        async def guarded(request: Request) -> Response:
            if not self._service.cluster.answering("web"):
                # What a load balancer without a healthy target comes to.
                return Response(status_code=503)
            if self._limits:
                limit = self._limits[0 if path == "/v1/messages" else 1]
                if not limit.allow(self._service.clock.now()):
                    raise Refusal(1015, f"more than {limit.rate:g} requests/s: slow down, then try again")
            return await endpoint(request)

        async def answer(request: Request) -> Response:
            try:
                response = await guarded(request)
            except Refusal as refusal:
                response = await _refused(request, refusal)
            faults = self._service.faults
            late = path.startswith(faults.delay_path) and faults.delay_method in ("", method)
            if faults.delay_seconds and late:
                await asyncio.sleep(faults.delay_seconds)
            return response

        return Route(path, answer, methods=[method])

    def _authenticate(self, request: Request, *, api_key: bool = False) -> None:
        header = request.headers.get("authorization", "")
        self._service.account.authenticate(header, self._service.now(), api_key=api_key)

    async def _login(self, request: Request) -> Response:
        body = await _body(request) if await request.body() else {}
        scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
        try:
            user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            user = password = ""
        if scheme.lower() != "basic":
            raise Refusal(1005, "send user and password as basic authentication", status=401)
        now = self._service.now()
        return _answer(self._service.account.login(user, password, body.get("new_password"), now))

    async def _register(self, request: Request) -> Response:
        self._authenticate(request)
        try:
            account = self._service.account.register(await _body(request), self._service.now())
        finally:
            self._service.note_standing()
        return _answer(account, 202 if account else 201)

    async def _verify(self, request: Request) -> Response:
        self._authenticate(request)
        self._service.account.verify(await _body(request), self._service.now())
        self._service.note_standing()
        return _answer({}, 201)

    async def _get_shards(self, request: Request) -> Response:
        self._authenticate(request)
        return _answer({"account": {"shards": self._service.cluster.shards}})  # M-12

    async def _set_shards(self, request: Request) -> Response:
        self._authenticate(request)
        self._service.set_shards(await _body(request))
        return _answer({}, 201)  # M-9

    async def _health(self, request: Request) -> Response:
        self._authenticate(request, api_key=True)
        return _answer({"health": self._service.health()})

    async def _support(self, request: Request) -> Response:
        self._authenticate(request)
        return _answer({"support": self._service.support()})

    async def _get_settings(self, request: Request) -> Response:
        self._authenticate(request)
        return _answer({"settings": {"application": self._service.settings()}})

    async def _change_settings(self, request: Request) -> Response:
        self._authenticate(request)
        self._service.change_settings(await _body(request))
        return _answer({})

    async def _enable_two_step(self, request: Request) -> Response:
        self._authenticate(request)
        self._service.account.set_pin(await _body(request))
        return _answer({})

    async def _disable_two_step(self, request: Request) -> Response:
        self._authenticate(request)
        self._service.account.set_pin(None)
        return _answer({})

    async def _send(self, request: Request) -> Response:
        self._authenticate(request)
        return _answer(self._service.send(await _body(request)), 201)


async def _body(request: Request) -> Json:
    try:
        body = json.loads(await request.body())
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise Refusal(1025, "send a JSON object")
    return body


def _answer(content: Json, status: int = 200) -> Response:
    return JSONResponse({**content, "meta": meta()}, status)


async def _refused(_request: Request, refusal: Exception) -> Response:
    assert isinstance(refusal, Refusal)  # noqa: S101 - registered for this class alone
    return JSONResponse(refusal.body(), refusal.status)


async def _not_found(request: Request, _error: Exception) -> Response:
    refusal = Refusal(1006, f"{request.method} {request.url.path}: this stand-in has no such endpoint")
    return JSONResponse(refusal.body(), refusal.status)
