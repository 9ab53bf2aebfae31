"""Authentication flows, by hand and through both clients; digests by the RFCs' examples and a server that checks."""

from __future__ import annotations

import asyncio
import copy
import hashlib
import pickle
import re
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
import trio

import httpx
from httpx._protocols.challenges import Challenge, choose_digest, next_nonce, parse_challenges

Handler = Callable[[httpx.Request], httpx.Response]
Send = Callable[..., httpx.Response]

URL = "https://www.example.org/dir/index.html?q=1"


@pytest.fixture(params=["sync", "asyncio", "trio"])
def send(request: pytest.FixtureRequest) -> Send:
    """Return what sends one request to a handler, through one of the clients."""

    def send_sync(handler: Handler, method: str, url: str, settings: dict[str, Any], arguments: Any) -> httpx.Response:
        with httpx.Client(transport=httpx.MockTransport(handler), **settings) as client:
            return client.request(method, url, **arguments)

    async def send_async(
        handler: Handler, method: str, url: str, settings: dict[str, Any], arguments: Any
    ) -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.MockTransport(handler), **settings) as client:
            return await client.request(method, url, **arguments)

    def send(
        handler: Handler,
        url: str = URL,
        method: str = "GET",
        settings: dict[str, Any] | None = None,
        **arguments: Any,
    ) -> httpx.Response:
        parameters = (handler, method, url, settings or {}, arguments)
        if request.param == "sync":
            return send_sync(*parameters)
        if request.param == "asyncio":
            return asyncio.run(send_async(*parameters))
        return trio.run(send_async, *parameters)

    send.colour = request.param  # type: ignore[attr-defined]  # for bodies, which have a colour
    return send


class DigestServer:
    """Check digests, by the formulas of RFC 7616, and challenge whoever brings none."""

    def __init__(
        self,
        algorithm: str | None = "MD5",
        qop: str | None = "auth",
        *,
        username: str = "jo",
        password: str = "secret",
        realm: bytes = b"a realm",
        extra: str = "",
    ) -> None:
        self.algorithm = algorithm
        self.qop = qop
        self.username = username.encode()
        self.password = password.encode()
        self.realm = realm
        self.extra = extra
        self.nonce_number = 1
        self.uses: set[bytes] = set()
        self.statuses: list[int] = []
        self.authorizations: list[str | None] = []
        self.answers: list[dict[str, bytes]] = []
        self.next_nonce = False

    @property
    def nonce(self) -> bytes:
        return b"nonce-%d/+=" % self.nonce_number

    @property
    def challenge(self) -> str:
        realm = re.sub(r'(["\\])', r"\\\1", self.realm.decode())
        parts = [f'Digest realm="{realm}"', f'nonce="{self.nonce.decode()}"', 'opaque="o p"']
        if self.algorithm is not None:
            parts.append(f"algorithm={self.algorithm}")
        if self.qop is not None:
            parts.append(f'qop="{self.qop}"')
        return ", ".join(parts) + self.extra

    def __call__(self, request: httpx.Request) -> httpx.Response:
        response = self.respond(request)
        self.statuses.append(response.status_code)
        self.authorizations.append(request.headers.get("authorization"))
        return response

    def respond(self, request: httpx.Request) -> httpx.Response:
        value = dict(request.headers.raw).get(b"Authorization")
        if value is None:
            return self.refuse()
        answer = {
            name.decode(): quoted.replace(rb"\"", b'"').replace(rb"\\", b"\\") or token
            for name, quoted, token in re.findall(rb'([\w*]+)=(?:"((?:[^"\\]|\\.)*)"|([^",]+))', value)
        }
        self.answers.append(answer)
        if answer["nonce"] != self.nonce:
            return self.refuse(", stale=TRUE")
        if answer["response"] != self.expect(answer, request):
            return self.refuse()
        if "nc" in answer:
            assert answer["nc"] not in self.uses, "a nonce count is used once"
            self.uses.add(answer["nc"])
        if self.next_nonce:
            self.renew()
            return httpx.Response(200, headers={"Authentication-Info": f'qop=auth, nextnonce="{self.nonce.decode()}"'})
        return httpx.Response(200)

    def refuse(self, more: str = "") -> httpx.Response:
        return httpx.Response(401, headers={"WWW-Authenticate": self.challenge + more})

    def renew(self) -> None:
        self.nonce_number += 1
        self.uses.clear()

    def expect(self, answer: dict[str, bytes], request: httpx.Request) -> bytes:
        algorithm = (self.algorithm or "MD5").upper()
        name = {"SHA": "sha1", "SHA-512-256": "sha512_256"}.get(
            algorithm.removesuffix("-SESS"), algorithm.removesuffix("-SESS").replace("-", "").lower()
        )

        def digest(*parts: bytes) -> bytes:
            return hashlib.new(name, b":".join(parts)).hexdigest().encode()

        assert answer["uri"] == request.url.raw_path
        assert answer["realm"] == self.realm
        assert answer["opaque"] == b"o p"
        secret = digest(self.username, self.realm, self.password)
        if algorithm.endswith("-SESS"):
            secret = digest(secret, answer["nonce"], answer["cnonce"])
        message = [request.method.encode(), answer["uri"]]
        if answer.get("qop") == b"auth-int":
            message.append(digest(request.content))
        if self.qop is None:
            assert "nc" not in answer and "qop" not in answer
            return digest(secret, answer["nonce"], digest(*message))
        return digest(secret, answer["nonce"], answer["nc"], answer["cnonce"], answer["qop"], digest(*message))


