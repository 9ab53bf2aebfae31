"""Authentication: what is sent with which request, who is asked first, and what flows of the user's see."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import AsyncGenerator, Callable, Generator, Iterator
from typing import Any

import httpx
from tests.differential.cases import Cases
from tests.differential.faces import Face, add_program, add_programs, tell

CASES = Cases()

URL = "https://a.example/path?q=1"

Answer = tuple[int, list[tuple[str, str]]]


class Script:
    """A handler that answers by a list, whose last answer repeats, and notes what Authorization came."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.seen: list[Any] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request.headers.get("authorization"))
        status, fields = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return httpx.Response(status, headers=fields)


class FixedDigest(httpx.DigestAuth):
    """Digest authentication whose client nonces are known."""

    def _get_client_nonce(self, nonce_count: int, nonce: bytes) -> bytes:
        return b"cnonce-%d-%b" % (nonce_count, nonce)


def challenge(*values: str, status: int = 401) -> Answer:
    return status, [("www-authenticate", value) for value in values]


OK: Answer = (200, [])

# --- who is asked ---


async def sends_basic(face: Face, name: str, client_auth: Any, url: str, request_auth: Any) -> object:
    script = Script(OK)
    client = face.client(script, auth=client_auth)
    options = {} if request_auth == "default" else {"auth": request_auth}
    response = tell(await face.attempt(client.get, url, **options))
    return [response, script.seen, type(client.auth).__name__]


add_programs(
    CASES,
    sends_basic,
    [
        ("none", None, URL, "default"),
        ("client", ("user", "secret"), URL, "default"),
        ("client bytes", (b"user", b"secret"), URL, "default"),
        ("not ascii", ("üser", "sécret"), URL, "default"),
        ("empty", ("", ""), URL, "default"),
        ("colon", ("a:b", "c:d"), URL, "default"),
        ("list", ["user", "secret"], URL, "default"),
        ("long tuple", ("user", "secret", "more"), URL, "default"),
        ("number", 5, URL, "default"),
        ("text", "user:secret", URL, "default"),
        ("request", None, URL, ("user", "secret")),
        ("request wins", ("client", "c"), URL, ("request", "r")),
        ("request None", ("client", "c"), URL, None),
        ("url", None, "https://user:secret@a.example/", "default"),
        ("url without password", None, "https://user@a.example/", "default"),
        ("url without name", None, "https://:secret@a.example/", "default"),
        ("url empty", None, "https://@a.example/", "default"),
        ("url escaped", None, "https://us%40er:se%2Fcr%3Aet@a.example/", "default"),
        ("url not ascii", None, "https://ü:é@a.example/", "default"),
        ("url against client", ("client", "c"), "https://url:u@a.example/", "default"),
        ("url against request", None, "https://url:u@a.example/", ("request", "r")),
        ("url against None", ("client", "c"), "https://url:u@a.example/", None),
    ],
)


async def auth_against_header(face: Face, where: str) -> object:
    script = Script(OK)
    client = face.client(
        script, auth=("user", "secret"), headers={"Authorization": "client"} if where == "client" else {}
    )
    await face.do(client.get, URL, headers={"Authorization": "request"} if where == "request" else {})
    await face.do(client.get, URL, auth=None)
    return script.seen


add_programs(CASES, auth_against_header, ["client", "request"])


async def auth_of_base_url(face: Face, url: str) -> object:
    seen: list[Any] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append([str(request.url), request.headers.get("authorization"), request.headers["host"]])
        return httpx.Response(200)

    await face.do(face.client(handler, base_url="https://user:secret@a.example/base").get, url)
    return seen


add_programs(CASES, auth_of_base_url, ["/relative", "https://b.example/absolute", "https://a.example/same"])


async def auth_set_on_the_client_later(face: Face) -> object:
    script = Script(OK)
    client = face.client(script)
    for auth in (("a", "b"), httpx.BasicAuth("c", "d"), lambda request: request, None):
        client.auth = auth
        await face.do(client.get, URL)
    script.seen.append(tell(await face.attempt(setattr, client, "auth", 5)))
    return script.seen


add_program(CASES)(auth_set_on_the_client_later)


async def function_gives(face: Face, kind: str) -> object:
    script = Script(OK)

    def other(request: httpx.Request) -> Any:
        if kind == "same":
            request.headers["Authorization"] = "from a function"
            return request
        return httpx.Request("PUT", "https://other.example/") if kind == "other" else None

    return [tell(await face.attempt(face.client(script).get, URL, auth=other)), script.seen] if kind != "none" else []


