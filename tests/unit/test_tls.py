from __future__ import annotations

import os
import shutil
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import trustme
import truststore

import httpx
from httpx import _tls
from httpx._tls import create_ssl_context, default_context


class Files:
    """A CA and a certificate for localhost, as PEM files."""

    def __init__(self, directory: Path) -> None:
        self.authority = trustme.CA()
        self.leaf = self.authority.issue_cert("localhost")
        self.ca = directory / "ca.pem"
        self.chain = directory / "chain.pem"
        self.key = directory / "key.pem"
        self.authority.cert_pem.write_to_path(self.ca)
        self.leaf.cert_chain_pems[0].write_to_path(self.chain)
        self.leaf.private_key_pem.write_to_path(self.key)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return Files(tmp_path_factory.mktemp("tls"))


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(_tls, "_shared_contexts", {})
    yield


def shake_hands(
    context: ssl.SSLContext, files: Files, *, host: str = "localhost", alpn: list[str] | None = None
) -> Any:
    """Let a client of that context and a server meet in memory; return the client's end."""
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    files.leaf.configure_cert(server_context)
    server_context.set_alpn_protocols(["h2", "http/1.1"])
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(to_client, to_server, server_hostname=host)
    server = server_context.wrap_bio(to_server, to_client, server_side=True)
    waiting = [client, server]
    for _ in range(10):
        for end in list(waiting):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
            waiting.remove(end)
        if not waiting:
            return client
    raise AssertionError("no handshake")


def test_the_stand_in_of_a_test_is_taken_for_a_context() -> None:
    for stand_in in (mock.Mock(), mock.MagicMock(), mock.Mock(spec=ssl.SSLContext)):
        assert create_ssl_context(verify=stand_in) is stand_in
    with mock.patch("ssl.create_default_context"), httpx.Client(verify=ssl.create_default_context()):
        pass


def test_contexts_verify_and_are_hardened() -> None:
    context = create_ssl_context()
    assert context.verify_mode is ssl.CERT_REQUIRED and context.check_hostname
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert context.options & ssl.OP_NO_RENEGOTIATION


def test_each_context_is_its_own() -> None:
    assert create_ssl_context() is not create_ssl_context()


def test_a_given_context_is_returned_as_it_is() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    assert create_ssl_context(verify=context) is context


def test_the_system_does_not_trust_anybody(files: Files) -> None:
    for context in (create_ssl_context(), default_context(trust_env=False)):
        with pytest.raises(ssl.SSLCertVerificationError):
            shake_hands(context, files)


def test_verify_false_trusts_anybody(files: Files) -> None:
    context = create_ssl_context(verify=False)
    assert context.verify_mode is ssl.CERT_NONE and not context.check_hostname
    assert context.options & ssl.OP_NO_RENEGOTIATION
    shake_hands(context, files, host="wrong.example")


def test_verify_takes_a_path(files: Files) -> None:
    for path in (str(files.ca), files.ca):
        with pytest.warns(DeprecationWarning, match="`verify=<str>` is deprecated") as record:
            context = create_ssl_context(verify=path)  # type: ignore[arg-type]  # HTTPX 0.28 names str only
        assert record[0].filename == __file__
        shake_hands(context, files)
        with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
            shake_hands(context, files, host="wrong.example")


def test_verify_takes_a_directory_of_hashed_names(files: Files, tmp_path: Path) -> None:
    store_hashed(files.ca, tmp_path)
    with pytest.warns(DeprecationWarning):
        context = create_ssl_context(verify=str(tmp_path))
    shake_hands(context, files)


def test_missing_file_is_named() -> None:
    with pytest.warns(DeprecationWarning), pytest.raises(FileNotFoundError, match="/no/such/file"):
        create_ssl_context(verify="/no/such/file")


@pytest.mark.parametrize("verify", [0, 1, b"x"])
def test_verify_is_nothing_else(verify: Any) -> None:
    with pytest.raises(TypeError, match="verify must be"):
        create_ssl_context(verify=verify)


def test_client_certificates(files: Files, tmp_path: Path) -> None:
    both = tmp_path / "both.pem"
    both.write_bytes(files.chain.read_bytes() + files.key.read_bytes())
    for cert in (str(both), (str(files.chain), str(files.key)), (str(files.chain), str(files.key), "password")):
        with pytest.warns(DeprecationWarning, match="`cert=...` is deprecated"):
            create_ssl_context(cert=cert)
    with pytest.warns(DeprecationWarning), pytest.raises(FileNotFoundError):
        create_ssl_context(cert="/no/such/file")
    with pytest.warns(DeprecationWarning), pytest.raises(ssl.SSLError):
        create_ssl_context(cert=str(files.ca))


def test_environment_names_the_cas(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(files.ca))
    shake_hands(create_ssl_context(), files)
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(create_ssl_context(trust_env=False), files)
    monkeypatch.setenv("SSL_CERT_FILE", "/no/such/file")
    with pytest.raises(FileNotFoundError, match="/no/such/file"):
        create_ssl_context()
    monkeypatch.setenv("SSL_CERT_FILE", "")
    create_ssl_context()