# Schemes without a challenge.


@pytest.mark.parametrize(
    ("username", "password", "expected"),
    [
        ("Aladdin", "open sesame", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),  # RFC 7617 2
        ("test", "123£", "Basic dGVzdDoxMjPCow=="),  # RFC 7617 2.1
        (b"test", b"123\xc2\xa3", "Basic dGVzdDoxMjPCow=="),
        (b"\xff", "", "Basic /zo="),
        ("", "", "Basic Og=="),
    ],
)
def test_basic_auth_encodes_text_as_utf8_and_bytes_as_they_are(
    username: str | bytes, password: str | bytes, expected: str
) -> None:
    request = httpx.Request("GET", URL)
    assert list(httpx.BasicAuth(username, password).auth_flow(request)) == [request]
    assert request.headers["Authorization"] == expected


def test_basic_auth_replaces_an_authorization_field(send: Send) -> None:
    response = send(lambda _: httpx.Response(200), auth=("jo", "secret"), headers={"Authorization": "Other"})
    assert response.request.headers.get_list("Authorization") == ["Basic am86c2VjcmV0"]


def test_userinfo_of_the_url_is_basic_auth(send: Send) -> None:
    response = send(lambda _: httpx.Response(200), "https://jo:se%63ret@www.example.org/")
    assert response.request.headers["Authorization"] == "Basic am86c2VjcmV0"


def test_auth_of_a_request_wins_over_the_clients_and_the_urls(send: Send) -> None:
    settings = {"auth": ("client", "c")}
    response = send(lambda _: httpx.Response(200), "https://url:u@a.example/", settings=settings, auth=("jo", "secret"))
    assert response.request.headers["Authorization"] == "Basic am86c2VjcmV0"
    response = send(lambda _: httpx.Response(200), "https://a.example/", settings=settings, auth=None)
    assert "Authorization" not in response.request.headers


def test_function_auth_sends_what_the_function_returns(send: Send) -> None:
    def sign(request: httpx.Request) -> httpx.Request:
        return httpx.Request("GET", "https://other.example/", headers={"X-Signature": request.method})

    for auth in (sign, httpx.FunctionAuth(sign)):
        response = send(lambda _: httpx.Response(200), auth=auth, method="PUT")
        assert response.url == "https://other.example/"
        assert response.request.headers["X-Signature"] == "PUT"


NETRC = """
machine www.example.org login jo password secret
machine userinfo.example login wrong password wrong
machine nopassword.example login jo
"""


def write_netrc(directory: Path, text: str) -> str:
    path = directory / "netrc"
    path.write_text(text)
    return str(path)


def test_netrc_auth_looks_up_the_host_of_the_url(tmp_path: Path, send: Send) -> None:
    auth = httpx.NetRCAuth(write_netrc(tmp_path, NETRC))
    response = send(lambda _: httpx.Response(200), auth=auth)
    assert response.request.headers["Authorization"] == "Basic am86c2VjcmV0"
    # What stands before the "@" is no host, however much it looks like one.
    for url in (
        "https://userinfo.example@other.example/",
        "https://userinfo.example:x@other.example/",
        URL[:-1] + "#@",
    ):
        request = httpx.Request("GET", url.replace("www.example.org", "other.example"))
        next(auth.auth_flow(request))
        assert "Authorization" not in request.headers


