"""What a response tells of its way: addresses, TLS, and how long each step took. All of it outlives the connection."""

from __future__ import annotations

import ssl
import time
from typing import Any

import httpx
from tests.network.colours import Colour
from tests.network.lines import Trust
from tests.network.peers import MakeChannel
from tests.origin import Origin

from .conftest import Serve
from .faces import Face
from .proxy_scripts import ESTABLISHED, always, play_origin, tunnelling
from .servers import OK, Conversation, answering, answering_always

# Seconds that a peer waits between two messages, and so the least that the step between them takes.
PAUSE = 0.05


def timings_of(response: httpx.Response) -> httpx.Timings:
    timings: httpx.Timings = response.extensions["timings"]
    assert isinstance(timings, httpx.Timings)
    return timings


def steps_of(response: httpx.Response) -> list[str]:
    """Return the steps that happened."""
    return [name for name, took in timings_of(response).as_dict().items() if took is not None]


async def test_a_response_tells_of_its_connection(face: Face, tls_origin: Origin) -> None:
    async with face.client(verify=tls_origin.make_client_context()) as client:
        response = await client.get(tls_origin.url("/hello"))
        stream = response.extensions["network_stream"]
        open_socket = stream.get_extra_info("socket")
        assert stream.get_extra_info("client_addr") == open_socket.getsockname()
        assert stream.get_extra_info("is_readable") is False
    # The connection is closed.
    assert stream.get_extra_info("client_addr")[0] == "127.0.0.1"
    assert stream.get_extra_info("server_addr") == ("127.0.0.1", httpx.URL(tls_origin.url("/")).port)
    assert stream.get_extra_info("tls_version") in ("TLSv1.2", "TLSv1.3")
    name, _, bits = stream.get_extra_info("cipher")
    assert "AES" in name or "CHACHA" in name
    assert bits >= 128
    assert stream.get_extra_info("alpn_protocol") == "http/1.1"
    assert "BEGIN CERTIFICATE" in ssl.DER_cert_to_PEM_cert(stream.get_extra_info("peer_certificate"))
    assert stream.get_extra_info("ssl_object").getpeercert()["subjectAltName"]
    assert stream.get_extra_info("nothing") is None


async def test_a_plain_connection_has_no_tls(face: Face, origin: Origin) -> None:
    async with face.client() as client:
        stream = (await client.get(origin.url("/hello"))).extensions["network_stream"]
    for name in ("tls_version", "cipher", "alpn_protocol", "peer_certificate", "ssl_object"):
        assert stream.get_extra_info(name) is None
    assert stream.get_extra_info("server_addr")[1] == httpx.URL(origin.url("/")).port


async def test_behind_a_proxy_tls_is_the_origins_and_the_address_the_proxys(
    face: Face, serve: Serve, over_tls: MakeChannel, trust: Trust
) -> None:
    certificate = trust.issue("origin.example")
    proxy = serve(tunnelling(always, context=trust.server_context(certificate)), make_channel=over_tls)
    settings = httpx.Proxy(proxy.url(scheme="https", host="localhost"), ssl_context=trust.client_context())
    async with face.client(proxy=settings, verify=trust.client_context()) as client:
        stream = (await client.get("https://origin.example/")).extensions["network_stream"]
    assert stream.get_extra_info("server_addr")[1] == proxy.port
    expected = ssl.PEM_cert_to_DER_cert(certificate.cert_chain_pems[0].bytes().decode())
    assert stream.get_extra_info("peer_certificate") == expected


async def test_the_steps_of_a_first_request_and_of_a_later_one(face: Face, tls_origin: Origin) -> None:
    url = tls_origin.url("/hello").replace("127.0.0.1", "localhost")
    async with face.client(verify=tls_origin.make_client_context()) as client:
        first, second = await client.get(url), await client.get(url)
    assert steps_of(first) == ["queue", "resolve", "connect", "tls", "send", "wait", "receive"]
    assert steps_of(second) == ["queue", "send", "wait", "receive"]
    for response in (first, second):
        times = timings_of(response).as_dict().values()
        assert all(took >= 0 for took in times if took is not None)
        assert sum(took for took in times if took is not None) <= response.elapsed.total_seconds() + PAUSE
    assert timings_of(second).queue == 0
    assert repr(timings_of(second)).startswith("<Timings(queue=0.000000, send=0.")


