"""Event hooks: their order, what they see and change; and methods that subclasses override."""

from __future__ import annotations

from typing import Any

import httpx
from tests.differential.cases import Cases
from tests.differential.faces import Face, add_program, add_programs, tell

CASES = Cases()

URL = "https://a.example/"

OK = httpx.Response


def echo(request: httpx.Request) -> httpx.Response:
    return httpx.Response(200, json=[request.method, str(request.url)])


# --- hooks ---


async def hooks_are_called_in_order(face: Face, follow: bool) -> object:
    told: list[Any] = []

    def handler(request: httpx.Request) -> httpx.Response:
        told.append(f"transport {request.url.path}")
        headers = {"location": "/two", "set-cookie": "a=1"} if request.url.path == "/" else {}
        return OK(302 if headers else 200, headers=headers, stream=face.stream([b"body"]))

    def first(request: httpx.Request) -> None:
        request.headers["X-Hook"] = "1"
        told.append(f"first {request.url.path} {request.headers.get('cookie')}")

    def second(request: httpx.Request) -> None:
        told.append(f"second {request.headers['X-Hook']}")

    def response_hook(response: httpx.Response) -> None:
        told.append([response.status_code, response.is_closed, str(response.request.url), response.history])
        told.append([response.next_request, tell_error(response)])

    hooks = {"request": [face.hook(first), face.hook(second)], "response": [face.hook(response_hook)] * 2}
    client = face.client(handler, event_hooks=hooks, follow_redirects=follow)
    return [
        tell(await face.do(client.get, URL)),
        told,
        {name: len(given) for name, given in client.event_hooks.items()},
    ]


def tell_error(response: httpx.Response) -> object:
    try:
        return response.content
    except Exception as exc:
        return type(exc).__name__


add_programs(CASES, hooks_are_called_in_order, [False, True])


async def hook_reads_the_response(face: Face) -> object:
    told: list[Any] = []
    hook = face.hook(lambda response: told.append("hook"))

    async def reading(response: httpx.Response) -> None:
        told.append(await response.aread())

    def reading_sync(response: httpx.Response) -> None:
        told.append(response.read())

    client = face.client(
        lambda request: OK(200, stream=face.stream([b"body"])),
        event_hooks={"response": [reading if face.is_async else reading_sync, hook]},
    )
    response = await face.do(client.get, URL)
    return [told, response.text, response.is_closed]


async def hook_raises_for_status(face: Face) -> object:
    closed: list[str] = []
    client = face.client(
        lambda request: OK(404, stream=face.stream([b"gone"], closed)),
        event_hooks={"response": [face.hook(lambda response: response.raise_for_status())]},
    )
    return [tell(await face.attempt(client.get, URL)), closed]


async def hook_calls_the_client(face: Face) -> object:
    told: list[Any] = []
    client: Any = None

    async def call(request: httpx.Request) -> None:
        if request.url.path != "/token":
            response = await client.get("https://a.example/token")
            request.headers["X-Token"] = response.text

    def call_sync(request: httpx.Request) -> None:
        if request.url.path != "/token":
            request.headers["X-Token"] = client.get("https://a.example/token").text

    def handler(request: httpx.Request) -> httpx.Response:
        told.append([request.url.path, request.headers.get("x-token")])
        return OK(200, text="secret")

    client = face.client(handler, event_hooks={"request": [call if face.is_async else call_sync]})
    return [tell(await face.do(client.get, URL)), told]


async def hooks_changed_later(face: Face) -> object:
    told: list[str] = []
    client = face.client(OK(200))
    seen: list[Any] = [client.event_hooks]
    client.event_hooks["request"].append(face.hook(lambda request: told.append("appended")))
    await face.do(client.get, URL)
    client.event_hooks = {"response": [face.hook(lambda response: told.append("set"))]}
    await face.do(client.get, URL)
    return [seen[0].keys() == {"request", "response"}, told, sorted(client.event_hooks)]


async def hook_of_the_wrong_colour(face: Face) -> object:
    async def hook(request: httpx.Request) -> None:
        raise AssertionError("nobody awaits it")

    def plain(request: httpx.Request) -> None:
        return None

    if not face.is_async:
        coroutine = hook(httpx.Request("GET", URL))
        coroutine.close()
        return "not awaited, as any coroutine"
    return type(await face.attempt(face.client(OK(200), event_hooks={"request": [plain]}).get, URL)).__name__