def test_netrc_auth_without_a_password_sends_nothing(tmp_path: Path) -> None:
    auth = httpx.NetRCAuth(write_netrc(tmp_path, NETRC))
    request = httpx.Request("GET", "https://nopassword.example/")
    next(auth.auth_flow(request))
    assert "Authorization" not in request.headers


def test_netrc_auth_uses_the_default_entry(tmp_path: Path) -> None:
    auth = httpx.NetRCAuth(write_netrc(tmp_path, NETRC + "default login jo password secret\n"))
    request = httpx.Request("GET", "https://other.example/")
    next(auth.auth_flow(request))
    assert request.headers["Authorization"] == "Basic am86c2VjcmV0"


def test_netrc_auth_fails_at_once_without_its_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        httpx.NetRCAuth(str(tmp_path / "missing"))


# Schemes of users.


class RepeatAuth(httpx.Auth):
    """Sends the request as often as it was told, with what the last response said."""

    requires_request_body = True
    requires_response_body = True

    def __init__(self, times: int) -> None:
        self.times = times
        self.is_closed = False

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        try:
            request.headers["X-Size"] = str(len(request.content))
            for _ in range(self.times):
                response = yield request
                request.headers["X-Token"] = response.text
            yield request
        finally:
            self.is_closed = True


def make_body(send: Send, parts: list[bytes]) -> Iterator[bytes] | AsyncIterator[bytes]:
    async def stream() -> AsyncIterator[bytes]:
        for part in parts:
            yield part

    return iter(parts) if send.colour == "sync" else stream()  # type: ignore[attr-defined]  # see the fixture


def test_auth_flow_sees_the_bodies_that_it_requires(send: Send) -> None:
    tokens: list[tuple[bytes, str | None, str | None]] = []

    def handler(request: httpx.Request) -> httpx.Response:
        tokens.append((request.content, request.headers["X-Size"], request.headers.get("X-Token")))
        return httpx.Response(200, content=f"token {len(tokens)}".encode())

    auth = RepeatAuth(2)
    response = send(handler, method="POST", content=make_body(send, [b"ab", b"c"]), auth=auth)
    assert response.text == "token 3"
    assert [answer.text for answer in response.history] == ["token 1", "token 2"]
    assert tokens == [(b"abc", "3", None), (b"abc", "3", "token 1"), (b"abc", "3", "token 2")]
    assert auth.is_closed


def test_auth_flow_is_closed_when_the_request_fails(send: Send) -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("no way")

    auth = RepeatAuth(2)
    with pytest.raises(httpx.ConnectError):
        send(handler, auth=auth)
    assert auth.is_closed


def test_scheme_may_override_the_flow_of_each_client(send: Send) -> None:
    class LockedAuth(httpx.Auth):
        def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
            request.headers["X-Colour"] = "sync"
            yield request

        async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
            request.headers["X-Colour"] = "async"
            yield request

    response = send(lambda _: httpx.Response(200), auth=LockedAuth())
    assert response.request.headers["X-Colour"] == ("sync" if send.colour == "sync" else "async")  # type: ignore[attr-defined]  # see the fixture


def test_base_class_sends_the_request_unchanged(send: Send) -> None:
    assert "Authorization" not in send(lambda _: httpx.Response(200), auth=httpx.Auth()).request.headers


# Digest: the examples of the RFCs.

RFC_2617 = {
    "challenge": 'Digest realm="testrealm@host.com", qop="auth,auth-int", '
    'nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque="5ccc069c403ebaf9f0171e9517f40e41"',
    "password": "Circle Of Life",
    "cnonce": "0a4f113b",
    "response": "6629fae49393a05397450978507c4ef1",
}
RFC_7616_MD5 = {
    "challenge": 'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=MD5, '
    'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"',
    "password": "Circle of Life",
    "cnonce": "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
    "response": "8ca523f5e9506fed4657c9700eebdbec",
}
RFC_7616_SHA_256 = {
    **RFC_7616_MD5,
    "challenge": RFC_7616_MD5["challenge"].replace("MD5", "SHA-256"),
    "response": "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
}


