"""Subclasses of clients: which methods and properties are asked, how often, and what an override changes."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import httpx
from tests.differential.cases import Cases
from tests.differential.faces import Face, add_programs, tell
from tests.differential.wire import mask

CASES = Cases()

URL = "https://a.example/"

# What programs override, besides the public methods.
SEAMS = (
    "_build_auth",
    "_build_redirect_request",
    "_build_request_auth",
    "_enforce_trailing_slash",
    "_get_proxy_map",
    "_init_proxy_transport",
    "_init_transport",
    "_merge_cookies",
    "_merge_headers",
    "_merge_queryparams",
    "_merge_url",
    "_redirect_headers",
    "_redirect_method",
    "_redirect_stream",
    "_redirect_url",
    "_send_handling_auth",
    "_send_handling_redirects",
    "_send_single_request",
    "_set_timeout",
    "_transport_for_url",
)
PUBLIC = ("request", "send", "build_request", "stream", "get", "post")


def base(face: Face) -> Any:
    return httpx.AsyncClient if face.is_async else httpx.Client


def noting(function: Callable[..., Any], told: list[Any]) -> Any:
    """Return what does the same, and notes how it is called."""
    name = function.__name__

    def note(args: Any, options: Any) -> None:
        told.append([name, len(args), sorted(options)])

    if inspect.iscoroutinefunction(function):

        async def acall(self: Any, *args: Any, **options: Any) -> Any:
            note(args, options)
            return await function(self, *args, **options)

        return acall

    def call(self: Any, *args: Any, **options: Any) -> Any:
        note(args, options)
        return function(self, *args, **options)

    return call


def answer(request: httpx.Request) -> httpx.Response:
    """Redirect twice, the second time to another origin, and set a cookie on the way."""
    where = {"/": "/two", "/two": "https://b.example/three"}.get(request.url.path)
    fields = {} if where is None else {"location": where, "set-cookie": "a=1; Path=/"}
    return httpx.Response(200 if where is None else 302, headers=fields, json=shown(request))


def shown(request: httpx.Request) -> object:
    fields = {name: mask(value) for name, value in request.headers.items() if name not in ("accept", "user-agent")}
    return [request.method, str(request.url), fields, request.extensions.get("timeout")]


# --- who is asked ---


async def calls_of(face: Face, kind: str, options: dict[str, Any]) -> object:
    """Tell every call of every method, in order, while a client is made and a request is sent."""
    told: list[Any] = []
    methods = {name: noting(getattr(base(face), name), told) for name in (*SEAMS, *PUBLIC)}
    cls = type("Subclass", (base(face),), methods)
    settings: dict[str, Any] = {"transport": httpx.MockTransport(answer), "follow_redirects": True}
    if kind == "auth":
        settings["auth"] = ("user", "secret")
    elif kind == "settings":
        settings |= {"params": {"a": "1"}, "cookies": {"c": "1"}, "headers": {"X-A": "1"}}
    client = cls(**settings)
    told.append("made")
    result = await face.do(client.request, "POST", URL, content=b"x", **options)
    return [told, tell(result)]


add_programs(
    CASES,
    calls_of,
    [
        ("bare", {}),
        ("bare", {"follow_redirects": False}),
        ("bare", {"auth": ("a", "b")}),
        ("bare", {"auth": None}),
        ("bare", {"params": {"b": "2"}, "headers": {"X-B": "2"}, "timeout": 3}),
        ("auth", {}),
        ("auth", {"auth": None}),
        ("settings", {}),
        ("settings", {"params": {"b": "2"}, "headers": {"X-B": "2"}}),
    ],
)


async def call_of_one(face: Face, name: str) -> object:
    """Tell the calls of one method that alone is overridden, so that nothing else makes it be asked."""
    told: list[Any] = []
    cls = type("Subclass", (base(face),), {name: noting(getattr(base(face), name), told)})
    client = cls(transport=httpx.MockTransport(answer), follow_redirects=True)
    made = len(told)
    await face.do(client.get, URL)
    got = len(told)
    await face.do(client.send, httpx.Request("GET", URL), auth=("a", "b"))
    manager = client.stream("GET", URL)
    await face.enter(manager)
    await face.leave(manager)
    return [made, got, told]


add_programs(CASES, call_of_one, [*SEAMS, *PUBLIC])


async def method_replaced_on_the_class(face: Face, name: str) -> object:
    told: list[Any] = []
    cls = base(face)
    original = cls.__dict__.get(name)
    client = face.client(answer, follow_redirects=True)
    setattr(cls, name, noting(getattr(cls, name), told))
    try:
        await face.do(client.get, URL)
    finally:
        if original is None:
            delattr(cls, name)
        else:
            setattr(cls, name, original)
    return told


add_programs(
    CASES, method_replaced_on_the_class, [name for name in (*SEAMS, *PUBLIC) if not name.startswith(("_init", "_get"))]
)


async def property_is_asked(face: Face, name: str, value: Any) -> object:
    """Tell what comes of a property that a subclass computes."""
    asked: list[str] = []

    def compute(self: Any) -> Any:
        asked.append(name)
        return value

    inherited = getattr(base(face), name)
    cls = type("Subclass", (base(face),), {name: property(compute, inherited.fset)})
    client = cls(transport=httpx.MockTransport(answer))
    response = await face.do(client.get, URL)
    second = await face.do(client.get, URL)
    return [bool(asked), response.json(), second.json()]


add_programs(
    CASES,
    property_is_asked,
    [
        ("headers", httpx.Headers({"X-Own": "1"})),
        ("headers", {"X-Own": "1"}),
        ("params", httpx.QueryParams({"own": "1"})),
        ("cookies", httpx.Cookies({"own": "1"})),
        ("timeout", httpx.Timeout(1.5)),
        ("base_url", httpx.URL("https://own.example/base/")),
    ],
)

# --- what an override changes ---


def overrides(face: Face, name: str) -> dict[str, Any]:
    """Return a method that does something else than the one it overrides."""

    def after(function: Callable[..., Any], change: Callable[[Any], Any]) -> Any:
        if inspect.iscoroutinefunction(function):

            async def acall(self: Any, *args: Any, **options: Any) -> Any:
                return change(await function(self, *args, **options))

            return acall
        return lambda self, *args, **options: change(function(self, *args, **options))

    def with_field(headers: Any) -> Any:
        headers = httpx.Headers(headers)
        headers["X-Own"] = "1"
        return headers

    def teapot(response: Any) -> Any:
        response.status_code = 418
        return response

    changes: dict[str, Callable[[Any], Any]] = {
        "_redirect_headers": with_field,
        "_redirect_method": lambda method: "PUT",
        "_redirect_stream": lambda stream: httpx.ByteStream(b"own"),
        "_redirect_url": lambda url: url.copy_with(host="own.example", path="/end"),
        "_build_redirect_request": lambda request: httpx.Request("OWN", "https://own.example/end"),
        "_build_request_auth": lambda auth: httpx.BasicAuth("own", "secret"),
        "_build_auth": lambda auth: auth or httpx.BasicAuth("own", "secret"),
        "_merge_headers": with_field,
        "_merge_headers dict": lambda headers: {"X-Own": "1"},
        "_merge_headers none": lambda headers: None,
        "_merge_cookies": lambda cookies: {"own": "1"},
        "_merge_cookies none": lambda cookies: None,
        "_merge_queryparams": lambda params: {"own": "1"},
        "_merge_queryparams none": lambda params: None,
        "_merge_url": lambda url: url.copy_with(host="own.example"),
        "_merge_url text": lambda url: "https://own.example/",
        "_enforce_trailing_slash": lambda url: httpx.URL("https://own.example/base"),
        "_send_handling_auth": teapot,
        "_send_handling_redirects": teapot,
        "_send_single_request": teapot,
        "send": teapot,
    }
    method = name.partition(" ")[0]
    return {method: after(getattr(base(face), method), changes[name])}


async def override_changes(face: Face, name: str, method: str) -> object:
    cls = type("Subclass", (base(face),), overrides(face, name))
    client = cls(transport=httpx.MockTransport(answer), follow_redirects=True, headers={"Authorization": "token"})
    options: dict[str, Any] = {"content": b"body"} if method == "POST" else {}
    result = await face.attempt(client.request, method, URL, **options)
    return [tell(result), result.json() if isinstance(result, httpx.Response) else None]


add_programs(
    CASES,
    override_changes,
    [
        (name, method)
        for name in (
            "_redirect_headers",
            "_redirect_method",
            "_redirect_url",
            "_build_redirect_request",
            "_build_request_auth",
            "_build_auth",
            "_merge_headers",
            "_merge_headers dict",
            "_merge_headers none",
            "_merge_cookies",
            "_merge_cookies none",
            "_merge_queryparams",
            "_merge_queryparams none",
            "_merge_url",
            "_merge_url text",
            "_enforce_trailing_slash",
            "_send_handling_auth",
            "_send_handling_redirects",
            "_send_single_request",
            "send",
        )
        for method in ("GET", "POST")
    ],
)


async def override_without_its_base(face: Face, name: str) -> object:
    """Tell what comes of a method that answers by itself."""
    closed: list[str] = []

    def respond(request: httpx.Request) -> httpx.Response:
        return httpx.Response(299, stream=face.stream([b"own"], closed), request=request)

    async def arespond(self: Any, request: httpx.Request, *args: Any, **options: Any) -> Any:
        return respond(request)

    def respond_sync(self: Any, request: httpx.Request, *args: Any, **options: Any) -> Any:
        return respond(request)

    cls = type("Subclass", (base(face),), {name: arespond if face.is_async else respond_sync})
    client = cls(transport=httpx.MockTransport(answer))
    plain = await face.attempt(client.get, URL)
    told = [tell(plain), await face.attempt(lambda: plain.text), list(closed)]
    authenticated = await face.attempt(client.get, URL, auth=("a", "b"))
    streamed = await face.attempt(client.send, client.build_request("GET", URL), stream=True)
    return [*told, tell(authenticated), streamed.is_closed, closed]


add_programs(
    CASES,
    override_without_its_base,
    ["_send_handling_auth", "_send_handling_redirects", "_send_single_request", "send"],
)


async def override_raises(face: Face, name: str, kind: str) -> object:
    made: dict[str, BaseException] = {
        "ValueError": ValueError("own"),
        "StopIteration": StopIteration("own"),
        "ReadError": httpx.ReadError("own"),
        "KeyboardInterrupt": KeyboardInterrupt("own"),
    }

    async def afail(self: Any, *args: Any, **options: Any) -> Any:
        raise made[kind]

    def fail(self: Any, *args: Any, **options: Any) -> Any:
        raise made[kind]

    is_coroutine = inspect.iscoroutinefunction(getattr(base(face), name))
    cls = type("Subclass", (base(face),), {name: afail if is_coroutine else fail})
    closed: list[str] = []
    client = cls(
        transport=face.transport(
            lambda request: httpx.Response(302, headers={"location": "/two"}, stream=face.stream([b"x"], closed))
        ),
        follow_redirects=True,
    )
    told = tell(await face.attempt(client.get, URL))
    # The text of a RuntimeError that stands for StopIteration is Python's own.
    return [told[:2] if kind == "StopIteration" and face.is_async else told, closed]


add_programs(
    CASES,
    override_raises,
    [
        (name, kind)
        for name in (
            "_redirect_headers",
            "_redirect_url",
            "_send_handling_auth",
            "_send_handling_redirects",
            "_send_single_request",
            "_set_timeout",
            "_build_request_auth",
            "_transport_for_url",
        )
        for kind in ("ValueError", "StopIteration", "ReadError", "KeyboardInterrupt")
    ],
)


# --- timeouts of requests that the client did not build ---


async def timeout_of_a_request(face: Face, extensions: Any, timeout: Any) -> object:
    request = httpx.Request("GET", URL, extensions=extensions)
    client = face.client(answer, timeout=timeout)
    response = await face.do(client.send, request)
    again = await face.do(client.send, request)
    return [request.extensions, response.json(), again.json()]


add_programs(
    CASES,
    timeout_of_a_request,
    [
        (None, httpx.Timeout(5)),
        (None, None),
        (None, httpx.Timeout(1, read=None)),
        ({"own": 1}, 3),
        ({"timeout": {"read": 9}}, 3),
        ({"timeout": {}}, 3),
        ({"timeout": None}, 3),
    ],
)


async def timeout_of_requests_of_an_auth_flow(face: Face) -> object:
    """Tell which of the requests that a flow makes itself have a timeout."""
    seen: list[Any] = []

    class Flow(httpx.Auth):
        def auth_flow(self, request: httpx.Request) -> Any:
            response = yield httpx.Request("POST", "https://a.example/token")
            request.headers["X-Token"] = str(response.status_code)
            yield request

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append([str(request.url), request.extensions])
        return httpx.Response(200)

    await face.do(face.client(handler).get, URL, auth=Flow())
    return seen


add_programs(CASES, timeout_of_requests_of_an_auth_flow, [()])
