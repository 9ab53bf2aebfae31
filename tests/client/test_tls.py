"""TLS as users meet it: what is verified, what is asked for, and what failures say."""

from __future__ import annotations

import datetime
import ssl
from typing import Any

import pytest

import httpx
from tests.network.lines import Trust
from tests.network.peers import MakeChannel, PlainChannel, TLSChannel
from tests.origin import Origin

from .conftest import Serve
from .faces import Face
from .servers import OK, Conversation, answering, answering_always


def make_channel(context: ssl.SSLContext) -> MakeChannel:
    return lambda sock: TLSChannel(PlainChannel(sock), context)


async def test_a_context_says_whom_to_trust(face: Face, tls_origin: Origin) -> None:
    async with face.client(verify=tls_origin.make_client_context()) as client:
        response = await client.get(tls_origin.url("/hello"))
        assert response.text == "Hello, world!\n"
        large = await client.get(tls_origin.url("/bytes/1000000"))
        assert large.content == (bytes(range(256)) * 4000)[:1_000_000]
        assert client.pool.connection_count == 1
        tls = response.extensions["network_stream"].get_extra_info("ssl_object")
        assert tls.version() in ("TLSv1.2", "TLSv1.3")


async def test_the_environment_says_whom_to_trust(
    face: Face, tls_origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tls_origin.ca_path))
    async with face.client() as client:
        assert (await client.get(tls_origin.url("/hello"))).status_code == 200
    async with face.client(trust_env=False) as client:
        with pytest.raises(httpx.ConnectError, match="certificate verify failed"):
            await client.get(tls_origin.url("/hello"))


async def test_an_unknown_authority_is_a_connect_error(face: Face, tls_origin: Origin) -> None:
    async with face.client() as client:
        with pytest.raises(httpx.ConnectError, match=r"certificate verify failed.*127\.0\.0\.1") as caught:
            await client.get(tls_origin.url("/hello"))
        assert client.pool.connection_count == 0
    assert caught.value.request.url == tls_origin.url("/hello")
    assert isinstance(caught.value.__cause__, ssl.SSLCertVerificationError)


async def test_verify_false_trusts_anybody(face: Face, tls_origin: Origin) -> None:
    async with face.client(verify=False) as client:
        assert (await client.get(tls_origin.url("/hello"))).status_code == 200


async def test_a_certificate_for_another_name_is_refused(face: Face, serve: Serve, trust: Trust) -> None:
    server = serve(answering_always(), make_channel=make_channel(trust.server_context(trust.issue("a.example"))))
    async with face.client(verify=trust.client_context()) as client:
        with pytest.raises(httpx.ConnectError, match=r"(?i)certificate is not valid for 'localhost'"):
            await client.get(server.url(scheme="https", host="localhost"))


async def test_an_expired_certificate_is_refused(face: Face, serve: Serve, trust: Trust) -> None:
    expired = trust.issue("localhost", not_after=datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC))
    server = serve(answering_always(), make_channel=make_channel(trust.server_context(expired)))
    async with face.client(verify=trust.client_context()) as client:
        with pytest.raises(httpx.ConnectError, match="certificate has expired"):
            await client.get(server.url(scheme="https", host="localhost"))


async def test_a_server_that_speaks_no_tls_is_a_connect_error(face: Face, serve: Serve) -> None:
    def script(conversation: Conversation) -> None:
        conversation.channel.recv()
        conversation.send(b"HTTP/1.1 400 Bad Request\r\n\r\nThis is plain HTTP.")

    server = serve(script)
    async with face.client() as client:
        with pytest.raises(httpx.ConnectError, match="TLS handshake"):
            await client.get(server.url(scheme="https"))
        assert client.pool.connection_count == 0


@pytest.mark.parametrize("ending", ["close", "reset"])
async def test_a_server_that_leaves_in_the_handshake_is_a_connect_error(face: Face, serve: Serve, ending: str) -> None:
    def script(conversation: Conversation) -> None:
        conversation.channel.recv()
        if ending == "reset":
            conversation.channel.reset()

    server = serve(script)
    async with face.client() as client:
        with pytest.raises(httpx.ConnectError, match="handshake"):
            await client.get(server.url(scheme="https"))
        assert client.pool.connection_count == 0


class Hellos:
    """A server's context that notes the names and protocols that clients ask for."""

    def __init__(self, trust: Trust, *names: str) -> None:
        self.names: list[str | None] = []
        self.channels: list[TLSChannel] = []
        self.context = trust.server_context(trust.issue(*names))
        self.context.sni_callback = self._note

    def make_channel(self, sock: Any) -> TLSChannel:
        self.channels.append(TLSChannel(PlainChannel(sock), self.context))
        return self.channels[-1]

    def _note(self, connection: ssl.SSLObject, name: str | None, context: ssl.SSLContext) -> None:
        self.names.append(name)