def answer_challenges(auth: httpx.DigestAuth, *challenges: str, url: str = URL, method: str = "GET") -> httpx.Request:
    """Return the request that answers challenges, walking through the flow by hand."""
    request = httpx.Request(method, url)
    flow = auth.auth_flow(request)
    assert "Authorization" not in next(flow).headers
    return flow.send(httpx.Response(401, headers=[("WWW-Authenticate", challenge) for challenge in challenges]))


@pytest.mark.parametrize(
    "example", [RFC_2617, RFC_7616_MD5, RFC_7616_SHA_256], ids=["2617", "7616-MD5", "7616-SHA-256"]
)
def test_digest_of_the_rfcs_examples(example: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    auth = httpx.DigestAuth("Mufasa", example["password"])
    monkeypatch.setattr(auth, "_get_client_nonce", lambda count, nonce: example["cnonce"].encode())
    request = answer_challenges(auth, example["challenge"], url="http://www.example.org/dir/index.html")
    assert f'response="{example["response"]}"' in request.headers["Authorization"]


def test_digest_sends_its_parameters_as_the_rfc_quotes_them(monkeypatch: pytest.MonkeyPatch) -> None:
    auth = httpx.DigestAuth("Mufasa", RFC_7616_MD5["password"])
    monkeypatch.setattr(auth, "_get_client_nonce", lambda count, nonce: b"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ")
    request = answer_challenges(auth, RFC_7616_MD5["challenge"], url="http://www.example.org/dir/index.html")
    assert request.headers["Authorization"] == (
        'Digest username="Mufasa", realm="http-auth@example.org", '
        'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", uri="/dir/index.html", '
        'response="8ca523f5e9506fed4657c9700eebdbec", algorithm=MD5, '
        'opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS", qop=auth, nc=00000001, '
        'cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"'
    )


def test_digest_hashes_the_username_where_it_is_asked_to() -> None:
    challenge = 'Digest realm="api@example.org", qop="auth", algorithm=SHA-256, nonce="n", charset=UTF-8, userhash=true'
    request = answer_challenges(httpx.DigestAuth("Jäsøn Doe", "Secret, or not?"), challenge)
    hashed = hashlib.sha256("Jäsøn Doe:api@example.org".encode()).hexdigest()
    assert f'username="{hashed}"' in request.headers["Authorization"]
    assert request.headers["Authorization"].endswith(", userhash=true")


def test_digest_writes_other_usernames_than_ascii_as_the_server_understands_them() -> None:
    request = answer_challenges(httpx.DigestAuth("Jäsøn", "x"), 'Digest realm="r", nonce="n", charset=UTF-8')
    assert request.headers["Authorization"].startswith("Digest username*=UTF-8''J%C3%A4s%C3%B8n, realm=")
    request = answer_challenges(httpx.DigestAuth("Jäsøn", "x"), 'Digest realm="r", nonce="n"')
    assert dict(request.headers.raw)[b"Authorization"].startswith('Digest username="Jäsøn", realm='.encode())


def test_digest_escapes_what_it_quotes() -> None:
    request = answer_challenges(httpx.DigestAuth('j"o\\', "x"), 'Digest realm="a \\"b\\" \\\\c", nonce="n, m"')
    assert request.headers["Authorization"].startswith(
        'Digest username="j\\"o\\\\", realm="a \\"b\\" \\\\c", nonce="n, m", uri='
    )


# Digest: against a server that checks.

ALGORITHMS = ["MD5", "SHA", "SHA-256", "SHA-512", "SHA-512-256"]
if "sha512_256" not in hashlib.algorithms_available:
    ALGORITHMS.remove("SHA-512-256")


@pytest.mark.parametrize("qop", ["auth", "auth-int", "auth-int, auth", None])
@pytest.mark.parametrize("algorithm", [None, *ALGORITHMS, *[f"{name}-sess" for name in ALGORITHMS], "sha-256-SESS"])
def test_digest_is_accepted_in_every_mode(send: Send, algorithm: str | None, qop: str | None) -> None:
    server = DigestServer(algorithm, qop, realm=b'the "realm"')
    auth = httpx.DigestAuth("jo", "secret")
    for _ in range(3):
        response = send(server, method="POST", content=b"body", auth=auth)
        assert response.status_code == 200
    # One challenge for all of them.
    assert server.statuses == [401, 200, 200, 200]
    if qop is not None:
        assert [answer["nc"] for answer in server.answers] == [b"00000001", b"00000002", b"00000003"]
        assert server.answers[0]["qop"] == (b"auth-int" if qop == "auth-int" else b"auth")


def test_digest_has_the_challenge_in_the_history(send: Send) -> None:
    response = send(DigestServer(), auth=httpx.DigestAuth("jo", "secret"))
    assert [answer.status_code for answer in response.history] == [401]


def test_digest_with_auth_int_reads_a_streamed_body_that_can_be_sent_again(send: Send) -> None:
    class AsyncBody:
        async def __aiter__(self) -> AsyncIterator[bytes]:
            for part in [b"bo", b"dy"]:
                yield part

    body = [b"bo", b"dy"] if send.colour == "sync" else AsyncBody()  # type: ignore[attr-defined]  # see the fixture
    server = DigestServer(qop="auth-int")
    auth = httpx.DigestAuth("jo", "secret")
    assert send(server, method="POST", content=body, auth=auth).status_code == 200
    # Now that the challenge is known, an iterator serves as well: it is read before it is sent.
    assert send(server, method="POST", content=make_body(send, [b"a", b"b"]), auth=auth).status_code == 200
    assert server.statuses == [401, 200, 200]


def test_digest_does_not_send_an_empty_body_in_place_of_a_lost_one() -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        return httpx.Response(401, headers={"WWW-Authenticate": 'Digest realm="r", nonce="n", qop=auth'})

    class Transport(httpx.BaseTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            assert isinstance(request.stream, httpx.SyncByteStream)
            b"".join(request.stream)
            return handler(request)

    with httpx.Client(transport=Transport()) as client, pytest.raises(httpx.StreamConsumed):
        client.post(URL, content=iter([b"body"]), auth=httpx.DigestAuth("jo", "secret"))


def test_digest_gives_up_after_one_wrong_answer_and_forgets_the_challenge(send: Send) -> None:
    server = DigestServer()
    auth = httpx.DigestAuth("jo", "wrong")
    for _ in range(2):
        response = send(server, auth=auth)
        assert response.status_code == 401
        assert [answer.status_code for answer in response.history] == [401]
    assert [value is None for value in server.authorizations] == [True, False, True, False]


def test_digest_answers_again_when_its_nonce_is_stale(send: Send) -> None:
    server = DigestServer()
    auth = httpx.DigestAuth("jo", "secret")
    send(server, auth=auth)
    server.renew()
    assert send(server, auth=auth).status_code == 200
    assert server.statuses == [401, 200, 401, 200]
    assert server.answers[-1]["nc"] == b"00000001"


def test_digest_answers_a_nonce_that_is_stale_at_once_only_so_often(send: Send) -> None:
    class HastyServer(DigestServer):
        def refuse(self, more: str = "") -> httpx.Response:
            self.renew()
            return super().refuse(more)

        def respond(self, request: httpx.Request) -> httpx.Response:
            self.renew()
            return super().respond(request)

    server = HastyServer()
    assert send(server, auth=httpx.DigestAuth("jo", "secret")).status_code == 401
    assert len(server.statuses) == 6


def test_digest_goes_on_with_the_next_nonce(send: Send) -> None:
    server = DigestServer("SHA-256-sess")
    server.next_nonce = True
    auth = httpx.DigestAuth("jo", "secret")
    for _ in range(3):
        assert send(server, auth=auth).status_code == 200
    assert server.statuses == [401, 200, 200, 200]
    assert [answer["nonce"] for answer in server.answers] == [b"nonce-1/+=", b"nonce-2/+=", b"nonce-3/+="]
    assert {answer["nc"] for answer in server.answers} == {b"00000001"}


def test_digest_of_a_session_keeps_its_client_nonce(send: Send) -> None:
    server = DigestServer("MD5-sess")
    auth = httpx.DigestAuth("jo", "secret")
    for _ in range(2):
        send(server, auth=auth)
    assert len({answer["cnonce"] for answer in server.answers}) == 1


def test_digest_nonce_belongs_to_one_origin(send: Send) -> None:
    servers = {"https://a.example/": DigestServer(), "https://a.example:8443/": DigestServer(realm=b"other")}
    servers["http://a.example/"] = DigestServer(realm=b"plain")
    auth = httpx.DigestAuth("jo", "secret")
    for url, server in servers.items():
        assert send(server, url, auth=auth).status_code == 200
        assert server.authorizations[0] is None, "the nonce of another origin was sent"
    for url, server in servers.items():
        assert send(server, url, auth=auth).status_code == 200
        assert server.statuses == [401, 200, 200]


def test_digest_is_not_for_the_origin_of_a_redirect(send: Send) -> None:
    other = DigestServer()

    def handler(request: httpx.Request) -> httpx.Response:
        if request.url.host == "other.example":
            return other(request)
        return httpx.Response(302, headers={"Location": "https://other.example/"})

    response = send(handler, auth=httpx.DigestAuth("jo", "secret"), follow_redirects=True)
    assert response.status_code == 401
    assert other.authorizations == [None]


def test_digest_answers_for_the_target_of_a_redirect_within_the_origin(send: Send) -> None:
    server = DigestServer()

    def handler(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/from":
            return httpx.Response(302, headers={"Location": "/to"})
        return server.refuse() if b"/to" not in request.headers.get("Authorization", "").encode() else server(request)

    auth = httpx.DigestAuth("jo", "secret")
    for _ in range(2):
        response = send(handler, "https://a.example/from", auth=auth, follow_redirects=True)
        assert response.status_code == 200
        assert response.url.path == "/to"


def test_digest_forgets_the_oldest_origin() -> None:
    auth = httpx.DigestAuth("jo", "secret")
    for number in range(150):
        answer_challenges(auth, 'Digest realm="r", nonce="n"', url=f"https://{number}.example/")
    assert len(auth._sessions) == 100
    assert httpx.Origin("https://149.example/") in auth._sessions


def test_digest_carries_the_cookies_of_the_challenge(send: Send) -> None:
    cookies: list[str | None] = []

    def handler(request: httpx.Request) -> httpx.Response:
        cookies.append(request.headers.get("Cookie"))
        if "Authorization" in request.headers:
            return httpx.Response(200)
        headers = [("WWW-Authenticate", 'Digest realm="r", nonce="n"'), ("Set-Cookie", "session=1")]
        return httpx.Response(401, headers=headers)

    send(handler, auth=httpx.DigestAuth("jo", "secret"))
    assert cookies == [None, "session=1"]


def test_digest_leaves_other_statuses_and_schemes_alone(send: Send) -> None:
    for status, challenge in [(407, 'Digest realm="r", nonce="n"'), (401, 'Basic realm="r"'), (401, "Negotiate")]:
        headers = {"WWW-Authenticate": challenge}
        response = send(lambda _, s=status, h=headers: httpx.Response(s, headers=h), auth=httpx.DigestAuth("jo", "x"))
        assert response.status_code == status
        assert response.history == []
    assert send(lambda _: httpx.Response(401), auth=httpx.DigestAuth("jo", "x")).history == []


@pytest.mark.parametrize(
    ("challenge", "message"),
    [
        ('Digest realm="r", qop=auth', "Malformed Digest WWW-Authenticate header"),
        ('Digest nonce="n"', "Malformed Digest WWW-Authenticate header"),
        ('Digest realm="r", nonce="n', "Malformed Digest WWW-Authenticate header"),
        ("Digest", "Malformed Digest WWW-Authenticate header"),
        ("Digest junk", "Malformed Digest WWW-Authenticate header"),
        ('Digest realm="r", nonce="n", qop="auth-other"', "Unexpected qop value"),
    ],
)
def test_digest_refuses_a_broken_challenge(send: Send, challenge: str, message: str) -> None:
    with pytest.raises(httpx.ProtocolError, match=message) as caught:
        send(
            lambda _: httpx.Response(401, headers={"WWW-Authenticate": challenge}),
            auth=httpx.DigestAuth("jo", "secret"),
        )
    assert caught.value.request.url == URL


def test_digest_counts_each_use_of_a_nonce_once_from_many_threads() -> None:
    auth = httpx.DigestAuth("jo", "secret")
    answer_challenges(auth, 'Digest realm="r", nonce="n", qop=auth')
    seen: list[str] = []

    def use() -> None:
        for _ in range(200):
            request = httpx.Request("GET", URL)
            next(auth.auth_flow(request))
            seen.append(re.findall(r"nc=(\w+)", request.headers["Authorization"])[0])

    threads = [threading.Thread(target=use) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(seen)) == 800


def test_auth_objects_can_be_pickled_and_copied() -> None:
    auth = httpx.DigestAuth("jo", "secret")
    answer_challenges(auth, 'Digest realm="r", nonce="n", qop=auth')
    for twin in (pickle.loads(pickle.dumps(auth)), copy.deepcopy(auth)):
        request = httpx.Request("GET", URL)
        next(twin.auth_flow(request))
        assert "nc=00000002" in request.headers["Authorization"]
    assert pickle.loads(pickle.dumps(httpx.BasicAuth("a", "b")))._auth_header == "Basic YTpi"


def test_public_classes_say_where_users_find_them() -> None:
    for name in ("Auth", "BasicAuth", "DigestAuth", "FunctionAuth", "NetRCAuth"):
        assert getattr(httpx, name).__module__ == "httpx"


# Challenges.


def parse(*values: str) -> list[tuple[str, dict[str, str]]]:
    challenges = parse_challenges([value.encode("latin-1") for value in values])
    assert all(isinstance(challenge, Challenge) for challenge in challenges)
    return [(challenge.scheme, challenge.parameters) for challenge in challenges]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        # RFC 9110 11.6.1
        (
            ['Basic realm="simple", Newauth realm="apps", type=1, title="Login to \\"apps\\""'],
            [("basic", {"realm": "simple"}), ("newauth", {"realm": "apps", "type": "1", "title": 'Login to "apps"'})],
        ),
        (["Negotiate, Basic realm=a"], [("negotiate", {}), ("basic", {"realm": "a"})]),
        (
            ["Negotiate", 'DIGEST  Realm = "a" ,\tNONCE= b'],
            [("negotiate", {}), ("digest", {"realm": "a", "nonce": "b"})],
        ),
        (['Digest realm="a, b=c", nonce="=d"'], [("digest", {"realm": "a, b=c", "nonce": "=d"})]),
        (["Digest realm=a,,, nonce=b/c+d=="], [("digest", {"realm": "a", "nonce": "b/c+d=="})]),
        (['Digest realm="a", realm="b"'], [("digest", {"realm": "b"})]),
        (['realm="a", Digest nonce=b', "opaque=c"], [("digest", {"nonce": "b"})]),
        (["", ",", '"', "=", "Digest realm"], [("digest", {})]),
        (['Digest realm=""'], [("digest", {"realm": ""})]),
        (['Digest realm="\xe9\\\xe9"'], [("digest", {"realm": "\xe9\xe9"})]),
    ],
)
def test_challenges_are_parsed(values: list[str], expected: list[tuple[str, dict[str, str]]]) -> None:
    assert parse(*values) == expected


def test_challenges_take_linear_time() -> None:
    parse('Digest realm="' + '\\"' * 50_000)
    parse("Digest " + ", " * 50_000)
    parse("Digest " + "a" * 50_000 + " =" * 50_000)


def choose(*challenges: str) -> tuple[str, str | None] | None:
    digest = choose_digest([challenge.encode() for challenge in challenges])
    return None if digest is None else (digest.algorithm, digest.qop)


def test_strongest_challenge_that_is_known_is_chosen() -> None:
    md5, sha, strange = (f"Digest realm=r, nonce=n, algorithm={name}" for name in ("MD5", "SHA-256", "KEKKAK"))
    assert choose(md5, sha, strange) == ("SHA-256", None)
    assert choose(f"Basic realm=r, {md5}, {strange}, {sha}, Negotiate") == ("SHA-256", None)
    assert choose(strange, md5) == ("MD5", None)
    assert choose(f"{md5}, qop=auth, {md5}") == ("MD5", "auth")
    assert choose(strange) is None
    assert choose("Digest realm=broken", md5) == ("MD5", None)


def test_hash_that_this_python_lacks_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    def new(name: str, data: bytes = b"") -> Any:
        if name == "md5":
            raise ValueError("[digital envelope routines] unsupported")
        return real_new(name, data)

    real_new = hashlib.new
    monkeypatch.setattr(hashlib, "new", new)
    monkeypatch.delattr(hashlib, "md5")
    assert choose("Digest realm=r, nonce=n, algorithm=MD5") is None
    assert choose("Digest realm=r, nonce=n", "Digest realm=r, nonce=n, algorithm=SHA-256") == ("SHA-256", None)


def test_next_nonce_is_found() -> None:
    assert next_nonce([b"qop=auth, nextnonce=\"a, b\", rspauth=''"]) == b"a, b"
    assert next_nonce([b"rspauth=x", b"NextNonce=a"]) == b"a"
    assert next_nonce([b'nextnonce=""']) is None
    assert next_nonce([]) is None