add_programs(CASES, function_gives, ["same", "other"])


async def auth_after_redirect(face: Face, location: str, form: str) -> object:
    seen: list[Any] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append([str(request.url), request.headers.get("authorization")])
        return httpx.Response(302, headers={"location": location}) if len(seen) == 1 else httpx.Response(200)

    options: dict[str, Any] = {"follow_redirects": True}
    if form == "auth":
        options["auth"] = ("user", "secret")
    elif form == "header":
        options["headers"] = {"Authorization": "own"}
    else:
        options["headers"] = {"Proxy-Authorization": "own"}
    url = "http://user:secret@a.example/" if form == "url" else "http://a.example/"
    await face.do(face.client(handler).get, url, **options)
    return seen


add_programs(
    CASES,
    auth_after_redirect,
    [
        (location, form)
        for form in ("auth", "header", "url")
        for location in (
            "/two",
            "https://a.example/",
            "https://a.example:8443/",
            "http://a.example:80/",
            "http://b.example/",
            "http://sub.a.example/",
        )
    ],
)

# --- digest ---


async def answers_digest(face: Face, name: str, value: str | tuple[str, ...], method: str = "GET") -> object:
    script = Script(challenge(*([value] if isinstance(value, str) else value)), OK)
    client = face.client(script, auth=FixedDigest("user", "secret"))
    content = b"the body" if method == "POST" else None
    return [tell(await face.attempt(client.request, method, URL, content=content)), script.seen]


PLAIN = 'Digest realm="r", nonce="n"'

add_programs(
    CASES,
    answers_digest,
    [
        ("RFC 2069", PLAIN),
        ("opaque", PLAIN + ', opaque="o"'),
        ("auth", PLAIN + ', qop="auth"'),
        ("auth and opaque", PLAIN + ', qop="auth", opaque="o"'),
        ("auth unquoted", PLAIN + ", qop=auth"),
        ("auth and auth-int", PLAIN + ', qop="auth,auth-int"'),
        ("auth-int and auth with spaces", PLAIN + ', qop="auth-int , auth"'),
        ("auth of POST", PLAIN + ', qop="auth"', "POST"),
        ("unknown qop", PLAIN + ', qop="other"'),
        ("empty qop", PLAIN + ', qop=""'),
        ("MD5", PLAIN + ', algorithm=MD5, qop="auth"'),
        ("md5", PLAIN + ', algorithm=md5, qop="auth"'),
        ("MD5 quoted", PLAIN + ', algorithm="MD5", qop="auth"'),
        ("MD5-SESS", PLAIN + ', algorithm=MD5-SESS, qop="auth"'),
        ("MD5-sess", PLAIN + ', algorithm=MD5-sess, qop="auth"'),
        ("SHA", PLAIN + ', algorithm=SHA, qop="auth"'),
        ("SHA-SESS", PLAIN + ', algorithm=SHA-SESS, qop="auth"'),
        ("SHA-256", PLAIN + ', algorithm=SHA-256, qop="auth"'),
        ("SHA-256-SESS", PLAIN + ', algorithm=SHA-256-SESS, qop="auth"'),
        ("SHA-512", PLAIN + ', algorithm=SHA-512, qop="auth"'),
        ("SHA-512-SESS", PLAIN + ', algorithm=SHA-512-SESS, qop="auth"'),
        ("stale", PLAIN + ", stale=true"),
        ("comma in realm", 'Digest realm="a, b", nonce="n", qop="auth"'),
        ("equals in nonce", 'Digest realm="r", nonce="bm9uY2U==", qop="auth"'),
        ("lower case scheme", PLAIN.replace("Digest", "digest")),
        ("upper case scheme", PLAIN.replace("Digest", "DIGEST")),
        ("tight", 'Digest realm="r",nonce="n",qop="auth"'),
        ("wide", 'Digest  realm="r" ,  nonce="n" ,  qop="auth"'),
        ("no realm", 'Digest nonce="n"'),
        ("no nonce", 'Digest realm="r"'),
        ("nothing", "Digest"),
        ("only basic", 'Basic realm="r"'),
        ("basic first", ('Basic realm="r"', PLAIN)),
        ("digest first", (PLAIN, 'Basic realm="r"')),
        ("none", ()),
    ],
)


