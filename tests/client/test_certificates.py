"""Which certificates are taken, which are shown, and what is said of those that are refused."""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import ssl
import threading
from pathlib import Path
from typing import Any

import pytest
import trustme
import truststore

import httpx
from httpx import _tls
from tests.network.colours import CANCELLABLE, Colour
from tests.network.lines import Trust
from tests.network.peers import MakeChannel, PlainChannel, TLSChannel
from tests.origin import Origin

from .conftest import Serve
from .faces import Face
from .proxy_scripts import always, tunnelling
from .servers import Conversation, Server, answering_always

HOUR = datetime.timedelta(hours=1)


def over(context: ssl.SSLContext) -> MakeChannel:
    return lambda sock: TLSChannel(PlainChannel(sock), context)


def pinning(trust: Trust, fingerprints: str | list[str]) -> ssl.SSLContext:
    """Return a context that trusts the authority, and these certificates only."""
    context = httpx.create_ssl_context(fingerprints=fingerprints)
    trust.authority.configure_trust(context)
    return context


def fingerprint_of(certificate: trustme.LeafCert) -> str:
    """Return the fingerprint as `openssl x509 -fingerprint -sha256` shows it."""
    der = ssl.PEM_cert_to_DER_cert(certificate.cert_chain_pems[0].bytes().decode())
    return hashlib.sha256(der).digest().hex(":").upper()


# What is said of those that are refused: the host, OpenSSL's reason, and what to make of it.


async def refusal(face: Face, server: Server, host: str, verify: Any) -> str:
    async with face.client(verify=verify) as client:
        with pytest.raises(httpx.ConnectError) as caught:
            await client.get(server.url(scheme="https", host=host))
        assert client.pool.connection_count == 0
    assert isinstance(caught.value.__cause__, ssl.SSLCertVerificationError)
    return str(caught.value)


async def test_an_expired_certificate_is_named(face: Face, serve: Serve, trust: Trust) -> None:
    now = datetime.datetime.now(datetime.UTC)
    for options, reason, hint in (
        ({"not_after": now - HOUR}, "certificate has expired", "must be renewed"),
        ({"not_before": now + HOUR, "not_after": now + 2 * HOUR}, "certificate is not yet valid", "look at the clocks"),
    ):
        certificate = trust.issue("localhost", **options)
        server = serve(answering_always(), make_channel=over(trust.server_context(certificate)))
        text = await refusal(face, server, "localhost", trust.client_context())
        assert f"{reason} (_ssl.c:" in text
        assert "the TLS handshake with localhost failed. Its certificate " in text
        assert hint in text


async def test_a_certificate_that_signed_itself_is_named(
    face: Face, serve: Serve, trust: Trust, tmp_path: Path
) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    # The authority's own certificate, which is signed by its own key.
    pem = tmp_path / "self-signed.pem"
    pem.write_bytes(authority.private_key_pem.bytes() + authority.cert_pem.bytes())
    context.load_cert_chain(pem)
    server = serve(answering_always(), make_channel=over(context))
    text = await refusal(face, server, "localhost", trust.client_context())
    assert "self-signed certificate" in text
    assert "handshake with localhost failed. It has signed its certificate itself: name this certificate" in text


async def test_an_unknown_authority_is_named(face: Face, serve: Serve, over_tls: MakeChannel) -> None:
    server = serve(answering_always(), make_channel=over_tls)
    text = await refusal(face, server, "localhost", Trust().client_context())
    assert "unable to get local issuer certificate" in text
    assert "handshake with localhost failed. No authority that this client trusts has signed its certificate" in text


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
async def test_a_certificate_for_others_is_named(face: Face, serve: Serve, trust: Trust, host: str) -> None:
    server = serve(answering_always(), make_channel=over(trust.server_context(trust.issue("a.example", "192.0.2.1"))))
    text = await refusal(face, server, host, trust.client_context())
    assert f"certificate is not valid for '{host}'" in text
    assert f"handshake with {host} failed. Its certificate is for other hosts." in text


async def test_a_refusal_in_a_tunnel_names_the_origin(face: Face, serve: Serve, trust: Trust) -> None:
    proxy = serve(tunnelling(always, context=trust.server_context(trust.issue("a.example"))))
    async with face.client(proxy=proxy.url(), verify=trust.client_context()) as client:
        with pytest.raises(httpx.ConnectError, match=r"not valid for 'b\.example'.*handshake with b\.example failed"):
            await client.get("https://b.example/")


