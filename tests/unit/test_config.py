from __future__ import annotations

import subprocess
import sys
from unittest import mock

import pytest

from httpx import _config
from httpx._config import DEFAULT_LIMITS, DEFAULT_MAX_REDIRECTS, DEFAULT_TIMEOUT_CONFIG, UNSET, Limits, Proxy, Timeout
from httpx._models import Headers
from httpx._urls import URL


@pytest.mark.parametrize(
    ("timeout", "text"),
    [
        (Timeout(5.0), "Timeout(timeout=5.0)"),
        (Timeout(None), "Timeout(timeout=None)"),
        (Timeout(None, connect=3), "Timeout(connect=3, read=None, write=None, pool=None)"),
        (Timeout(5, connect=None), "Timeout(connect=None, read=5, write=5, pool=5)"),
        (Timeout((1, 2, 3, 4)), "Timeout(connect=1, read=2, write=3, pool=4)"),
        (Timeout((1, 2)), "Timeout(connect=1, read=2, write=None, pool=None)"),  # type: ignore[arg-type]  # as HTTPX 0.28
        (Timeout(connect=1, read=1, write=1, pool=1), "Timeout(timeout=1)"),
        (Timeout(Timeout(5, pool=1)), "Timeout(connect=5, read=5, write=5, pool=1)"),
        (Timeout(Timeout(5), read=None), "Timeout(connect=5, read=None, write=5, pool=5)"),
        (Timeout(5, total=30), "Timeout(timeout=5, total=30)"),
        (Timeout(5, read=1, total=30), "Timeout(connect=5, read=1, write=5, pool=5, total=30)"),
        (Timeout(Timeout(5, total=30), total=10), "Timeout(timeout=5, total=10)"),
        (Timeout(Timeout(5, total=30)), "Timeout(timeout=5, total=30)"),
    ],
)
def test_timeout_forms(timeout: Timeout, text: str) -> None:
    assert repr(timeout) == text


def test_the_stand_in_of_a_test_is_taken_for_seconds() -> None:
    stand_in = mock.Mock()
    assert Timeout(stand_in).read is stand_in


def test_timeout_needs_a_default_or_all_four() -> None:
    for limits in ({}, {"connect": 1, "read": 2, "write": 3}):
        with pytest.raises(ValueError) as info:
            Timeout(**limits)
        assert str(info.value) == (
            "httpx.Timeout must either include a default, or set all four parameters explicitly."
        )


def test_total_shows_only_when_set() -> None:
    assert Timeout(5).as_dict() == {"connect": 5, "read": 5, "write": 5, "pool": 5}
    assert Timeout(5, total=9).as_dict() == {"connect": 5, "read": 5, "write": 5, "pool": 5, "total": 9}


def test_each_dict_of_a_timeout_is_its_own() -> None:
    timeout = Timeout(5)
    timeout.as_dict()["read"] = 1
    assert timeout.as_dict()["read"] == 5
    timeout.read = 7
    assert timeout.as_dict()["read"] == 7


def test_timeouts_compare_by_value() -> None:
    assert Timeout(5) == Timeout(5.0) != Timeout(6)
    assert Timeout(5) != Timeout(5, total=5)
    assert Timeout(5) != 5
    with pytest.raises(TypeError):
        hash(Timeout(5))


def test_limits() -> None:
    assert repr(Limits()) == "Limits(max_connections=None, max_keepalive_connections=None, keepalive_expiry=5.0)"
    assert repr(Limits(max_connections_per_host=2)).endswith("keepalive_expiry=5.0, max_connections_per_host=2)")
    assert Limits(max_connections=1) == Limits(max_connections=1) != Limits(max_connections=2)
    assert Limits(max_connections_per_host=1) != Limits()
    assert Limits() != None  # noqa: E711  # what is tested
    with pytest.raises(TypeError):
        Limits(5)  # type: ignore[call-arg]  # what is tested


def test_defaults() -> None:
    assert Timeout(5.0) == DEFAULT_TIMEOUT_CONFIG
    assert Limits(max_connections=100, max_keepalive_connections=20, keepalive_expiry=5.0) == DEFAULT_LIMITS
    assert DEFAULT_MAX_REDIRECTS == 20
    assert repr(UNSET) == "UNSET"


def test_proxy_takes_credentials_out_of_its_url() -> None:
    proxy = Proxy("https://user:p%40ss@localhost:8080", headers={"a": "b"})
    assert proxy.url == URL("https://localhost:8080")
    assert proxy.auth == ("user", "p@ss")
    assert proxy.raw_auth == (b"user", b"p@ss")
    assert proxy.headers == Headers({"a": "b"})
    assert proxy.ssl_context is None


@pytest.mark.parametrize(
    ("proxy", "text"),
    [
        (Proxy("http://localhost:80"), "Proxy('http://localhost')"),
        (Proxy(URL("socks5h://localhost")), "Proxy('socks5h://localhost')"),
        (Proxy("socks5://user:s3cret@localhost"), "Proxy('socks5://localhost', auth=('user', '********'))"),
        (Proxy("http://localhost", auth=("u", "s3cret")), "Proxy('http://localhost', auth=('u', '********'))"),
        (
            Proxy("http://localhost", headers={"A": "b", "Proxy-Authorization": "s3cret"}),
            "Proxy('http://localhost', headers={'a': 'b', 'proxy-authorization': '[secure]'})",
        ),
    ],
)
def test_proxy_repr_masks_secrets(proxy: Proxy, text: str) -> None:
    assert repr(proxy) == text


@pytest.mark.parametrize("url", ["ftp://localhost", "localhost", "", "socks6://user:s3cret@localhost"])
def test_unknown_proxy_scheme(url: str) -> None:
    with pytest.raises(ValueError) as info:
        Proxy(url)
    assert str(info.value) == f"Unknown scheme for proxy URL {URL(url)!r}"
    assert "s3cret" not in str(info.value)


def test_proxy_without_auth() -> None:
    assert Proxy("http://localhost").auth is None
    assert Proxy("http://localhost").raw_auth is None
    assert Proxy("http://localhost", auth=("u", "é")).raw_auth == (b"u", "é".encode())


def test_create_ssl_context_is_reexported() -> None:
    from httpx import _tls

    assert _config.create_ssl_context is _tls.create_ssl_context
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _config.nothing  # noqa: B018  # what is tested


@pytest.mark.parametrize("module", ["ssl", "http.cookiejar", "email", "publicsuffixlist"])
def test_configuration_imports_nothing_heavy(module: str) -> None:
    code = (
        f"import httpx._config, httpx._models, sys; httpx._models.Cookies().get('a'); print('{module}' in sys.modules)"
    )
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert output == "False\n"