async def test_an_address_is_not_resolved_and_plain_http_has_no_tls(face: Face, serve: Serve) -> None:
    server = serve(answering_always())
    async with face.client() as client:
        assert steps_of(await client.get(server.url())) == ["queue", "connect", "send", "wait", "receive"]


async def test_the_way_through_a_proxy_is_a_step(face: Face, serve: Serve, trust: Trust) -> None:
    def slow(conversation: Conversation) -> None:
        conversation.read_head()
        time.sleep(PAUSE)
        conversation.send(ESTABLISHED)
        play_origin(conversation, always, trust.server_context())

    proxy = serve(slow)
    async with face.client(proxy=proxy.url(), verify=trust.client_context()) as client:
        response = await client.get("https://localhost/")
    assert steps_of(response) == ["queue", "connect", "proxy", "tls", "send", "wait", "receive"]
    assert (timings_of(response).proxy or 0) >= PAUSE


async def test_a_slow_answer_and_a_slow_body_are_told_apart(face: Face, serve: Serve) -> None:
    def script(conversation: Conversation) -> None:
        conversation.read_request()
        time.sleep(PAUSE)
        conversation.send(OK[:-1])
        # Until the client has seen this.
        conversation.server.wait()
        time.sleep(2 * PAUSE)
        conversation.send(OK[-1:])

    server = serve(script)
    async with face.client() as client:
        async with client.stream("GET", server.url()) as response:
            assert timings_of(response).receive is None
            assert (timings_of(response).wait or 0) >= PAUSE
            server.may_go_on.set()
            await face.read(response)
        assert (timings_of(response).receive or 0) >= 2 * PAUSE


async def test_a_body_that_is_closed_early_was_not_received(face: Face, serve: Serve) -> None:
    server = serve(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nok"))
    async with face.client() as client, client.stream("GET", server.url()) as response:
        pass
    assert timings_of(response).receive is None
    assert timings_of(response).wait is not None


async def test_the_wait_for_a_connection_is_a_step(face: Face, colour: Colour, serve: Serve) -> None:
    def script(conversation: Conversation) -> None:
        conversation.answer(OK[:-1])
        conversation.server.wait()
        conversation.send(OK[-1:])
        always(conversation)

    server = serve(script)
    responses: list[httpx.Response] = []

    async def ask() -> None:
        responses.append(await client.get(server.url()))

    async with face.client(limits=httpx.Limits(max_connections=1)) as client:
        async with client.stream("GET", server.url()) as held:
            task = colour.start(ask)
            await colour.until(lambda: client.pool.waiter_count == 1)
            time.sleep(PAUSE)
            server.may_go_on.set()
            await face.read(held)
        await colour.until(lambda: task.is_done)
    assert (timings_of(responses[0]).queue or 0) >= PAUSE
    assert steps_of(responses[0]) == ["queue", "send", "wait", "receive"]


async def test_each_response_of_a_chain_has_its_own_times(face: Face, serve: Serve) -> None:
    moved = b"HTTP/1.1 302 Found\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n"
    server = serve(answering(moved, OK))
    async with face.client(follow_redirects=True) as client:
        response = await client.get(server.url("/a"))
    first, last = timings_of(response.history[0]), timings_of(response)
    assert first is not last
    assert first.connect is not None and last.connect is None


async def test_a_request_that_was_sent_can_be_pickled(face: Face, serve: Serve) -> None:
    import pickle

    server = serve(answering_always())
    async with face.client() as client:
        response: Any = await client.get(server.url())
    assert pickle.loads(pickle.dumps(response.request)).url == response.request.url