def test_environment_names_a_directory(files: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store_hashed(files.ca, tmp_path)
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    shake_hands(create_ssl_context(), files)


def test_environment_names_a_file_for_the_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = str(tmp_path / "keys")
    monkeypatch.setenv("SSLKEYLOGFILE", log)
    assert create_ssl_context(trust_env=False).keylog_filename is None
    assert not os.path.exists(log)
    assert create_ssl_context().keylog_filename == log
    assert create_ssl_context(verify=False).keylog_filename == log


def test_default_contexts_are_shared_by_environment(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    context = default_context(trust_env=True)
    assert default_context(trust_env=True) is context
    others = [default_context(trust_env=False)]
    monkeypatch.setenv("SSL_CERT_FILE", str(files.ca))
    others.append(default_context(trust_env=True))
    assert len({id(other) for other in (context, *others)}) == 3
    assert default_context(trust_env=False) is others[0]
    assert create_ssl_context() not in (context, *others)


def test_threads_get_the_same_default_context() -> None:
    contexts = []
    barrier = threading.Barrier(8)

    def get() -> None:
        barrier.wait()
        contexts.append(default_context(trust_env=True))

    threads = [threading.Thread(target=get) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(contexts) == 8 and len(set(map(id, contexts))) == 1


def test_shared_contexts_are_bounded() -> None:
    for index in range(_tls.MAX_SHARED_CONTEXTS + 5):
        _tls._shared_contexts[(str(index), None, None)] = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    default_context(trust_env=False)
    assert len(_tls._shared_contexts) <= _tls.MAX_SHARED_CONTEXTS


# Where the CAs of the system are. `ssl.get_default_verify_paths` stands for what OpenSSL was built with.


def store_hashed(ca: Path, directory: Path) -> Path:
    """Store a CA under the hash of its subject, where OpenSSL looks for it."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("the openssl command, which computes the hash, is not there")
    command = [openssl, "x509", "-noout", "-hash", "-in", str(ca)]
    name = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    target = directory / f"{name}.0"
    target.write_bytes(ca.read_bytes())
    return target


def pretend_paths(monkeypatch: pytest.MonkeyPatch, *, bundle: Path, directory: Path) -> None:
    paths = ssl.DefaultVerifyPaths("", "", "", str(bundle), "", str(directory))
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: paths)
    monkeypatch.setattr(_tls, "BUNDLES", ())


on_linux = pytest.mark.skipif(sys.platform in ("darwin", "win32"), reason="the system itself is asked there")


def test_a_directory_of_hashed_names_is_enough(monkeypatch: pytest.MonkeyPatch, files: Files, tmp_path: Path) -> None:
    store_hashed(files.ca, tmp_path)
    pretend_paths(monkeypatch, bundle=files.ca, directory=tmp_path)
    assert _tls._find_system_cas() == (None, str(tmp_path))


@on_linux
def test_a_bundle_that_holds_more_is_read_too(monkeypatch: pytest.MonkeyPatch, files: Files, tmp_path: Path) -> None:
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(other)
    store_hashed(other, tmp_path)
    pretend_paths(monkeypatch, bundle=files.ca, directory=tmp_path)
    assert _tls._find_system_cas() == (str(files.ca), str(tmp_path))
    shake_hands(create_ssl_context(), files)


@on_linux
def test_a_bundle_is_read_where_names_are_not_hashed(
    monkeypatch: pytest.MonkeyPatch, files: Files, tmp_path: Path
) -> None:
    (tmp_path / "some-ca.pem").write_bytes(files.ca.read_bytes())
    pretend_paths(monkeypatch, bundle=files.ca, directory=tmp_path)
    assert _tls._find_system_cas() == (str(files.ca), None)
    shake_hands(create_ssl_context(), files)


def test_the_bundle_of_a_distribution_is_found(monkeypatch: pytest.MonkeyPatch, files: Files, tmp_path: Path) -> None:
    pretend_paths(monkeypatch, bundle=tmp_path / "none", directory=tmp_path / "none")
    monkeypatch.setattr(_tls, "BUNDLES", (str(tmp_path / "none"), str(files.ca)))
    assert _tls._find_system_cas() == (str(files.ca), None)


def test_certifi_takes_the_place_of_a_system_without_cas(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import certifi

    pretend_paths(monkeypatch, bundle=tmp_path / "none", directory=tmp_path / "none")
    assert _tls._find_system_cas() == (certifi.where(), None)
    assert create_ssl_context().verify_mode is ssl.CERT_REQUIRED


def test_contexts_of_truststore_do_what_ours_do(files: Files) -> None:
    context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    _tls._harden(context)
    context.set_alpn_protocols(["h2"])
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(context, files)
    context.load_verify_locations(str(files.ca))
    assert shake_hands(context, files).selected_alpn_protocol() == "h2"
    with pytest.raises(ssl.SSLCertVerificationError, match=r"(?i)host"):
        shake_hands(context, files, host="wrong.example")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_fork_while_a_context_is_made_does_not_block_the_child() -> None:
    code = (
        "import os, httpx._tls as tls\n"
        "tls._lock.acquire()\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    tls.default_context(trust_env=False)\n"
        "    os._exit(0)\n"
        "print(os.waitpid(child, 0)[1])\n"
    )
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60).stdout
    assert output == "0\n"