def digest(*values: str, method: str = "GET") -> object:
    """Return what answers challenges whose values nobody would send."""
    script = Script(challenge(*values), OK)
    client = httpx.Client(transport=httpx.MockTransport(script), auth=FixedDigest("user", "secret"))
    response = client.request(method, URL, content=None if method == "GET" else b"body")
    return [response.status_code, script.seen]


CASES.table(
    digest,
    [
        ('Digest realm="a", nonce="b"',),
        ('Digest realm="", nonce="", opaque=""',),
        ('Digest realm="a", nonce="b", realm="c"',),
        ('Digest realm="a", nonce="b", opaque="", domain="/ /b"',),
        ('Digest realm="a", nonce="b", qop="auth-int, auth"',),
        ('Digest realm="a", nonce="b", algorithm=NONE', 'Digest realm="c", nonce="d"'),
        ("Negotiate", 'Digest realm="a", nonce="b"'),
        ('digest Realm = "a" , NONCE = "b" , Qop = "auth"',),
        ('Basic realm="x"', 'Digest realm="a", nonce="b"'),
        ('Digest realm="a, b=c", nonce="d"',),
        ("Digest realm=a, nonce=b, qop=auth, algorithm=MD5-sess",),
    ],
    texts=False,
)


async def digest_counts_nonces(face: Face) -> object:
    script = Script(challenge(PLAIN + ', qop="auth"'), OK)
    client = face.client(script, auth=FixedDigest("user", "secret"))
    for path in ("/one", "/two", "/three?q"):
        await face.do(client.get, "https://a.example" + path)
    return script.seen


async def digest_takes_a_second_nonce(face: Face) -> object:
    second = challenge('Digest realm="r", nonce="m", qop="auth", stale=true')
    script = Script(challenge(PLAIN + ', qop="auth"'), OK, second, OK)
    client = face.client(script, auth=FixedDigest("user", "secret"))
    told = [tell(await face.do(client.get, "https://a.example/")) for _ in range(3)]
    return [told, script.seen]


async def digest_is_refused_twice(face: Face) -> object:
    script = Script(challenge(PLAIN + ', qop="auth"'))
    client = face.client(script, auth=FixedDigest("user", "wrong"))
    return [tell(await face.do(client.get, URL)), script.seen]


async def digest_keeps_the_history(face: Face) -> object:
    script = Script(challenge(PLAIN), OK)
    response = await face.do(face.client(script, auth=FixedDigest("user", "secret")).get, URL)
    return [
        [earlier.status_code for earlier in response.history],
        [earlier.is_closed for earlier in response.history],
        [earlier.request.headers.get("authorization") for earlier in response.history],
        response.request is response.history[0].request,
    ]


async def digest_with_a_body_that_is_gone(face: Face) -> object:
    script = Script(challenge(PLAIN), OK)

    def handler(request: httpx.Request) -> httpx.Response:
        return script(request)

    client = face.client(transport=face.transport(handler), auth=FixedDigest("user", "secret"))
    return [tell(await face.attempt(client.post, URL, content=face.body([b"a", b"b"]))), len(script.seen)]


async def digest_and_cookies_of_the_challenge(face: Face) -> object:
    seen: list[Any] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers.get("cookie"))
        fields = [("www-authenticate", PLAIN), ("set-cookie", "session=1")]
        return httpx.Response(401, headers=fields) if len(seen) == 1 else httpx.Response(200)

    await face.do(face.client(handler, auth=FixedDigest("user", "secret")).get, URL)
    return seen


async def digest_streams_the_last_answer(face: Face) -> object:
    script = Script(challenge(PLAIN), OK)
    client = face.client(script, auth=FixedDigest("user", "secret"))
    response = await face.do(client.send, client.build_request("GET", URL), stream=True)
    return [response.is_closed, [earlier.is_closed for earlier in response.history], await face.read(response)]


for _program in (
    digest_counts_nonces,
    digest_takes_a_second_nonce,
    digest_is_refused_twice,
    digest_keeps_the_history,
    digest_with_a_body_that_is_gone,
    digest_and_cookies_of_the_challenge,
    digest_streams_the_last_answer,
):
    add_program(CASES)(_program)

# --- flows of the user's ---


class Flow(httpx.Auth):
    """A flow that asks three times and tells what it sees."""

    def __init__(self, told: list[Any], *, steps: int = 2) -> None:
        self.told = told
        self.steps = steps

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        self.told.append(["request", hasattr(request, "_content")])
        try:
            for step in range(self.steps):
                request.headers["X-Step"] = str(step)
                response = yield request
                self.told.append(["response", response.status_code, response.is_closed, hasattr(response, "_content")])
        finally:
            self.told.append("end")


