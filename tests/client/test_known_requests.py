"""What a client asks for again and again is put together once, and nobody can tell."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

import httpx
from httpx._client_base import MAX_KNOWN_REQUESTS
from httpx._drive import drive
from httpx._pool import Pool
from httpx._protocols.h2 import request_fields

URL = "http://example.org/"


class Forgetful(httpx.Client):
    """A client that knows no requests, since it has a method of its own to merge URLs."""

    def _merge_url(self, url: httpx.URL | str) -> httpx.URL:
        return super()._merge_url(url)


def is_known(client: httpx.Client, url: str = URL, content: bytes | None = None) -> bool:
    method = "GET" if content is None else "POST"
    return client.build_request(method, url, content=content)._known is not None


class Wire:
    """The pool of a client, with one connection that takes whatever is sent and notes it."""

    def __init__(self, *, http2: bool) -> None:
        transport = httpx.HTTPTransport(http2=http2, http1=not http2)
        self.is_shared = http2
        self.sent: list[tuple[object, ...]] = []
        self.pool: Pool = transport._pool
        self.pool._take_idle = self._take  # type: ignore[method-assign]

    def send(self, request: httpx.Request) -> tuple[object, ...]:
        """Return along which route a request goes, and what goes over the wire."""
        drive(self.pool.send(request))
        return self.sent.pop()

    def _take(self, route: object, request: httpx.Request, now: float) -> Any:
        self._route = route
        return self

    async def exchange(self, request: httpx.Request, head: Any, framing: object = None) -> httpx.Response:
        self.sent.append((self._route, *head[:2], framing) if self.is_shared else (self._route, head, framing))
        return httpx.Response(200)


def looks(request: httpx.Request, wire: Wire) -> tuple[object, ...]:
    """All that is to be seen of a request, and what a protocol makes of it."""
    parts = (request.method, request.url, request.headers.raw, request.headers.encoding, dict(request.extensions))
    return (*parts, request.content, b"".join(request.stream), wire.send(request))  # type: ignore[arg-type]  # all sync


@pytest.fixture(params=["HTTP/1.1", "HTTP/2"])
def wire(request: pytest.FixtureRequest) -> Wire:
    return Wire(http2=request.param == "HTTP/2")


@pytest.fixture
def client(wire: Wire) -> httpx.Client:
    """A client that knows a request, which the wire has seen."""
    client = httpx.Client()
    assert [is_known(client) for _ in range(4)] == [False, False, True, True]
    assert looks(client.build_request("GET", URL), wire) == looks(Forgetful().build_request("GET", URL), wire)
    return client


def test_one_request_is_not_the_other(client: httpx.Client, wire: Wire) -> None:
    first, second = client.build_request("GET", URL), client.build_request("GET", URL)
    first.headers["X-Own"] = "1"
    first.extensions["timeout"]["read"] = 1
    assert "X-Own" not in second.headers
    assert "x-own" in str(wire.send(first)).lower()
    assert "x-own" not in str(wire.send(second)).lower()
    assert second.extensions == client.build_request("GET", URL).extensions != first.extensions


CHANGES: dict[str, Any] = {
    "a header": lambda request: request.headers.update({"X": "1"}),
    "a header set": lambda request: request.headers.__setitem__("Accept", "text/plain"),
    "a header deleted": lambda request: request.headers.__delitem__("Accept"),
    "no headers but Host": lambda request: (request.headers.clear(), request.headers.update({"Host": "a"})),
    "other headers": lambda request: setattr(request, "headers", httpx.Headers({"Host": "other"})),
    "another URL": lambda request: setattr(request, "url", httpx.URL("http://example.org/other")),
    "another method": lambda request: setattr(request, "method", "DELETE"),
    "a target": lambda request: request.extensions.update({"target": b"*"}),
    "a target for timeouts": lambda request: (request.extensions.clear(), request.extensions.update(target=b"*")),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("was_sent", [False, True])
def test_a_request_that_is_changed_is_sent_as_it_is(
    client: httpx.Client, wire: Wire, change: str, was_sent: bool
) -> None:
    request, twin = client.build_request("GET", URL), Forgetful().build_request("GET", URL)
    if was_sent:
        assert looks(request, wire) == looks(twin, wire)
    before = looks(client.build_request("GET", URL), wire)
    for one in (request, twin):
        CHANGES[change](one)
    assert looks(request, wire) == looks(twin, wire) != before
    assert looks(client.build_request("GET", URL), wire) == before


SETTINGS: dict[str, Callable[[httpx.Client], object]] = {
    "a header": lambda client: client.headers.update({"X": "1"}),
    "a header deleted": lambda client: client.headers.__delitem__("Accept"),
    "headers": lambda client: setattr(client, "headers", {"X": "1"}),
    "a cookie": lambda client: client.cookies.set("a", "1"),
    "cookies": lambda client: setattr(client, "cookies", {"a": "1"}),
    "params": lambda client: setattr(client, "params", {"a": "1"}),
    "timeout": lambda client: setattr(client, "timeout", 1),
    "one timeout": lambda client: setattr(client.timeout, "read", 1),
}


@pytest.mark.parametrize("setting", SETTINGS)
def test_a_client_that_is_changed_makes_other_requests(client: httpx.Client, wire: Wire, setting: str) -> None:
    twin = Forgetful()
    before = looks(client.build_request("GET", URL), wire)
    for one in (client, twin):
        SETTINGS[setting](one)
    for _ in range(4):
        request = client.build_request("GET", URL)
        assert looks(request, wire) == looks(twin.build_request("GET", URL), wire) != before


def test_another_base_takes_relative_urls_elsewhere(wire: Wire) -> None:
    client = httpx.Client(base_url="http://one.example")
    for base_url in ("http://one.example", "http://two.example/v2", "http://one.example"):
        client.base_url = httpx.URL(base_url)
        for _ in range(4):
            twin = Forgetful(base_url=base_url).build_request("GET", "/a")
            assert looks(client.build_request("GET", "/a"), wire) == looks(twin, wire)
        assert is_known(client, "/a")


@pytest.mark.parametrize(
    "options",
    [
        {"headers": {}},
        {"params": {}},
        {"cookies": {}},
        {"content": b""},
        {"timeout": 5},
        {"extensions": {}},
        {"url": httpx.URL(URL)},
        {"method": "POST"},
        {"content": "text"},
        {"content": iter([b"part"])},
        {"data": {"a": "1"}},
        {"json": 1},
        {"files": {"a": b"1"}},
    ],
    ids=lambda options: next(iter(options)),
)
def test_what_brings_something_of_its_own_is_not_known(client: httpx.Client, options: dict[str, Any]) -> None:
    given = {"method": "GET", "url": URL, **options}
    requests = [client.build_request(**given) for _ in range(4)]
    # Another method is from the second time on.
    assert [request._known is not None for request in requests] == [False, False, *[given["method"] == "POST"] * 2]


@pytest.mark.parametrize(
    "options",
    [
        {"headers": {"Content-Type": "a/b"}},
        {"data": {"a": "1"}},
        {"json": {"a": "1"}},
        {"files": {"a": b"1"}},
        {"timeout": 5},
        {"url": httpx.URL(URL)},
        {"content": "1234"},
        {"content": bytearray(b"1234")},
        {"content": iter([b"1234"])},
        {"content": b""},
        {"content": b"12345"},
        {"content": None},
    ],
    ids=lambda options: f"{next(iter(options))} {type(next(iter(options.values()))).__name__}",
)
def test_what_brings_more_than_a_body_of_that_size_is_not_known(options: dict[str, Any]) -> None:
    client, twin = httpx.Client(), Forgetful()
    assert [is_known(client, content=b"1234") for _ in range(3)] == [False, False, True]
    given = {"method": "POST", "url": URL, "content": b"1234", **options}
    request = client.build_request(**given)
    assert request._known is None
    if "iterator" not in type(given["content"]).__name__ and "files" not in given:
        expected = twin.build_request(**given)
        assert (request.headers.raw, request.content) == (expected.headers.raw, expected.content)


def test_requests_with_bodies_are_known_by_their_size(wire: Wire) -> None:
    client, twin = httpx.Client(), Forgetful()
    for number, content in enumerate([b"one", b"two", b"three", b"six", b"seven", b"ten"]):
        request, expected = (one.build_request("POST", URL, content=content) for one in (client, twin))
        assert (request._known is not None) is (number in (3, 5))
        assert request.headers["Content-Length"] == str(len(content))
        assert looks(request, wire) == looks(expected, wire)


BODY_CHANGES: dict[str, Any] = {
    **CHANGES,
    "a length": lambda request: request.headers.update({"Content-Length": "3"}),
    "no length": lambda request: request.headers.__delitem__("Content-Length"),
    "chunks": lambda request: (
        request.headers.__delitem__("Content-Length"),
        request.headers.update({"Transfer-Encoding": "chunked"}),
    ),
}


@pytest.mark.parametrize("change", BODY_CHANGES)
def test_a_request_with_a_body_that_is_changed_is_sent_as_it_is(wire: Wire, change: str) -> None:
    client, twin = httpx.Client(), Forgetful()
    assert [is_known(client, content=b"1234") for _ in range(3)] == [False, False, True]
    # One that was sent before, so that the wire knows it.
    before = looks(client.build_request("POST", URL, content=b"1234"), wire)
    request, expected = (one.build_request("POST", URL, content=b"1234") for one in (client, twin))
    assert looks(request, wire) == looks(expected, wire) == before
    for one in (request, expected):
        BODY_CHANGES[change](one)
    assert looks(request, wire) == looks(expected, wire) != before


def test_urls_that_may_hold_a_secret_are_not_known() -> None:
    client = httpx.Client()
    for url in ("http://example.org/?key=1", "http://example.org/#key", "http://user:password@example.org/"):
        assert not any(is_known(client, url) for _ in range(4))


def test_a_known_request_is_made_for_the_wire_once_by_each_pool(client: httpx.Client, wire: Wire) -> None:
    other = Wire(http2=not wire.is_shared)
    first, *others = (wire.send(client.build_request("GET", URL))[1] for _ in range(3))
    assert all(sent is first for sent in others)
    for _ in range(2):
        for one in (other, wire):
            expected = one.send(Forgetful().build_request("GET", URL))
            assert one.send(client.build_request("GET", URL)) == expected


def test_what_goes_to_a_proxy_is_made_anew() -> None:
    client = httpx.Client()
    transport = httpx.HTTPTransport(proxy=httpx.Proxy("http://proxy.example", auth=("user", "password")))
    wire = Wire(http2=False)
    transport._pool._take_idle = wire._take  # type: ignore[method-assign]
    wire.pool = transport._pool
    sent = [wire.send(client.build_request("GET", URL)) for _ in range(4)]
    assert "Proxy-Authorization" in str(sent[0])
    assert all(one == sent[0] and one[1] is not sent[0][1] for one in sent[1:])
    assert client.build_request("GET", URL)._known.plan is None  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "change",
    [
        lambda client: client.headers.update({"Authorization": "new"}),
        lambda client: client.headers.__setitem__("X-New", "new"),
        lambda client: setattr(client, "headers", {"X-New": "new"}),
        lambda client: setattr(client, "base_url", "http://new.example"),
        lambda client: setattr(client, "params", {"new": "1"}),
    ],
)
def test_what_another_thread_changes_while_a_request_is_made_counts_for_the_next(
    monkeypatch: pytest.MonkeyPatch, change: Callable[[httpx.Client], None]
) -> None:
    client = httpx.Client(base_url="http://old.example", headers={"Authorization": "old"})
    client.build_request("GET", "/a")
    make = httpx.Request._from_client

    def make_slowly(*args: Any) -> httpx.Request:
        request = make(*args)
        change(client)
        return request

    monkeypatch.setattr(httpx.Request, "_from_client", make_slowly)
    client.build_request("GET", "/a")
    monkeypatch.undo()
    twin = Forgetful(base_url="http://old.example", headers={"Authorization": "old"})
    change(twin)
    expected = twin.build_request("GET", "/a")
    for _ in range(4):
        request = client.build_request("GET", "/a")
        assert (request.url, request.headers.raw) == (expected.url, expected.headers.raw)
    # Threads that set two headers of a client at once work on the same list.
    assert not client.headers._is_shared


def test_a_copy_of_a_client_goes_its_own_way() -> None:
    first = httpx.Client(base_url="http://one.example")
    second = copy.copy(first)
    second.base_url = httpx.URL("http://two.example")
    second.params = httpx.QueryParams({"a": "2"})
    for _ in range(4):
        assert str(first.build_request("GET", "/a").url) == "http://one.example/a"
        assert str(second.build_request("GET", "/a").url) == "http://two.example/a?a=2"


def test_nothing_is_kept_that_may_be_a_secret() -> None:
    client, wire = httpx.Client(), Wire(http2=True)
    secrets = ["https://a.example/?code=secret", "https://user:secret@a.example/", "https://a.example/#secret"]
    for url in (*secrets, "https://a.example/" + 2000 * "long"):
        for _ in range(3):
            wire.send(client.build_request("GET", url))
    assert client._known_requests == {}
    kept = [head for known in request_fields._known.values() for head in known.heads]
    assert not [head for head in kept if b"secret" in head[2] or len(head[2]) > 1024]


def test_only_so_many_are_known(client: httpx.Client) -> None:
    for number in range(2 * MAX_KNOWN_REQUESTS):
        for _ in range(2):
            client.build_request("GET", f"http://example.org/{number}")
        assert len(client._known_requests) <= MAX_KNOWN_REQUESTS
    assert not is_known(client)


def test_a_known_request_is_pickled_and_sent_again(client: httpx.Client) -> None:
    request = client.build_request("GET", URL)
    copy = pickle.loads(pickle.dumps(request))
    assert (copy._known, copy.method, copy.url, copy.headers) == (None, "GET", request.url, request.headers)
    copy.headers["X"] = "1"
    assert "X" not in request.headers
    transport = httpx.MockTransport(lambda request: httpx.Response(200, json=dict(request.headers)))
    with httpx.Client(transport=transport, event_hooks={"request": [sign]}) as signing:
        for number in range(4):
            assert signing.get(URL).json()["x-number"] == "1", number
        request = signing.build_request("GET", URL)
        assert [signing.send(request).json()["x-number"] for _ in range(3)] == ["1", "2", "3"]


def sign(request: httpx.Request) -> None:
    request.headers["X-Number"] = str(int(request.headers.get("X-Number", 0)) + 1)


class Twins(RuleBasedStateMachine):
    """Whatever becomes of a client and of its requests, it makes those that a client makes that knows none."""

    def __init__(self) -> None:
        super().__init__()
        self.client, self.twin = httpx.Client(), Forgetful()
        self.wire = Wire(http2=False)
        self.requests: list[tuple[httpx.Request, httpx.Request]] = []

    @rule(
        method=st.sampled_from(["GET", "get", "POST"]),
        url=st.sampled_from([URL, "/relative", "relative", "https://example.org/a", "//host", "http://a:81/"]),
        content=st.sampled_from([None, b"", b"one", b"two", b"three", "text"]),
        is_sent=st.booleans(),
    )
    def build(self, method: str, url: str, content: bytes | str | None, is_sent: bool) -> None:
        for _ in range(3):
            pair = (
                self.client.build_request(method, url, content=content),
                self.twin.build_request(method, url, content=content),
            )
            self.requests.append(pair)
            if is_sent and pair[0].url.host:
                assert looks(pair[0], self.wire) == looks(pair[1], self.wire)
            assert pair[0].headers.raw == pair[1].headers.raw
            assert pair[0].url == pair[1].url

    @rule(name=st.sampled_from(["X-A", "accept", "User-Agent", "Host"]), value=st.sampled_from(["1", "2", None]))
    def change_client_header(self, name: str, value: str | None) -> None:
        for client in (self.client, self.twin):
            if value is not None:
                client.headers[name] = value
            elif name in client.headers:
                del client.headers[name]

    @rule(base_url=st.sampled_from(["", "http://base.example/v1", "https://other.example"]))
    def change_base_url(self, base_url: str) -> None:
        self.client.base_url = self.twin.base_url = base_url

    @rule(
        change=st.sampled_from(["headers", "cookies", "cookie", "timeout", "params", "encoding"]),
        number=st.integers(0, 2),
    )
    def change_setting(self, change: str, number: int) -> None:
        for client in (self.client, self.twin):
            if change == "headers":
                client.headers = {"X-Number": str(number)}
            elif change == "cookies":
                client.cookies = {"number": str(number)} if number else {}
            elif change == "cookie":
                client.cookies.set("one", str(number))
            elif change == "timeout":
                client.timeout = number
            elif change == "params":
                client.params = {"number": number} if number else {}
            else:
                client.headers.encoding = ["ascii", "utf-8", "iso-8859-1"][number]

    @rule(data=st.data(), change=st.sampled_from(list(CHANGES)))
    def change_request(self, data: st.DataObject, change: str) -> None:
        if self.requests:
            for request in data.draw(st.sampled_from(self.requests)):
                if "deleted" not in change or "Accept" in request.headers:
                    CHANGES[change](request)

    @rule()
    def compare(self) -> None:
        for request, twin in self.requests:
            assert request.headers.raw == twin.headers.raw
            assert (request.method, request.url, request.extensions) == (twin.method, twin.url, twin.extensions)


TestTwins = Twins.TestCase
TestTwins.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
