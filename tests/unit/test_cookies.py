from __future__ import annotations

import copy
import pickle
import sys
import threading
import time
from http.cookiejar import Cookie, CookieJar, DefaultCookiePolicy
from types import FrameType
from typing import Any

import pytest

from httpx._exceptions import CookieConflict
from httpx._models import Cookies, Request, Response
from httpx._models.cookiejar import MAX_COOKIES, MAX_COOKIES_PER_DOMAIN


def answer(cookies: Cookies, url: str, *fields: str | bytes) -> Cookies:
    """Let a response from that URL set cookies."""
    raw = [(b"Set-Cookie", field.encode() if isinstance(field, str) else field) for field in fields]
    cookies.extract_cookies(Response(200, headers=raw, request=Request("GET", url)))
    return cookies


def ask(cookies: Cookies, url: str) -> str | None:
    """Return the Cookie field of a request to that URL."""
    request = Request("GET", url)
    cookies.set_cookie_header(request)
    value: str | None = request.headers.get("Cookie")
    return value


def only(cookies: Cookies) -> Cookie:
    (cookie,) = cookies.jar
    return cookie


# The mapping.


@pytest.mark.parametrize("given", [{"a": "b"}, [("a", "b")], (("a", "b"),), Cookies({"a": "b"})])
def test_what_cookies_are_made_of(given: Any) -> None:
    cookies = Cookies(given)
    assert dict(cookies) == {"a": "b"}
    assert repr(cookies) == "<Cookies[<Cookie a=b for  />]>"
    assert cookies == {"a": "b"}