async def test_the_host_is_asked_for(face: Face, serve: Serve, trust: Trust) -> None:
    hellos = Hellos(trust, "localhost", "127.0.0.1")
    server = serve(answering_always(), make_channel=hellos.make_channel)
    async with face.client(verify=trust.client_context()) as client:
        await client.get(server.url(scheme="https", host="localhost"))
        await client.get(server.url(scheme="https"))
    # RFC 6066 3: addresses are not sent.
    assert hellos.names == ["localhost", None]


async def test_sni_hostname_is_asked_for_and_verified_instead_of_the_host(
    face: Face, serve: Serve, trust: Trust
) -> None:
    hellos = Hellos(trust, "other.example")
    server = serve(answering_always(), make_channel=hellos.make_channel)
    url = server.url(scheme="https")
    async with face.client(verify=trust.client_context()) as client:
        response = await client.get(url, extensions={"sni_hostname": "other.example"})
        assert response.text == "ok"
        with pytest.raises(httpx.ConnectError, match="certificate"):
            await client.get(url)
    assert hellos.names[0] == "other.example"
    assert server.requests[0].values("host") == [f"127.0.0.1:{server.port}"]


async def test_only_the_protocols_that_are_spoken_are_offered(face: Face, serve: Serve, trust: Trust) -> None:
    hellos = Hellos(trust, "localhost")
    hellos.context.set_alpn_protocols(["h2", "http/1.1"])
    server = serve(answering_always(), make_channel=hellos.make_channel)
    async with face.client(verify=trust.client_context()) as client:
        response = await client.get(server.url(scheme="https", host="localhost"))
        tls = response.extensions["network_stream"].get_extra_info("ssl_object")
        assert tls.selected_alpn_protocol() == "http/1.1"
    assert response.http_version == "HTTP/1.1"
    assert hellos.channels[0].ssl.selected_alpn_protocol() == "http/1.1"


async def test_a_client_certificate_of_the_context_is_shown(face: Face, serve: Serve, trust: Trust) -> None:
    server_context = trust.server_context()
    server_context.verify_mode = ssl.CERT_REQUIRED
    trust.authority.configure_trust(server_context)
    server = serve(answering_always(), make_channel=make_channel(server_context))
    context = trust.client_context()
    trust.issue("client@a.example").configure_cert(context)
    async with face.client(verify=context) as client:
        assert (await client.get(server.url(scheme="https", host="localhost"))).text == "ok"
    async with face.client(verify=trust.client_context()) as client:
        # TLS 1.3: the refusal comes after the client's side of the handshake is over.
        with pytest.raises((httpx.ConnectError, httpx.ReadError, httpx.RemoteProtocolError)) as caught:
            await client.get(server.url(scheme="https", host="localhost"))
    assert "certificate" in str(caught.value)


async def test_a_later_connection_resumes_the_session(
    face: Face, serve: Serve, over_tls: MakeChannel, trust: Trust
) -> None:
    server = serve(answering(OK, OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")), make_channel=over_tls)
    url = server.url(scheme="https", host="localhost")
    is_resumed = []
    async with face.client(verify=trust.client_context()) as client:
        for _ in range(4):
            response = await client.get(url)
            is_resumed.append(response.extensions["network_stream"].get_extra_info("ssl_object").session_reused)
    assert is_resumed == [False, False, True, True]
    assert server.connection_count == 2


async def test_a_body_that_ends_without_close_notify_is_truncated(
    face: Face, serve: Serve, over_tls: MakeChannel, trust: Trust
) -> None:
    def script(conversation: Conversation) -> None:
        conversation.answer(b"HTTP/1.1 200 OK\r\n\r\nall of it?")
        if conversation.number:
            conversation.channel.close()
        else:
            conversation.channel.raw.close()

    server = serve(script, make_channel=over_tls)
    url = server.url(scheme="https", host="localhost")
    async with face.client(verify=trust.client_context()) as client:
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            await client.get(url)
        assert (await client.get(url)).text == "all of it?"


async def test_session_tickets_do_not_end_an_idle_connection(
    face: Face, serve: Serve, over_tls: MakeChannel, trust: Trust
) -> None:
    # With TLS 1.3 they come after the handshake, and may come after the response.
    server = serve(answering_always(), make_channel=over_tls)
    async with face.client(verify=trust.client_context()) as client:
        for _ in range(5):
            assert (await client.get(server.url(scheme="https", host="localhost"))).text == "ok"
    assert server.connection_count == 1


async def test_uploads_and_early_answers_work_under_tls(
    face: Face, serve: Serve, over_tls: MakeChannel, trust: Trust
) -> None:
    def script(conversation: Conversation) -> None:
        conversation.read_head()
        conversation.send(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 8\r\n\r\ntoo much")
        conversation.server.wait()

    server = serve(script, make_channel=over_tls)
    async with face.client(verify=trust.client_context(), timeout=5) as client:
        response = await client.post(server.url(scheme="https", host="localhost"), content=b"x" * 50_000_000)
        assert response.text == "too much"


@pytest.mark.parametrize("verify", [object(), 1.5])
def test_verify_of_another_type_is_refused(verify: Any) -> None:
    with pytest.raises(TypeError):
        httpx.Client(verify=verify)