class NeedsRequest(Flow):
    requires_request_body = True


class NeedsResponse(Flow):
    requires_response_body = True


async def flow_sees(face: Face, kind: str, steps: int) -> object:
    told: list[Any] = []
    auth = {"plain": Flow, "request": NeedsRequest, "response": NeedsResponse}[kind](told, steps=steps)

    def handler(request: httpx.Request) -> httpx.Response:
        told.append(request.headers.get("x-step"))
        return httpx.Response(200, stream=face.stream([b"body"]))

    client = face.client(transport=face.transport(handler), auth=auth)
    response = await face.attempt(client.post, URL, content=face.body([b"a"]))
    return [tell(response), told]


add_programs(CASES, flow_sees, [(kind, steps) for kind in ("plain", "request", "response") for steps in (0, 1, 2, 3)])


async def flow_of_its_own_colour(face: Face) -> object:
    told: list[str] = []

    class Both(httpx.Auth):
        def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
            told.append("sync")
            yield request

        async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
            told.append("async")
            yield request

    return [tell(await face.do(face.client(httpx.Response(200), auth=Both()).get, URL)), told]


async def flow_that_sends_another_request(face: Face) -> object:
    class Token(httpx.Auth):
        requires_response_body = True

        def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
            response = yield httpx.Request("POST", "https://login.example/token", content=b"x")
            request.headers["Authorization"] = "Bearer " + response.text
            yield request

    seen: list[Any] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append([request.method, str(request.url), request.headers.get("authorization")])
        return httpx.Response(200, text="token")

    return [tell(await face.do(face.client(handler, auth=Token()).get, URL)), seen]


async def hooks_around_a_flow(face: Face) -> object:
    told: list[Any] = []
    hooks = {
        "request": [face.hook(lambda request: told.append(["request", request.headers.get("x-step")]))],
        "response": [face.hook(lambda response: told.append(["response", response.is_closed]))],
    }
    await face.do(face.client(httpx.Response(200), auth=Flow(told), event_hooks=hooks).get, URL)
    return told


async def flow_and_redirects(face: Face) -> object:
    told: list[Any] = []

    def handler(request: httpx.Request) -> httpx.Response:
        told.append([request.url.path, request.headers.get("x-step")])
        return httpx.Response(302, headers={"location": "/two"}) if request.url.path == "/" else httpx.Response(200)

    client = face.client(handler, auth=Flow(told), follow_redirects=True)
    return [tell(await face.do(client.get, "https://a.example/")), told]