@pytest.mark.parametrize("given", ["ab", 3])
def test_what_cookies_are_not_made_of(given: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        Cookies(given)


def test_empty_cookies() -> None:
    cookies = Cookies()
    assert not cookies and len(cookies) == 0 and list(cookies) == [] and repr(cookies) == "<Cookies[]>"
    assert cookies.get("a") is None and "a" not in cookies
    cookies.clear()
    cookies.delete("a")
    cookies.update(None)
    assert ask(cookies, "http://example.org/") is None
    assert cookies._jar is None, "nothing was stored, and still there is a jar"


def test_names_with_several_cookies_are_a_conflict() -> None:
    cookies = Cookies({"a": "b"})
    cookies.set("a", "c", domain="example.org", path="/x")
    assert len(cookies) == 2 and list(cookies) == ["a", "a"]
    for lookup in (lambda: cookies["a"], lambda: cookies.get("a"), lambda: "a" in cookies):
        with pytest.raises(CookieConflict, match="Multiple cookies exist with name=a"):
            lookup()
    assert cookies.get("a", domain="example.org") == "c"
    assert cookies.get("a", domain="") == "b"
    assert cookies.get("a", path="/x") == "c"
    assert cookies.get("a", "none", domain="other.org") == "none"


def test_delete_and_clear() -> None:
    cookies = Cookies({"a": "b", "c": "d"})
    cookies.set("a", "e", domain="example.org", path="/x")
    cookies.delete("a", domain="example.org", path="/y")
    assert len(cookies) == 3
    cookies.delete("a")
    assert dict(cookies) == {"c": "d"}
    del cookies["c"]
    del cookies["c"]
    assert not cookies
    cookies.set("a", "e", domain="example.org", path="/x")
    # Nothing to remove is no error, also where there was something once.
    cookies.clear("other.org")
    cookies.clear("example.org", "/y")
    assert len(cookies) == 1
    with pytest.raises(KeyError):
        cookies.jar.clear("example.org", "/x", "z")
    with pytest.raises(ValueError, match="needs a domain"):
        cookies.clear(path="/x")
    cookies.clear("example.org", "/x")
    assert not cookies
    cookies.set("a", "e", domain="example.org")
    cookies.clear("example.org")
    cookies["f"] = "g"
    cookies.clear()
    assert not cookies


def test_absent_names() -> None:
    cookies = Cookies({"a": "b"})
    with pytest.raises(KeyError, match="'z'"):
        cookies["z"]
    assert cookies.pop("a") == "b" and cookies.setdefault("x", "y") == "y"


def test_update_keeps_domains() -> None:
    cookies, others = Cookies({"a": "b"}), Cookies()
    others.set("c", "d", domain="example.org")
    cookies.update(others)
    cookies.update({"a": "e"})
    cookies.update(others.jar)
    assert cookies.get("a") == "e" and cookies.get("c", domain="example.org") == "d" and len(cookies) == 2


def test_copies_are_independent() -> None:
    cookies = answer(Cookies(), "https://example.org/", "a=b; Secure; Max-Age=100")
    for duplicate in (Cookies(cookies), copy.deepcopy(cookies), pickle.loads(pickle.dumps(cookies))):
        assert ask(duplicate, "https://example.org/") == "a=b"
        duplicate["c"] = "d"
        assert len(cookies) == 1


def test_jar_can_be_read_and_written() -> None:
    cookies = Cookies({"a": "b"})
    assert isinstance(cookies.jar, CookieJar)
    (cookie,) = cookies.jar
    assert (cookie.name, cookie.value, cookie.domain, cookie.path, cookie.expires) == ("a", "b", "", "/", None)
    cookie.value = "c"
    assert ask(cookies, "http://example.org/") == "a=c"
    cookies.jar.clear_session_cookies()
    assert not cookies


# Sending.


def test_cookies_without_a_domain_go_everywhere() -> None:
    cookies = Cookies({"a": "b", "c": "d e"})
    for url in ("http://example.org/", "https://127.0.0.1/x", "http://[::1]:80/", "http://localhost", "/relative"):
        assert ask(cookies, url) == "a=b; c=d e"


@pytest.mark.parametrize("domain", ["example.org", ".example.org"])
def test_cookies_with_a_domain_go_to_hosts_below_it(domain: str) -> None:
    cookies = Cookies()
    cookies.set("a", "b", domain=domain)
    assert ask(cookies, "http://example.org/") == ask(cookies, "http://a.b.example.org/") == "a=b"
    assert ask(cookies, "http://xexample.org/") is ask(cookies, "http://org/") is None


@pytest.mark.parametrize(
    ("host", "domain"),
    [("localhost", "localhost"), ("localhost", "localhost.local"), ("127.0.0.1", "127.0.0.1"), ("[::1]", "::1")],
)
def test_cookies_for_hosts_that_are_no_domains(host: str, domain: str) -> None:
    cookies = Cookies()
    cookies.set("a", "b", domain=domain)
    assert ask(cookies, f"http://{host}:8000/") == "a=b"
    assert ask(cookies, "http://example.org/") is None


def test_longer_paths_come_first_then_older_cookies() -> None:
    cookies = Cookies()
    answer(cookies, "http://example.org/", "a=1", "b=2; Path=/x")
    cookies["c"] = "3"
    answer(cookies, "http://example.org/", "d=4; Domain=example.org", "a=5")
    assert ask(cookies, "http://example.org/x/y?z") == "b=2; a=5; c=3; d=4"
    assert ask(Cookies(cookies), "http://example.org/x") == "b=2; a=5; c=3; d=4"
    assert ask(cookies, "http://example.org/xy") == "a=5; c=3; d=4"


def test_a_cookie_field_of_the_request_stays() -> None:
    request = Request("GET", "http://example.org/", headers={"Cookie": "z=1"})
    Cookies({"a": "b"}).set_cookie_header(request)
    assert request.headers.get_list("Cookie") == ["z=1"]


def test_secure_cookies_go_over_https_only() -> None:
    cookies = answer(Cookies(), "https://example.org/", "a=b; Secure", "c=d")
    assert ask(cookies, "http://example.org/") == "c=d"
    assert ask(cookies, "https://example.org/") == ask(cookies, "wss://example.org/") == "a=b; c=d"


def test_expired_cookies_are_not_sent_and_go() -> None:
    cookies = answer(Cookies(), "http://example.org/", "a=b; Max-Age=1000", "c=d")
    next(cookie for cookie in cookies.jar if cookie.name == "a").expires = int(time.time()) - 1
    assert ask(cookies, "http://example.org/") == "c=d"
    assert dict(cookies) == {"c": "d"}


def test_cookies_of_users_may_have_ports_and_no_value() -> None:
    cookies = Cookies({"a": "b"})
    cookie = only(cookies)
    cookie.value, cookie.port = None, "80,8080"
    assert ask(cookies, "http://example.org/") == ask(cookies, "http://example.org:8080/") == "a"
    assert ask(cookies, "https://example.org/") is None


def test_more_than_ascii_is_sent_as_utf_8() -> None:
    request = Request("GET", "http://example.org/")
    answer(Cookies(), "http://example.org/", "a=é").set_cookie_header(request)
    assert (b"Cookie", "a=é".encode()) in request.headers.raw


def test_international_hosts() -> None:
    cookies = answer(Cookies(), "http://bücher.example/", "a=b")
    assert ask(cookies, "http://xn--bcher-kva.example/") == ask(cookies, "http://bücher.example/") == "a=b"


# Storing.


def test_what_is_known_of_a_cookie() -> None:
    field = "a=b; Domain=example.org; Path=/foo; Max-Age=100; Secure; HttpOnly; SameSite=Lax"
    cookie = only(answer(Cookies(), "https://www.example.org/", field))
    assert (cookie.domain, cookie.domain_specified, cookie.path, cookie.path_specified) == (
        ".example.org",
        True,
        "/foo",
        True,
    )
    assert cookie.secure and not cookie.discard and cookie.expires is not None
    assert abs(cookie.expires - time.time() - 100) < 5
    assert cookie.has_nonstandard_attr("HttpOnly") and cookie.get_nonstandard_attr("SameSite") == "Lax"


def test_cookies_without_a_domain_belong_to_their_host() -> None:
    cookies = answer(Cookies(), "http://example.org/x/y", "a=b")
    assert (only(cookies).domain, only(cookies).path) == ("example.org", "/x")
    assert ask(cookies, "http://example.org/x") == "a=b"
    assert ask(cookies, "http://a.example.org/x") is ask(cookies, "http://example.org/") is None


@pytest.mark.parametrize(
    ("url", "domain", "is_stored"),
    [
        ("http://www.example.org/", "example.org", True),
        ("http://www.example.org/", ".WWW.example.org", True),
        ("http://example.org/", "www.example.org", False),
        ("http://example.org/", "example.com", False),
        ("http://example.org/", "org", False),
        ("http://example.co.uk/", "co.uk", False),
        ("http://me.github.io/", "github.io", False),
        ("http://a.localhost/", "localhost", False),
        ("http://example.org/", "münchen.example.org", False),
        ("http://127.0.0.1/", "0.0.1", False),
        ("http://example.org/", "example.org.", False),
    ],
)
def test_domain_attribute(url: str, domain: str, is_stored: bool) -> None:
    assert bool(answer(Cookies(), url, f"a=b; Domain={domain}")) is is_stored


@pytest.mark.parametrize("host", ["co.uk", "127.0.0.1", "github.io"])
def test_domain_attribute_that_names_a_host_nobody_shares(host: str) -> None:
    cookies = answer(Cookies(), f"http://{host}/", f"a=b; Domain={host}")
    assert only(cookies).domain == host and not only(cookies).domain_specified
    assert ask(cookies, f"http://{host}/") == "a=b"
    assert ask(cookies, f"http://a.{host}.example.org/") is None
    if not host[0].isdigit():
        assert ask(cookies, f"http://a.{host}/") is None


@pytest.mark.parametrize("domain", ["testserver", "testserver.local", ".testserver.local"])
def test_hosts_without_a_dot_are_kept_as_the_standard_library_does(domain: str) -> None:
    cookies = answer(Cookies(), "http://testserver/", f"a=b; Domain={domain}")
    assert only(cookies).domain == "testserver.local"
    assert ask(cookies, "http://testserver/") == "a=b"
    assert ask(cookies, "http://other/") is None


@pytest.mark.parametrize("domain", ["local", "other.local", "a.testserver.local"])
def test_hosts_without_a_dot_set_no_cookies_for_others(domain: str) -> None:
    assert not answer(Cookies(), "http://testserver/", f"a=b; Domain={domain}")


def test_a_server_replaces_what_a_user_set_for_its_host() -> None:
    for domain in ("testserver", "testserver.local"):
        cookies = Cookies()
        cookies.set("a", "user", domain=domain)
        answer(cookies, "http://testserver/", "a=server")
        assert ask(cookies, "http://testserver/") == "a=server"


def test_expired_cookies_remove_their_like() -> None:
    cookies = answer(Cookies(), "http://example.org/", "a=b", "c=d", "a=; Max-Age=0")
    assert dict(cookies) == {"c": "d"}
    answer(cookies, "http://example.org/", "c=; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "x=y; Max-Age=-1")
    assert not cookies


def test_secure_cookies_come_over_https_only() -> None:
    assert not answer(Cookies(), "http://example.org/", "a=b; Secure", "__Secure-a=b; Secure", "__Host-a=b; Path=/")
    assert len(answer(Cookies(), "https://example.org/", "a=b; Secure", "__Host-a=b; Path=/; Secure")) == 2


@pytest.mark.parametrize(
    ("secure_field", "secure_url", "field", "url", "is_stored"),
    [
        ("a=1; Secure", "https://example.org/", "a=2", "http://example.org/", False),
        ("a=1; Secure", "https://example.org/", "a=; Max-Age=0", "http://example.org/", False),
        ("a=1; Secure", "https://example.org/", "a=2", "https://example.org/", True),
        ("a=1; Secure", "https://example.org/", "b=2", "http://example.org/", True),
        ("a=1; Secure", "https://other.org/", "a=2", "http://example.org/", True),
        # Above and below, where the one would hide the other.
        ("a=1; Secure; Domain=example.org", "https://example.org/", "a=2", "http://x.example.org/", False),
        ("a=1; Secure", "https://x.example.org/", "a=2; Domain=example.org", "http://example.org/", False),
        # RFC 6265bis 5.7: only under the path of the secure one.
        ("a=1; Secure; Path=/x", "https://example.org/", "a=2; Path=/x/y", "http://example.org/", False),
        ("a=1; Secure; Path=/x", "https://example.org/", "a=2; Path=/", "http://example.org/", True),
    ],
)
def test_secure_cookies_are_left_alone(
    secure_field: str, secure_url: str, field: str, url: str, is_stored: bool
) -> None:
    cookies = answer(Cookies(), secure_url, secure_field)
    answer(cookies, url, field)
    assert ("2" in [cookie.value for cookie in cookies.jar]) is is_stored
    if not is_stored:
        assert dict(cookies) == {"a": "1"}


def test_cookies_that_are_only_shown_need_no_https() -> None:
    response = Response(
        200, headers={"Set-Cookie": "__Secure-a=b; Secure"}, request=Request("GET", "http://example.org/")
    )
    assert dict(Cookies._announced_by(response)) == {"__Secure-a": "b"}


def test_responses_without_cookies_or_request() -> None:
    cookies = Cookies()
    cookies.extract_cookies(Response(200, headers={"a": "b"}))
    assert cookies._jar is None
    with pytest.raises(RuntimeError):
        cookies.extract_cookies(Response(200, headers={"Set-Cookie": "a=b"}))


def test_cookies_of_a_domain_are_counted() -> None:
    cookies = Cookies()
    answer(cookies, "https://example.org/", "keep=1; Secure", "gone=1")
    fields = [f"n{index}=x" for index in range(MAX_COOKIES_PER_DOMAIN)]
    answer(cookies, "https://example.org/", *fields)
    names = set(cookies)
    assert len(names) == MAX_COOKIES_PER_DOMAIN
    assert "keep" in names and f"n{MAX_COOKIES_PER_DOMAIN - 1}" in names
    assert "gone" not in names and "n0" not in names, "the oldest go first"


def test_all_cookies_are_counted_and_those_for_all_hosts_spared() -> None:
    cookies = Cookies({"mine": "1"})
    for index in range(MAX_COOKIES + 1):
        answer(cookies, f"http://h{index}.example/", "a=b")
    assert len(cookies) <= MAX_COOKIES + 1
    assert cookies["mine"] == "1"
    assert ask(cookies, "http://h0.example/") == "mine=1"
    assert ask(cookies, f"http://h{MAX_COOKIES}.example/") == "mine=1; a=b"


def test_expired_cookies_are_the_first_to_go() -> None:
    cookies = Cookies()
    answer(cookies, "https://example.org/", "old=1", "expired=1; Max-Age=1000; Secure")
    next(cookie for cookie in cookies.jar if cookie.name == "expired").expires = 1
    answer(cookies, "https://example.org/", *[f"n{index}=x" for index in range(MAX_COOKIES_PER_DOMAIN - 1)])
    assert "old" in set(cookies) and "expired" not in set(cookies)


def test_threads_may_share_cookies() -> None:
    cookies = Cookies()
    errors: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for index in range(100):
                answer(cookies, "http://example.org/", f"n{number}-{index % 10}=x; Max-Age={index % 2 * 100}")
                ask(cookies, "http://example.org/")
        except BaseException as exc:
            errors.append(exc)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors


# A jar of the user's.


class RecordingJar(CookieJar):
    """A jar that tells what it was asked."""

    seen: list[Any]

    def add_cookie_header(self, request: Any) -> None:
        self.seen.append((request.get_full_url(), request.get_method(), request.get_header("Accept")))
        super().add_cookie_header(request)


def test_a_jar_is_used_and_not_copied() -> None:
    jar = RecordingJar()
    jar.seen = []
    cookies = Cookies(jar)
    assert cookies.jar is jar and not cookies
    answer(cookies, "http://example.org/x", "a=b")
    assert [cookie.name for cookie in jar] == ["a"] and cookies and dict(cookies) == {"a": "b"}
    request = Request("GET", "http://user:s3cret@example.org/x?y", headers={"Accept": "*/*"})
    cookies.set_cookie_header(request)
    assert request.headers["Cookie"] == "a=b"
    assert jar.seen == [("http://example.org/x?y", "GET", "*/*")]


def test_a_jar_keeps_its_policy() -> None:
    jar = CookieJar(DefaultCookiePolicy(blocked_domains=["example.org"]))
    cookies = answer(Cookies(jar), "http://example.org/", "a=b")
    assert not cookies
    answer(cookies, "http://example.com/", "a=b")
    assert ask(cookies, "http://example.com/") == "a=b"
    duplicate = answer(Cookies(cookies), "http://example.org/", "c=d")
    assert duplicate.jar is not jar and dict(duplicate) == {"a": "b"}


def test_a_jar_may_be_assigned() -> None:
    cookies, jar = Cookies({"a": "b"}), CookieJar()
    cookies.jar = jar
    assert not cookies
    cookies["c"] = "d"
    assert [cookie.name for cookie in jar] == ["c"]
    assert ask(cookies, "http://example.org/") == "c=d"


def test_the_jar_of_other_cookies_is_shared() -> None:
    cookies = Cookies({"a": "b"})
    shared = Cookies(cookies.jar)
    shared["c"] = "d"
    assert dict(cookies) == {"a": "b", "c": "d"}


# Costs.


def count_calls(cookies: Cookies, url: str) -> int:
    request = Request("GET", url)
    count = 0

    def profile(frame: FrameType, event: str, argument: object) -> None:
        nonlocal count
        count += event == "call"

    sys.setprofile(profile)
    try:
        cookies.set_cookie_header(request)
    finally:
        sys.setprofile(None)
    return count


def test_one_matching_cookie_costs_few_calls() -> None:
    cookies = Cookies()
    cookies.set("a", "b", domain="example.org")
    ask(cookies, "http://www.example.org/x")
    assert count_calls(cookies, "http://www.example.org/x") <= 15


def test_lookup_does_not_grow_with_foreign_domains() -> None:
    cookies = Cookies()
    cookies.set("a", "b", domain="example.org")
    ask(cookies, "http://example.org/")
    before = count_calls(cookies, "http://example.org/")
    for index in range(1000):
        cookies.set("a", "b", domain=f"h{index}.example")
    assert count_calls(cookies, "http://example.org/") == before
    # Nor does it go through them without a call.
    jar: Any = cookies.jar
    jar._cookies = NotGoneThrough(jar._cookies)
    assert ask(cookies, "http://example.org/") == "a=b"


class NotGoneThrough(dict[str, Any]):
    """A mapping whose keys are looked up, and never gone through."""

    def _refuse(self) -> Any:
        raise AssertionError("the domains are gone through")

    __iter__ = keys = values = items = _refuse