def hooks_given(event_hooks: Any) -> object:
    client = httpx.Client(event_hooks=event_hooks)
    return client.event_hooks


CASES.table(hooks_given, [None, {}, {"request": []}, {"response": [1]}, {"other": [1]}])

for _program in (
    hook_reads_the_response,
    hook_raises_for_status,
    hook_calls_the_client,
    hooks_changed_later,
    hook_of_the_wrong_colour,
):
    add_program(CASES)(_program)

# --- overriding ---


async def subclass_overrides_send(face: Face) -> object:
    told: list[str] = []
    if face.is_async:

        class Async(httpx.AsyncClient):
            async def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
                told.append(f"send {sorted(options)}")
                return await super().send(request, **options)

            async def request(self, *args: Any, **options: Any) -> httpx.Response:
                told.append(f"request {args}")
                return await super().request(*args, **options)

        client: Any = Async(transport=httpx.MockTransport(echo))
    else:

        class Sync(httpx.Client):
            def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
                told.append(f"send {sorted(options)}")
                return super().send(request, **options)

            def request(self, *args: Any, **options: Any) -> httpx.Response:
                told.append(f"request {args}")
                return super().request(*args, **options)

        client = Sync(transport=httpx.MockTransport(echo))
    await face.do(client.get, URL)
    await face.do(client.post, URL)
    manager = client.stream("GET", URL)
    await face.enter(manager)
    await face.leave(manager)
    return told


async def subclass_overrides_build_request(face: Face) -> object:
    base: Any = httpx.AsyncClient if face.is_async else httpx.Client

    class Own(base):  # type: ignore[misc]  # either client
        def build_request(self, *args: Any, **options: Any) -> httpx.Request:
            request: httpx.Request = super().build_request(*args, **options)
            request.headers["X-Own"] = "1"
            return request

    client = Own(transport=httpx.MockTransport(lambda request: OK(200, text=request.headers.get("x-own", ""))))
    return (await face.do(client.get, URL)).text


for _program in (subclass_overrides_send, subclass_overrides_build_request):
    add_program(CASES)(_program)


async def hook_changes(face: Face, what: str) -> object:
    seen: list[Any] = []

    def change(request: httpx.Request) -> None:
        if what == "url":
            request.url = httpx.URL("https://b.example/changed")
        elif what == "method":
            request.method = "PUT"
        elif what == "headers":
            request.headers = httpx.Headers({"X-Own": "1"})
        elif what == "extensions":
            request.extensions = {"own": 1}
        elif what == "stream":
            request.stream = httpx.ByteStream(b"changed")

    def handler(request: httpx.Request) -> httpx.Response:
        shown = [request.method, str(request.url), request.headers.get("host"), request.content]
        seen.append([*shown, sorted(request.extensions)])
        return OK(200)

    client = face.client(handler, event_hooks={"request": [face.hook(change)]})
    response = await face.attempt(client.post, URL, content=b"body")
    return [tell(response), seen]


add_programs(CASES, hook_changes, ["nothing", "url", "method", "headers", "extensions", "stream"])


async def response_hook_changes(face: Face, what: str) -> object:
    def change(response: httpx.Response) -> None:
        if what == "status":
            response.status_code = 404
        elif what == "headers":
            response.headers["X-Own"] = "1"
        elif what == "location":
            response.headers["Location"] = "/changed"
        elif what == "redirect" and response.request.url.path == "/":
            response.status_code = 302
            response.headers["Location"] = "/changed"
        elif what == "encoding":
            response.encoding = "latin-1"

    def handler(request: httpx.Request) -> httpx.Response:
        return (
            OK(302, headers={"location": "/two"})
            if what == "location" and request.url.path == "/"
            else OK(200, content=b"\xe9")
        )

    client = face.client(handler, event_hooks={"response": [face.hook(change)]}, follow_redirects=True)
    response = await face.attempt(client.get, URL)
    if not isinstance(response, httpx.Response):
        return tell(response)
    return [tell(response), response.text, response.headers.get("x-own")]


add_programs(CASES, response_hook_changes, ["nothing", "status", "headers", "location", "redirect", "encoding"])
