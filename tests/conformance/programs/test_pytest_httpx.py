"""pytest-httpx: its fixture, as the tests of programs use it. Its plugin is loaded, as in theirs."""

from __future__ import annotations

import re
from typing import Any

import pytest
from pytest_httpx import HTTPXMock, IteratorStream

import httpx
from tests.origin import Origin

URL = "https://a.example/path"


def test_responses(httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response()
    httpx_mock.add_response(status_code=201, json={"a": 1}, headers={"X-Name": "v"})
    httpx_mock.add_response(html="<p>", http_version="HTTP/2.0")
    httpx_mock.add_response(stream=IteratorStream([b"part 1", b"part 2"]))
    with httpx.Client() as client:
        assert (client.get(URL).status_code, client.get(URL).json()) == (200, {"a": 1})
        response = client.get(URL)
        assert (response.http_version, response.text) == ("HTTP/2.0", "<p>")
        with client.stream("GET", URL) as response:
            assert list(response.iter_raw()) == [b"part 1", b"part 2"]


@pytest.mark.anyio
async def test_async_client(httpx_mock: HTTPXMock) -> None:
    async def respond(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"url": str(request.url)})

    httpx_mock.add_callback(respond, method="PUT")
    httpx_mock.add_response(stream=IteratorStream([b"a", b"b"]), url=URL)
    httpx_mock.add_exception(httpx.ReadTimeout("too late"), url="https://late.example")
    async with httpx.AsyncClient() as client:
        assert (await client.put(URL)).json() == {"url": URL}
        async with client.stream("GET", URL) as response:
            assert [part async for part in response.aiter_bytes()] == [b"a", b"b"]
        with pytest.raises(httpx.ReadTimeout, match="too late") as caught:
            await client.get("https://late.example")
        assert caught.value.request.url == "https://late.example"


MATCHING: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"url": re.compile(r".*/path")}, {}),
    ({"url": httpx.URL(URL, params={"a": "1", "b": "2"})}, {"params": {"b": "2", "a": "1"}}),
    ({"url": URL, "match_params": {"a": ["1", "2"]}}, {"params": {"a": ["1", "2"]}}),
    ({"match_headers": {"X-Name": "value"}}, {"headers": {"X-Name": "value"}}),
    ({"match_headers": {"User-Agent": f"python-httpx/{httpx.__version__}"}}, {}),
    ({"match_content": b"body"}, {"content": b"body"}),
    ({"match_json": {"a": [1]}}, {"json": {"a": [1]}}),
    ({"match_files": {"f": ("n", b"c")}, "match_data": {"a": "b"}}, {"files": {"f": ("n", b"c")}, "data": {"a": "b"}}),
    ({"match_extensions": {"trace_id": 1}}, {"extensions": {"trace_id": 1}}),
    ({"proxy_url": "http://proxy.example:8080/"}, {"proxy": "http://proxy.example:8080"}),
    ({"proxy_url": "http://u:p@proxy.example/"}, {"proxy": "http://u:p@proxy.example"}),
]


@pytest.mark.parametrize(("expected", "options"), MATCHING)
def test_matching(httpx_mock: HTTPXMock, expected: dict[str, Any], options: dict[str, Any]) -> None:
    httpx_mock.add_response(text="matched", **expected)
    proxy = options.get("proxy")
    with httpx.Client(proxy=proxy) as client:
        assert client.post(URL, **{name: options[name] for name in options if name != "proxy"}).text == "matched"
    assert httpx_mock.get_request(**expected).method == "POST"


@pytest.mark.httpx_mock(assert_all_responses_were_requested=False, assert_all_requests_were_expected=False)
def test_what_does_not_match_is_explained(httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(url="https://b.example", match_headers={"X-Name": "other"}, proxy_url="http://p.example")
    text = f"POST request on {URL} with {{'X-Name': 'value'}} headers and no proxy URL amongst:"
    with pytest.raises(httpx.TimeoutException, match=re.escape(text)):
        httpx.post(URL, headers={"X-Name": "value"})


def test_redirects_and_cookies_are_the_clients(httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(url=URL, status_code=302, headers=[("Location", "/next"), ("Set-Cookie", "a=b")])
    httpx_mock.add_response(url="https://a.example/next", match_headers={"Cookie": "a=b"})
    response = httpx.get(URL, follow_redirects=True)
    assert [past.status_code for past in response.history] == [302]
    assert [request.url.path for request in httpx_mock.get_requests()] == ["/path", "/next"]


@pytest.mark.httpx_mock(can_send_already_matched_responses=True)
def test_response_that_is_sent_again(httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(json=[1])
    httpx_mock.add_response(url="https://reusable.example", is_reusable=True)
    for _ in range(2):
        assert httpx.get(URL).json() == [1]
        assert httpx.get("https://reusable.example").status_code == 200
    assert len(httpx_mock.get_requests(url=URL)) == 2


@pytest.mark.httpx_mock(should_mock=lambda request: request.url.host != "127.0.0.1")
def test_hosts_that_are_not_mocked(httpx_mock: HTTPXMock, origin: Origin) -> None:
    httpx_mock.add_response(text="mocked")
    with httpx.Client() as client:
        assert client.get(URL).text == "mocked"
        assert client.get(origin.url("/hello")).text == "Hello, world!\n"
        with client.stream("GET", origin.url("/bytes/100000")) as response:
            assert len(response.read()) == 100000


def test_other_transports_are_left_alone(httpx_mock: HTTPXMock) -> None:
    transport = httpx.MockTransport(lambda request: httpx.Response(204))
    assert httpx.Client(transport=transport).get(URL).status_code == 204
    assert httpx_mock.get_requests() == []


def test_an_unused_response_fails_the_test(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import httpx

        def test_unused(httpx_mock):
            httpx_mock.add_response(url="https://never.example")

        def test_unexpected(httpx_mock):
            try:
                httpx.get("https://unexpected.example")
            except httpx.TimeoutException:
                pass
        """
    )
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(errors=2, passed=2)
    result.stdout.fnmatch_lines(["*The following responses are mocked but not requested:*"])
    result.stdout.fnmatch_lines(["*The following requests were not expected:*"])
