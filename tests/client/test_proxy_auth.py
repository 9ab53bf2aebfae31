"""Proxies that challenge: digests for what they forward and for tunnels, and whom the credentials never reach."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest

import httpx
from tests.network.lines import Trust

from .conftest import Serve
from .faces import Face
from .proxy_scripts import DigestProxy, always, answering_connect
from .servers import OK, answering_always

USER = ("user", "secret")
BASIC = "Basic dXNlcjpzZWNyZXQ="


def challenge(value: str) -> bytes:
    return f"HTTP/1.1 407 Not Yet\r\nProxy-Authenticate: {value}\r\nContent-Length: 0\r\n\r\n".encode()


def tracer(face: Face, note: Callable[[str, Any], None]) -> Callable[..., Any]:
    """Return a callback for the `trace` extension."""

    async def note_async(name: str, info: Any) -> None:
        note(name, info)

    return note_async if face.is_async else note


@pytest.mark.parametrize(("scheme", "first"), [("basic", "Basic"), ("digest", None)])
async def test_a_challenge_is_answered_once_for_all_that_is_forwarded(
    face: Face, serve: Serve, scheme: str, first: str | None
) -> None:
    digest = DigestProxy()
    proxy = serve(digest.forwarding(OK))
    async with face.client(proxy=httpx.Proxy(proxy.url(), auth=USER, auth_scheme=scheme)) as client:
        assert (await client.get("http://a.example/x?y")).text == "ok"
        assert (await client.get("http://b.example/")).text == "ok"
        assert (await client.post("http://a.example/", content=b"body")).text == "ok"
    assert digest.seen == [(first, 407), ("Digest", 200), ("Digest", 200), ("Digest", 200)]
    assert proxy.requests[-1].body == b"body"


async def test_a_challenge_is_answered_once_for_all_tunnels(face: Face, serve: Serve, trust: Trust) -> None:
    digest = DigestProxy()
    proxy = serve(digest.tunnelling(always, context=trust.server_context()))
    settings = httpx.Proxy(proxy.url(), auth=USER, auth_scheme="digest")
    async with face.client(proxy=settings, verify=trust.client_context()) as client:
        for host in ("localhost", "127.0.0.1", "a.example.test"):
            for _ in range(2):
                assert (await client.get(f"https://{host}/")).text == "ok"
    assert digest.seen == [(None, 407), ("Digest", 200), ("Digest", 200), ("Digest", 200)]
    assert proxy.connection_count == 4
    # The origins saw nothing of it.
    assert all("proxy-authorization" not in received.head.decode().lower() for received in proxy.requests)


async def test_credentials_of_the_url_and_of_a_request_answer_as_well(face: Face, serve: Serve) -> None:
    digest = DigestProxy()
    proxy = serve(digest.forwarding(OK))
    async with face.client() as client:
        for _ in range(2):
            extensions = {"proxy": f"http://user:secret@127.0.0.1:{proxy.port}"}
            assert (await client.get("http://a.example/", extensions=extensions)).text == "ok"
    # The second request knows what the first one was told.
    assert digest.seen == [("Basic", 407), ("Digest", 200), ("Digest", 200)]


async def test_a_stale_nonce_is_replaced(face: Face, serve: Serve, trust: Trust) -> None:
    forwarding, tunnelling = DigestProxy(uses=2), DigestProxy(uses=1)
    proxy = serve(forwarding.forwarding(OK))
    async with face.client(proxy=httpx.Proxy(proxy.url(), auth=USER, auth_scheme="digest")) as client:
        for _ in range(5):
            assert (await client.get("http://a.example/")).text == "ok"
    assert [status for _, status in forwarding.seen] == [407, 200, 200, 407, 200, 200, 407, 200]
    proxy = serve(tunnelling.tunnelling(always, context=trust.server_context()))
    settings = httpx.Proxy(proxy.url(), auth=USER, auth_scheme="digest")
    async with face.client(proxy=settings, verify=trust.client_context()) as client:
        for host in ("localhost", "127.0.0.1"):
            assert (await client.get(f"https://{host}/")).text == "ok"
    assert [status for _, status in tunnelling.seen] == [407, 200, 407, 200]


async def test_a_proxy_that_was_started_anew_is_answered_anew(face: Face, serve: Serve) -> None:
    digest = DigestProxy()
    proxy = serve(digest.forwarding(OK))
    async with face.client(proxy=httpx.Proxy(proxy.url(), auth=USER)) as client:
        await client.get("http://a.example/")
        digest.forget()
        assert (await client.get("http://a.example/")).text == "ok"
    assert [status for _, status in digest.seen] == [407, 200, 407, 200]


async def test_a_wrong_password_is_tried_once(face: Face, serve: Serve, trust: Trust) -> None:
    digest = DigestProxy(password="another")
    proxy = serve(digest.forwarding(OK))
    async with face.client(proxy=httpx.Proxy(proxy.url(), auth=USER, auth_scheme="digest")) as client:
        response = await client.get("http://a.example/")
        assert (response.status_code, response.text) == (407, "no way")
        assert client.bare._transport_for_url(httpx.URL("http://a.example/"))._pool.connection_count == 1  # type: ignore[union-attr]  # ours
    assert digest.seen == [(None, 407), ("Digest", 407)]
    digest.seen.clear()
    proxy = serve(digest.tunnelling(always, context=trust.server_context()))
    async with face.client(proxy=httpx.Proxy(proxy.url(), auth=USER, auth_scheme="digest")) as client:
        with pytest.raises(httpx.ProxyError, match=r"^407 Proxy Authentication Required$"):
            await client.get("https://localhost/")
    assert digest.seen == [(None, 407), ("Digest", 407)]


async def test_challenges_without_end_are_not_answered_without_end(face: Face, serve: Serve) -> None:
    stale = challenge('Digest realm="r", nonce="n", stale=true, qop="auth"')
    for script, url in (
        (answering_always(stale), "http://a.example/"),
        (answering_connect(stale), "https://a.example/"),
    ):
        proxy = serve(script)
        async with face.client(proxy=httpx.Proxy(proxy.url(), auth=USER)) as client:
            try:
                assert (await client.get(url)).status_code == 407
            except httpx.ProxyError as exc:
                assert str(exc) == "407 Not Yet"
        assert len(proxy.heads) == 4


@pytest.mark.parametrize(
    "value",
    [
        'Basic realm="r"',
        "Negotiate",
        'Digest realm="r"',
        'Digest realm="r", nonce="n", algorithm=UNKNOWN',
        'Digest realm="r", nonce="n", qop="unknown"',
    ],
)
async def test_other_challenges_are_not_answered(face: Face, serve: Serve, value: str) -> None:
    proxy, tunnel = serve(answering_always(challenge(value))), serve(answering_connect(challenge(value)))
    async with face.client(proxy=httpx.Proxy(proxy.url(), auth=USER)) as client:
        assert (await client.get("http://a.example/")).status_code == 407
    async with face.client(proxy=httpx.Proxy(tunnel.url(), auth=USER)) as client:
        with pytest.raises(httpx.ProxyError, match="407 Not Yet"):
            await client.get("https://a.example/")
    assert (len(proxy.heads), len(tunnel.heads)) == (1, 1)


async def test_without_credentials_there_is_no_answer(face: Face, serve: Serve) -> None:
    digest = DigestProxy()
    proxy = serve(digest.forwarding(OK))
    async with face.client(proxy=proxy.url()) as client:
        assert (await client.get("http://a.example/")).status_code == 407
    async with face.client(proxy=httpx.Proxy(proxy.url(), auth=USER)) as client:
        own = await client.get("http://a.example/", headers={"Proxy-Authorization": "Basic b3duOm93bg=="})
        assert own.status_code == 407
    assert digest.seen == [(None, 407), ("Basic", 407)]


async def test_a_body_that_cannot_be_sent_again_is_not(face: Face, serve: Serve) -> None:
    digest = DigestProxy()
    proxy = serve(digest.forwarding(OK))
    async with face.client(proxy=httpx.Proxy(proxy.url(), auth=USER)) as client:
        response = await client.post("http://a.example/", content=face.generate([b"once"]))
        assert response.status_code == 407
        assert (await client.post("http://a.example/", content=face.iterable([b"again"]))).status_code == 200
    assert [received.body for received in proxy.requests] == [b"once", b"again", b"again"]


async def test_a_digest_may_cover_the_body(face: Face, serve: Serve) -> None:
    digest = DigestProxy(qop="auth-int")
    proxy = serve(digest.forwarding(OK))
    async with face.client(proxy=httpx.Proxy(proxy.url(), auth=USER)) as client:
        assert (await client.post("http://a.example/", content=b"body")).text == "ok"
        # It would have to be read into memory first.
        assert (await client.post("http://a.example/", content=face.iterable([b"again"]))).status_code == 407


async def test_a_407_of_an_origin_is_its_own_business(face: Face, serve: Serve) -> None:
    origin = serve(answering_always(challenge('Digest realm="r", nonce="n"')))
    async with face.client() as client:
        assert (await client.get(origin.url(), headers={"Authorization": "mine"})).status_code == 407
    assert len(origin.requests) == 1


async def test_the_password_is_nowhere(
    face: Face, serve: Serve, trust: Trust, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    digest = DigestProxy()
    forwarding = serve(digest.forwarding(OK))
    tunnel = serve(digest.tunnelling(always, context=trust.server_context()))
    told: list[Any] = []

    def note(name: str, info: Any) -> None:
        told.append((name, repr(info), repr(getattr(info.get("request"), "headers", ""))))

    for proxy, url in ((forwarding, "http://localhost/"), (tunnel, "https://localhost/")):
        settings = httpx.Proxy(proxy.url(), auth=USER, auth_scheme="digest")
        async with face.client(proxy=settings, verify=trust.client_context()) as client:
            response = await client.get(url, extensions={"trace": tracer(face, note)})
            told += [repr(settings), repr(response.request.headers), repr(vars(response))]
    sent = b"".join(forwarding.heads + tunnel.heads)
    assert sent.count(b"Proxy-Authorization: Digest ") == 2
    assert b"secret" not in sent and BASIC.encode() not in sent
    assert "secret" not in f"{told}{caplog.text}"
    # Nor does the answer, which is good for one request, stand in the logs.
    assert "Digest username" not in f"{told}{caplog.text}"


@pytest.mark.parametrize("scheme", ["", "Digest", "ntlm"])
def test_other_schemes_of_authentication_are_refused(scheme: str) -> None:
    with pytest.raises(ValueError, match=r'auth_scheme must be "basic" or "digest"'):
        httpx.Proxy("http://a.example", auth=USER, auth_scheme=scheme)


def test_the_scheme_shows() -> None:
    proxy = httpx.Proxy("http://a.example", auth=USER, auth_scheme="digest")
    assert repr(proxy) == "Proxy('http://a.example', auth=('user', '********'), auth_scheme='digest')"