# Names.


@pytest.mark.parametrize(
    ("names", "url", "sni"),
    [
        (("xn--mnchen-3ya.example",), "https://münchen.example/", "xn--mnchen-3ya.example"),
        (("bücher.example",), "https://BÜCHER.example/", "xn--bcher-kva.example"),
        (("*.a.example",), "https://b.a.example/", "b.a.example"),
        (("192.0.2.7",), "https://192.0.2.7/", None),
        (("2001:db8::7",), "https://[2001:DB8:0::7]/", None),
        (("a.example",), "https://a.example./", "a.example"),
    ],
)
async def test_names_and_addresses_are_checked(
    face: Face, serve: Serve, trust: Trust, names: tuple[str, ...], url: str, sni: str | None
) -> None:
    asked: list[str | None] = []
    context = trust.server_context(trust.issue(*names))
    context.sni_callback = lambda connection, name, context: asked.append(name)
    proxy = serve(tunnelling(always, context=context))
    async with face.client(proxy=proxy.url(), verify=trust.client_context()) as client:
        assert (await client.get(url)).text == "ok"
    assert asked == [sni]


@pytest.mark.parametrize(
    ("names", "url"),
    [
        (("*.a.example",), "https://a.example/"),
        (("*.a.example",), "https://c.b.a.example/"),
        (("a.example",), "https://192.0.2.7/"),
        (("192.0.2.8",), "https://192.0.2.7/"),
        (("xn--mnchen-3ya.example",), "https://munchen.example/"),
    ],
)
async def test_other_names_and_addresses_are_refused(
    face: Face, serve: Serve, trust: Trust, names: tuple[str, ...], url: str
) -> None:
    proxy = serve(tunnelling(always, context=trust.server_context(trust.issue(*names))))
    async with face.client(proxy=proxy.url(), verify=trust.client_context()) as client:
        with pytest.raises(httpx.ConnectError, match="certificate is not valid for"):
            await client.get(url)


# Versions.


