"""Authentication as clients apply it."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest

import httpx
from tests.origin import Origin

from .conftest import Serve
from .faces import Face, echoed
from .servers import OK, answering, answering_always

UNAUTHORIZED = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 4\r\n\r\nnope"
BASIC = "Basic dXNlcjpwYXNz"  # user:pass


async def test_a_tuple_is_basic_authentication(face: Face, origin: Origin) -> None:
    async with face.client() as client:
        response = await client.get(origin.url("/basic-auth/user/pass"), auth=("user", "pass"))
        assert (response.status_code, response.text) == (200, "Welcome, user!\n")
        assert (await client.get(origin.url("/basic-auth/user/pass"))).status_code == 401


async def test_userinfo_of_the_url_is_basic_authentication_and_not_sent_otherwise(face: Face, origin: Origin) -> None:
    url = origin.url("/echo").replace("http://", "http://us%40er:p%3Ass@")
    async with face.client() as client:
        echo = echoed(await client.get(url))
    assert echo["headers"]["authorization"] == httpx.BasicAuth("us@er", "p:ss")._auth_header
    assert echo["headers"]["host"] == f"127.0.0.1:{origin.port}"
    assert echo["target"] == "/echo"


async def test_the_client_has_a_default_that_requests_override(face: Face, origin: Origin) -> None:
    with_userinfo = origin.url("/echo").replace("http://", "http://a:b@")
    async with face.client(auth=("user", "pass")) as client:
        assert echoed(await client.get(origin.url("/echo")))["headers"]["authorization"] == BASIC
        assert echoed(await client.get(with_userinfo))["headers"]["authorization"] == BASIC
        other = echoed(await client.get(origin.url("/echo"), auth=("a", "b")))
        assert other["headers"]["authorization"] == "Basic YTpi"
        assert "authorization" not in echoed(await client.get(origin.url("/echo"), auth=None))["headers"]


async def test_a_function_is_an_authentication(face: Face, origin: Origin) -> None:
    def authenticate(request: httpx.Request) -> httpx.Request:
        request.headers["X-Token"] = "abc"
        return request

    async with face.client(auth=authenticate) as client:
        assert echoed(await client.get(origin.url("/echo")))["headers"]["x-token"] == "abc"


async def test_something_else_is_refused(face: Face, origin: Origin) -> None:
    with pytest.raises(TypeError, match='Invalid "auth" argument'):
        face.client(auth="user:pass")
    async with face.client() as client:
        with pytest.raises(TypeError, match='Invalid "auth" argument'):
            await client.get(origin.url("/echo"), auth=1)


class TokenAuth(httpx.Auth):
    """Ask for a token once the server refuses, and come back with it."""

    def __init__(self, token_url: str) -> None:
        self.token_url = token_url

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        response = yield request
        if response.status_code == 401:
            token = yield httpx.Request("POST", self.token_url, content=b"please")
            request.headers["Authorization"] = token.text if self.requires_response_body else "unread"
            yield request


async def test_a_flow_sends_several_requests(face: Face, serve: Serve) -> None:
    server = serve(answering(UNAUTHORIZED, OK, OK))
    auth = TokenAuth(server.url("/token"))
    auth.requires_response_body = True
    async with face.client(auth=auth) as client:
        response = await client.get(server.url("/thing"))
    assert response.text == "ok"
    assert [received.target for received in server.requests] == ["/thing", "/token", "/thing"]
    assert server.requests[2].values("authorization") == ["ok"]
    assert server.connection_count == 1
    assert [step.status_code for step in response.history] == [401, 200]
    assert [step.content for step in response.history] == [b"nope", b"ok"]


async def test_a_flow_with_a_required_request_body_sees_a_generator_read(face: Face, serve: Serve) -> None:
    seen: list[bytes] = []

    class BodyAuth(httpx.Auth):
        requires_request_body = True

        def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
            seen.append(request.content)
            yield request

    server = serve(answering(OK))
    async with face.client(auth=BodyAuth()) as client:
        await client.post(server.url(), content=face.generate([b"a", b"b"]))
    assert seen == [b"ab"] == [server.requests[0].body]


async def test_without_it_the_body_is_not_read(face: Face, serve: Serve) -> None:
    def flow(request: httpx.Request) -> Any:
        with pytest.raises(httpx.RequestNotRead):
            _ = request.content
        yield request

    server = serve(answering(OK))
    async with face.client(auth=face.auth(flow)) as client:
        await client.post(server.url(), content=face.generate([b"a"]))
    assert server.requests[0].body == b"a"


async def test_a_flow_of_one_colour_is_the_one_that_is_walked_through(face: Face, serve: Serve) -> None:
    def flow(request: httpx.Request) -> Any:
        request.headers["X-Step"] = "1"
        response = yield request
        assert response.status_code == 401
        request.headers["X-Step"] = "2"
        yield request

    server = serve(answering(UNAUTHORIZED, OK))
    async with face.client() as client:
        assert (await client.get(server.url(), auth=face.auth(flow))).text == "ok"
    assert [received.values("x-step") for received in server.requests] == [["1"], ["2"]]


async def test_a_one_shot_body_cannot_be_sent_twice_by_a_flow(face: Face, serve: Serve) -> None:
    def flow(request: httpx.Request) -> Any:
        yield request
        yield request

    server = serve(answering_always(UNAUTHORIZED))
    async with face.client(auth=face.auth(flow)) as client:
        with pytest.raises(httpx.StreamConsumed):
            await client.post(server.url(), content=face.generate([b"a"]))
    assert len(server.requests) == 1


async def test_a_flow_that_fails_gives_the_connection_back(face: Face, serve: Serve) -> None:
    class FlowError(Exception):
        pass

    def flow(request: httpx.Request) -> Any:
        yield request
        raise FlowError

    server = serve(answering_always(UNAUTHORIZED))
    limits = httpx.Limits(max_connections=1)
    async with face.client(limits=limits, timeout=httpx.Timeout(5.0, pool=0.5)) as client:
        for _ in range(2):
            with pytest.raises(FlowError):
                await client.get(server.url(), auth=face.auth(flow))
        assert client.pool.connection_count <= 1
        assert (await client.get(server.url())).status_code == 401


async def test_a_flow_that_fails_early_sends_nothing(face: Face, serve: Serve) -> None:
    def flow(request: httpx.Request) -> Any:
        raise LookupError("no key")
        yield request

    server = serve(answering_always(OK))
    async with face.client(auth=face.auth(flow)) as client:
        with pytest.raises(LookupError, match="no key"):
            await client.get(server.url())
    assert server.connection_count == 0


async def test_a_flow_is_closed_when_the_request_fails(face: Face, serve: Serve) -> None:
    closed: list[bool] = []

    class CleanAuth(httpx.Auth):
        def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
            try:
                yield request
            finally:
                closed.append(True)

    server = serve(answering(b"garbage\r\n\r\n"))
    async with face.client(auth=CleanAuth()) as client:
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get(server.url())
        assert closed == [True]


async def test_digest_answers_a_challenge(face: Face, serve: Serve) -> None:
    challenge = (
        b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n"
        b'WWW-Authenticate: Digest realm="r", nonce="n1", qop="auth", algorithm=SHA-256\r\n\r\n'
    )
    server = serve(answering(challenge, OK, OK))
    auth = httpx.DigestAuth("user", "pass")
    async with face.client(auth=auth) as client:
        assert (await client.get(server.url("/a"))).text == "ok"
        assert (await client.get(server.url("/b"))).text == "ok"
    answers = [(received.values("authorization") or [""])[0] for received in server.requests]
    assert [received.target for received in server.requests] == ["/a", "/a", "/b"]
    assert answers[0] == ""
    assert all('nonce="n1"' in answer for answer in answers[1:])
    assert "nc=00000001" in answers[1] and "nc=00000002" in answers[2]


async def test_netrc_gives_credentials_for_its_host(face: Face, origin: Origin, tmp_path: Any) -> None:
    path = tmp_path / "netrc"
    path.write_text("machine 127.0.0.1 login user password pass\n")
    path.chmod(0o600)
    async with face.client(auth=httpx.NetRCAuth(str(path))) as client:
        assert echoed(await client.get(origin.url("/echo")))["headers"]["authorization"] == BASIC
        elsewhere = origin.url("/echo").replace("127.0.0.1", "localhost")
        assert "authorization" not in echoed(await client.get(elsewhere))["headers"]