async def flow_is_ended_when_the_transport_fails(face: Face) -> object:
    told: list[Any] = []

    def handler(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("no way")

    return [tell(await face.attempt(face.client(handler, auth=Flow(told)).get, URL)), told]


async def flow_with_a_last_answer_that_is_streamed(face: Face) -> object:
    told: list[Any] = []
    closed: list[str] = []
    client = face.client(lambda request: httpx.Response(200, stream=face.stream([b"x"], closed)), auth=Flow(told))
    response = await face.do(client.send, client.build_request("GET", URL), stream=True)
    return [tell(response), response.is_closed, closed, told]


for _program in (
    flow_of_its_own_colour,
    flow_that_sends_another_request,
    hooks_around_a_flow,
    flow_and_redirects,
    flow_is_ended_when_the_transport_fails,
    flow_with_a_last_answer_that_is_streamed,
):
    add_program(CASES)(_program)


async def flow_yields(face: Face, kind: str) -> object:
    """Tell what comes of a flow that does something odd."""
    seen: list[Any] = []

    class Odd(httpx.Auth):
        def auth_flow(self, request: httpx.Request) -> Generator[Any, httpx.Response, Any]:
            if kind == "url":
                request.url = httpx.URL("https://b.example/")
            if kind == "method":
                request.method = "PUT"
            if kind == "host":
                request.headers["Host"] = "own.example"
            response = yield request
            if kind == "same twice":
                yield request
            if kind == "returns":
                return response
            if kind == "read":
                seen.append(tell_content(response))
            return None

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append([request.method, str(request.url), request.headers["host"]])
        return httpx.Response(200, stream=face.stream([b"body"]))

    response = await face.attempt(face.client(transport=face.transport(handler), auth=Odd()).get, URL)
    return [tell(response), seen]


def tell_content(response: httpx.Response) -> object:
    try:
        return response.content
    except httpx.ResponseNotRead as exc:
        return str(exc)


add_programs(CASES, flow_yields, ["plain", "url", "method", "host", "same twice", "returns", "read"])


async def flow_of_one_colour_only(face: Face, colour: str) -> object:
    class OneColour(httpx.Auth):
        if colour == "sync":

            def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
                request.headers["X-Colour"] = "sync"
                yield request

        else:

            async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
                request.headers["X-Colour"] = "async"
                yield request

    client = face.client(
        lambda request: httpx.Response(200, text=request.headers.get("x-colour", "")), auth=OneColour()
    )
    return (await face.do(client.get, URL)).text


add_programs(CASES, flow_of_one_colour_only, ["sync", "async"])


async def flow_that_reads_a_body_of_the_other_colour(face: Face) -> object:
    client = face.client(httpx.Response(200), auth=NeedsRequest([]))

    async def parts() -> AsyncGenerator[bytes, None]:
        yield b"x"

    content: Any = iter([b"x"]) if face.is_async else parts()
    return type(await face.attempt(client.post, URL, content=content)).__name__


add_program(CASES)(flow_that_reads_a_body_of_the_other_colour)


async def one_auth_for_two_clients(face: Face) -> object:
    script = Script(challenge(PLAIN + ', qop="auth"'), OK)
    auth = FixedDigest("user", "secret")
    for _ in range(2):
        await face.do(face.client(script, auth=auth).get, URL)
    return script.seen


add_program(CASES)(one_auth_for_two_clients)

# --- netrc ---


@contextlib.contextmanager
def netrc_file(text: str) -> Iterator[str]:
    handle, path = tempfile.mkstemp()
    try:
        os.write(handle, text.encode())
        os.close(handle)
        yield path
    finally:
        os.unlink(path)


async def netrc_finds(face: Face, text: str, url: str) -> object:
    script = Script(OK)
    with netrc_file(text) as path:
        auth = httpx.NetRCAuth(path)
    await face.do(face.client(script, auth=auth).get, url)
    return script.seen


add_programs(
    CASES,
    netrc_finds,
    [
        (text, url)
        for text in (
            "machine a.example login user password secret",
            "machine a.example login user password secret\nmachine b.example login b password c",
            "default login user password secret",
            "machine a.example login user account x password secret",
            "machine a.example login user password ''",
            "",
        )
        for url in ("https://a.example/", "https://b.example:8443/", "https://A.EXAMPLE/")
    ],
)
add_programs(
    CASES,
    netrc_finds,
    [
        ("machine a.example login user password secret", "https://b.example@a.example:99/"),
        ("machine b.example login user password secret", "https://b.example@a.example:99/"),
        ("machine ::1 login user password secret", "https://[::1]:99/"),
        ("machine xn--9ca.example login user password secret", "https://xn--9ca.example/"),
        ('machine a.example login "us er" password "s#c\\"r"', "https://a.example/"),
    ],
)


@CASES.add
def netrc_file_that_is_not_there() -> object:
    try:
        httpx.NetRCAuth(os.path.join(tempfile.gettempdir(), "no such directory", "netrc"))
    except Exception as exc:
        return type(exc).__name__
    return "none"


@CASES.add
def netrc_file_that_is_none() -> object:
    with netrc_file("machine a.example nonsense") as path:
        try:
            httpx.NetRCAuth(path)
        except Exception as exc:
            return type(exc).__name__
    return "none"


# --- by hand ---


def walk(name: str) -> object:
    request = httpx.Request("GET", URL)
    flow = WALKED[name]().sync_auth_flow(request)
    first = next(flow)
    seen: list[Any] = [first is request, first.headers.get("authorization")]
    try:
        second = flow.send(httpx.Response(401, headers={"www-authenticate": PLAIN}, request=request))
        seen += [second is request, second.headers.get("authorization")]
    except StopIteration:
        seen.append("end")
    return seen


WALKED: dict[str, Callable[[], httpx.Auth]] = {
    "none": httpx.Auth,
    "basic": lambda: httpx.BasicAuth("user", "secret"),
    "digest": lambda: FixedDigest("user", "secret"),
    "digest bytes": lambda: FixedDigest(b"user", b"secret"),
    "digest not ascii": lambda: FixedDigest("üser", "sécret"),
}

CASES.table(walk, WALKED)