async def test_nothing_older_than_tls_1_2_is_spoken(
    face: Face, serve: Serve, trust: Trust, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trust.authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    for version, is_spoken in ((ssl.TLSVersion.TLSv1_1, False), (ssl.TLSVersion.TLSv1_2, True)):
        context = trust.server_context()
        context.set_ciphers("DEFAULT@SECLEVEL=0")
        with pytest.warns(DeprecationWarning) if not is_spoken else contextlib.nullcontext():
            context.minimum_version = context.maximum_version = version
        server = serve(answering_always(), make_channel=over(context))
        url = server.url(scheme="https", host="localhost")
        for verify in (True, False):
            async with face.client(verify=verify) as client:
                if is_spoken:
                    stream = (await client.get(url)).extensions["network_stream"]
                    assert stream.get_extra_info("tls_version") == "TLSv1.2"
                else:
                    with pytest.raises(httpx.ConnectError, match="handshake with localhost failed"):
                        await client.get(url)


# Fingerprints.


async def test_a_pinned_certificate_is_taken_and_no_other(face: Face, serve: Serve, trust: Trust) -> None:
    right, other = trust.issue("localhost"), trust.issue("localhost")
    server = serve(answering_always(), make_channel=over(trust.server_context(right)))
    url = server.url(scheme="https", host="localhost")
    forms = (
        fingerprint_of(right),
        fingerprint_of(right).replace(":", "").lower(),
        f"sha256:{fingerprint_of(right)}",
        [fingerprint_of(other), fingerprint_of(right)],
    )
    for fingerprints in forms:
        async with face.client(verify=pinning(trust, fingerprints)) as client:
            assert (await client.get(url)).text == "ok"
    count = len(server.requests)
    async with face.client(verify=pinning(trust, fingerprint_of(other))) as client:
        with pytest.raises(httpx.ConnectError) as caught:
            await client.get(url)
        assert client.pool.connection_count == 0
    assert str(caught.value) == (
        "The certificate of localhost is none of those whose fingerprints are given: its SHA-256 fingerprint is "
        f"{fingerprint_of(right)}"
    )
    # Nothing was sent.
    assert len(server.requests) == count


async def test_a_pinned_certificate_may_have_signed_itself(face: Face, serve: Serve) -> None:
    certificate = trustme.CA().issue_cert("wrong.example", not_after=datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    server = serve(answering_always(), make_channel=over(context))
    url = server.url(scheme="https", host="localhost")
    verify = httpx.create_ssl_context(verify=False, fingerprints=fingerprint_of(certificate))
    async with face.client(verify=verify) as client:
        assert (await client.get(url)).text == "ok"
    # Where the authority counts as well, it does not help.
    async with face.client(verify=httpx.create_ssl_context(fingerprints=fingerprint_of(certificate))) as client:
        with pytest.raises(httpx.ConnectError, match="certificate verify failed"):
            await client.get(url)


async def test_fingerprints_count_for_single_requests_and_proxies(
    face: Face, serve: Serve, over_tls: MakeChannel, trust: Trust
) -> None:
    proxy = serve(tunnelling(always, context=trust.server_context()), make_channel=over_tls)
    wrong = pinning(trust, "00" * 32)
    url = proxy.url(scheme="https", host="localhost")
    async with face.client(verify=trust.client_context()) as client:
        good = {"proxy": httpx.Proxy(url, ssl_context=trust.client_context())}
        bad = {"proxy": httpx.Proxy(url, ssl_context=wrong)}
        assert (await client.get("https://localhost/", extensions=good)).text == "ok"
        for extensions in (bad, {**good, "verify": wrong}):
            with pytest.raises(httpx.ConnectError, match="none of those whose fingerprints are given"):
                await client.get("https://localhost/", extensions=extensions)
        assert (await client.get("https://localhost/", extensions=good)).text == "ok"


async def test_fingerprints_are_checked_when_a_session_is_resumed(
    face: Face, serve: Serve, over_tls: MakeChannel, trust: Trust
) -> None:
    closing = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"
    first = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

    def script(conversation: Conversation) -> None:
        conversation.answer(first)
        conversation.answer(closing)

    server = serve(script, make_channel=over_tls)
    url = server.url(scheme="https", host="localhost")
    async with face.client(verify=pinning(trust, fingerprint_of(trust._certificate))) as client:
        for _ in range(3):
            await client.get(url)
        response = await client.get(url)
        assert response.extensions["network_stream"].get_extra_info("ssl_object").session_reused


@pytest.mark.parametrize("fingerprint", ["", "12:34", "g" * 64, "sha1:" + "00" * 20, "00" * 33])
def test_what_is_no_fingerprint_is_refused(fingerprint: str) -> None:
    with pytest.raises(ValueError, match="Not the SHA-256 fingerprint of a certificate"):
        httpx.create_ssl_context(fingerprints=fingerprint)


# The end of a stream.


async def test_a_truncated_body_may_be_allowed(face: Face, serve: Serve, over_tls: MakeChannel, trust: Trust) -> None:
    def script(conversation: Conversation) -> None:
        conversation.answer(b"HTTP/1.1 200 OK\r\n\r\nall of it?")
        conversation.channel.raw.close()

    server = serve(script, make_channel=over_tls)
    url = server.url(scheme="https", host="localhost")
    lenient = httpx.create_ssl_context(verify=False, allow_truncation=True)
    async with face.client(verify=trust.client_context()) as client:
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get(url)
        assert (await client.get(url, extensions={"verify": lenient})).text == "all of it?"
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get(url)


async def test_a_short_body_is_cut_off_in_any_case(
    face: Face, serve: Serve, over_tls: MakeChannel, trust: Trust
) -> None:
    def script(conversation: Conversation) -> None:
        conversation.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nnot all of it")
        conversation.channel.raw.close()

    server = serve(script, make_channel=over_tls)
    async with face.client(verify=httpx.create_ssl_context(verify=False, allow_truncation=True)) as client:
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get(server.url(scheme="https", host="localhost"))


# The environment, and what it costs.


async def test_the_environment_names_a_file_for_the_keys(
    face: Face, tls_origin: Origin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "keys"
    monkeypatch.setenv("SSLKEYLOGFILE", str(path))
    monkeypatch.setenv("SSL_CERT_FILE", str(tls_origin.ca_path))
    async with face.client(trust_env=False, verify=False) as client:
        await client.get(tls_origin.url("/hello"))
    assert not path.exists()
    async with face.client() as client:
        await client.get(tls_origin.url("/hello"))
    assert "CLIENT" in path.read_text()


async def test_a_client_without_tls_makes_no_context(
    face: Face, origin: Origin, tls_origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Any] = []
    make = _tls._create_context

    def note(verify: Any, *, trust_env: bool) -> ssl.SSLContext:
        made.append(verify)
        return make(verify, trust_env=trust_env)

    monkeypatch.setattr(_tls, "_shared_contexts", {})
    monkeypatch.setattr(_tls, "_create_context", note)
    monkeypatch.setenv("SSL_CERT_FILE", str(tls_origin.ca_path))
    async with face.client() as client:
        await client.get(origin.url("/hello"))
        assert made == []
    for _ in range(3):
        async with face.client() as client:
            await client.get(tls_origin.url("/hello"))
            await client.get(tls_origin.url("/hello"), extensions={"verify": True})
    assert len(made) == 1


def test_settings_that_cannot_be_are_told_at_once() -> None:
    for make in (httpx.Client, httpx.AsyncClient, httpx.HTTPTransport, httpx.AsyncHTTPTransport):
        with pytest.warns(DeprecationWarning), pytest.raises(FileNotFoundError, match="/no/such/file"):
            make(verify="/no/such/file")
        with pytest.warns(DeprecationWarning), pytest.raises(FileNotFoundError, match="/no/such/file"):
            make(cert=("/no/such/file", "/no/such/key"))
        with pytest.raises(ssl.SSLError):
            make(cert=b"no PEM")


# Contexts of truststore, which ask the operating system.


class SlowContext(truststore.SSLContext):
    """Takes its time to verify, and notes where."""

    may_go_on: threading.Event
    threads: list[str]

    def wrap_bio(self, *args: Any, **options: Any) -> Any:
        tls: Any = super().wrap_bio(*args, **options)
        shake_hands = tls.do_handshake

        def do_handshake() -> None:
            shake_hands()
            self.threads.append(threading.current_thread().name)
            assert self.may_go_on.wait(20)

        tls.do_handshake = do_handshake
        return tls


SlowContext.__module__ = "truststore._slow"


@pytest.fixture
def slow_context(trust: Trust) -> SlowContext:
    context = SlowContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=trust.authority.cert_pem.bytes().decode())
    context.may_go_on = threading.Event()
    context.threads = []
    return context


async def test_a_context_of_truststore_verifies(face: Face, serve: Serve, over_tls: MakeChannel, trust: Trust) -> None:
    server = serve(answering_always(), make_channel=over_tls)
    context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    async with face.client(verify=context) as client:
        with pytest.raises(httpx.ConnectError, match="certificate verify failed"):
            await client.get(server.url(scheme="https", host="localhost"))
        context.load_verify_locations(cadata=trust.authority.cert_pem.bytes().decode())
        assert (await client.get(server.url(scheme="https", host="localhost"))).text == "ok"


@pytest.mark.parametrize("colour", [name for name in CANCELLABLE if name != "asyncio-debug"], indirect=True)
async def test_slow_verification_holds_up_nobody(
    face: Face, colour: Colour, serve: Serve, over_tls: MakeChannel, slow_context: SlowContext
) -> None:
    server, other = serve(answering_always(), make_channel=over_tls), serve(answering_always())
    texts: list[str] = []

    async def ask() -> None:
        texts.append((await client.get(server.url(scheme="https", host="localhost"))).text)

    async with face.client(verify=slow_context) as client:
        task = colour.start(ask)
        await colour.until(lambda: slow_context.threads)
        assert (await client.get(other.url())).text == "ok"
        assert not task.is_done
        slow_context.may_go_on.set()
        await colour.until(lambda: task.is_done)
    assert texts == ["ok"]
    assert threading.current_thread().name not in slow_context.threads


@pytest.mark.parametrize("colour", [name for name in CANCELLABLE if name != "asyncio-debug"], indirect=True)
async def test_slow_verification_may_be_cancelled_and_is_bounded(
    face: Face, colour: Colour, serve: Serve, over_tls: MakeChannel, slow_context: SlowContext
) -> None:
    server = serve(answering_always(), make_channel=over_tls)
    url = server.url(scheme="https", host="localhost")

    async def ask() -> None:
        await client.get(url, timeout=None)

    async with face.client(verify=slow_context, limits=httpx.Limits(max_connections=1)) as client:
        with pytest.raises(httpx.ConnectTimeout, match="TLS handshake"):
            await client.get(url, timeout=httpx.Timeout(20, connect=0.1))
        assert client.pool.connection_count == 0
        count = len(slow_context.threads)
        task = colour.start(ask)
        await colour.until(lambda: len(slow_context.threads) > count)
        task.cancel()
        await colour.until(lambda: task.is_done)
        assert client.pool.connection_count == 0
        slow_context.may_go_on.set()
        assert (await client.get(url)).text == "ok"
