"""The public surface is that of HTTPX 0.28.1: names, signatures, members, bases and reprs, as recorded.

`surface.json` holds the facts; `record_surface.py` made it by introspection of an installed HTTPX 0.28.1, and
describes our package with the same functions. Additions are allowed, and the ones that are promised stand here.
"""

from __future__ import annotations

import functools
import json
import re
import sys
from pathlib import Path
from typing import Any

import click
import pytest

import httpx
from tests.conformance.record_surface import describe, describe_object, find_members

RECORDED: dict[str, Any] = json.loads((Path(__file__).parent / "surface.json").read_text(encoding="utf-8"))

# A command of click where the extra `cli` is installed, as it is where the tests run; the facts are of a function.
COMMAND = "main"

# Parameters of ours, all keyword-only and optional; docs/compatibility.md tells what they do.
ADDED_PARAMETERS = {
    "Timeout.__init__": "total: None | float = None",
    "Limits.__init__": "max_connections_per_host: None | int = None, probe_after: None | float = None",
    "Proxy.__init__": "auth_scheme: str = 'basic'",
    "create_ssl_context": "*, fingerprints: Iterable[str] | str = (), allow_truncation: bool = False",
}

# Names of ours for values that are there.
ADDED_VALUES = {"codes": {"CONTENT_TOO_LARGE", "RANGE_NOT_SATISFIABLE", "UNPROCESSABLE_CONTENT", "URI_TOO_LONG"}}

# Attributes of objects that are properties here, so that they cost nothing until they are used.
PROPERTIES = {"Cookies.jar"}

# Values that have to differ.
OWN_VALUES = {"__version__"}

NAMES = sorted(name for name in RECORDED["names"] if name != COMMAND)
MEMBERS = [
    (name, member) for name in NAMES for member in RECORDED["names"][name].get("members", ()) if member != "__hash__"
]


@functools.cache
def describe_ours(name: str) -> dict[str, Any]:
    return describe(getattr(httpx, name))


def normalise(description: str, *, added: str = "") -> str:
    """Return a description without what may differ."""
    # An iterator may be made by a generator or in another way.
    description = re.sub(r"^(async )?generator def", "def", description)
    # A method that says what it returns, where the recorded one says nothing, is no difference.
    description = re.sub(r" -> None$", " -> ", description)
    return description.replace(f", {added}", "") if added else description


def test_recorded_release_is_the_one_whose_api_this_is() -> None:
    assert RECORDED["version"] == "0.28.1"
    assert httpx.__version__.startswith("0.28.")


def test_no_public_name_is_missing() -> None:
    assert set(RECORDED["all"]) <= set(httpx.__all__)


def test_every_name_of_all_exists() -> None:
    assert [name for name in httpx.__all__ if not hasattr(httpx, name)] == []
    assert len(httpx.__all__) == len(set(httpx.__all__))


def test_dir_shows_every_public_name() -> None:
    assert set(httpx.__all__) <= set(dir(httpx))


def test_star_import_gives_every_public_name() -> None:
    namespace: dict[str, Any] = {}
    exec("from httpx import *", namespace)
    assert set(httpx.__all__) <= set(namespace)
    assert namespace["Client"] is httpx.Client


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match=r"module 'httpx' has no attribute 'Clinet'"):
        getattr(httpx, "Clinet")  # noqa: B009  # type checkers know that it is not there
    with pytest.raises(ImportError, match="Clinet"):
        exec("from httpx import Clinet")


@pytest.mark.parametrize("name", NAMES)
def test_name_is_what_it_was(name: str) -> None:
    recorded, ours = RECORDED["names"][name], dict(describe_ours(name))
    for value in ADDED_VALUES.get(name, ()):
        ours["values"] = {key: code for key, code in ours["values"].items() if key != value}
    for key in ("kind", "module", "hashable", "values", "type"):
        assert ours.get(key) == recorded.get(key), key
    added = ADDED_PARAMETERS.get(name, "")
    assert normalise(ours.get("signature", ""), added=added) == normalise(recorded.get("signature", ""))
    if name not in OWN_VALUES:
        assert ours.get("repr") == recorded.get("repr")


@pytest.mark.parametrize("name", NAMES)
def test_class_has_the_bases_it_had(name: str) -> None:
    recorded = RECORDED["names"][name].get("bases", [])
    ours = describe_ours(name).get("bases", [])
    # Others may stand between them.
    assert [base for base in ours if base in recorded] == recorded


@pytest.mark.parametrize(("name", "member"), MEMBERS)
def test_member_is_what_it_was(name: str, member: str) -> None:
    ours = describe_ours(name)["members"]
    assert member in ours
    recorded = normalise(RECORDED["names"][name]["members"][member])
    assert normalise(ours[member], added=ADDED_PARAMETERS.get(f"{name}.{member}", "")) == recorded


@pytest.mark.parametrize("expression", RECORDED["objects"])
def test_object_shows_as_it_did_and_has_the_attributes_it_had(expression: str) -> None:
    recorded, ours = RECORDED["objects"][expression], describe_object(httpx, expression)
    assert ours["repr"] == recorded["repr"]
    assert ours["str"] == recorded["str"]
    kind = expression.removeprefix("httpx.").partition("(")[0]
    missing = {f"{kind}.{name}" for name in recorded["attributes"]} - {f"{kind}.{name}" for name in ours["attributes"]}
    assert missing <= PROPERTIES


@pytest.mark.parametrize("name", sorted(PROPERTIES))
def test_attributes_that_are_properties_can_be_set(name: str) -> None:
    cls, _, attribute = name.partition(".")
    assert find_members(getattr(httpx, cls))[attribute].fset is not None


def test_main_is_a_command() -> None:
    assert isinstance(httpx.main, click.Command)
    names = {name for param in httpx.main.params for name in param.opts}
    assert {"url", "--method", "-m", "--headers", "-h", "--follow-redirects", "--download", "--verbose", "-v"} <= names


# What HTTPX 0.28 does not have, and this package promises.

VERB_PARAMETERS = (
    "url: URL | str, *, content: None | RequestContent = None, data: None | RequestData = None, "
    "files: None | RequestFiles = None, json: Any | None = None, params: None | QueryParamTypes = None, "
    "headers: HeaderTypes | None = None, cookies: CookieTypes | None = None, "
)
METHOD_PARAMETERS = (
    "auth: AuthTypes | UseClientDefault = <UseClientDefault>, "
    "follow_redirects: UseClientDefault | bool = <UseClientDefault>, "
    "timeout: TimeoutTypes | UseClientDefault = <UseClientDefault>, extensions: None | RequestExtensions = None"
)
FUNCTION_PARAMETERS = (
    "auth: AuthTypes | None = None, proxy: None | ProxyTypes = None, follow_redirects: bool = False, "
    "verify: bool | ssl.SSLContext | str = True, timeout: TimeoutTypes = Timeout(timeout=5.0), trust_env: bool = True"
)

SSE_PARAMETERS = (
    "self, url: URL | str, *, method: str = 'GET', "
    + VERB_PARAMETERS.removeprefix("url: URL | str, *, ")
    + "auth: AuthTypes | None | UseClientDefault = <UseClientDefault>, "
    + METHOD_PARAMETERS.removeprefix("auth: AuthTypes | UseClientDefault = <UseClientDefault>, ")
    + ", max_event_size: None | int = 1048576"
    # This one is known here only.
    + ", reconnect: bool | int = False"
)

ADDITIONS = {
    "Client.sse": f"context manager def ({SSE_PARAMETERS}) -> Generator[EventSource]",
    "AsyncClient.sse": f"async context manager def ({SSE_PARAMETERS}) -> AsyncGenerator[EventSource]",
    "EventSource.__init__": "def (self, response: Response, max_event_size: None | int = 1048576) -> None",
    "EventSource.__iter__": "def (self) -> Iterator[ServerSentEvent]",
    "EventSource.__aiter__": "def (self) -> AsyncIterator[ServerSentEvent]",
    "EventSource.response": "property -> Response",
    "EventSource.last_event_id": "property -> str",
    "EventSource.retry": "property -> None | int",
    "SSEError.__init__": "def (self, message: str, *, request: None | Request = None) -> None",
    "ServerSentEvent.__init__": (
        "def (self, event: str = 'message', data: str = '', id: str = '', retry: None | int = None) -> None"
    ),
    "ServerSentEvent.json": "def (self) -> object",
    "Client.query": f"def (self, {VERB_PARAMETERS}{METHOD_PARAMETERS}) -> Response",
    "AsyncClient.query": f"async def (self, {VERB_PARAMETERS}{METHOD_PARAMETERS}) -> Response",
    "FunctionAuth.__init__": "def (self, func: Callable[[Request], Request]) -> None",
    "Headers.__or__": "def (self, other: Mapping[str, str]) -> Headers",
    "Headers.__ror__": "def (self, other: Mapping[str, str]) -> Headers",
    "Headers.__ior__": "def (self, other: HeaderTypes) -> Self",
    "Origin.__init__": "def (self, url: URL | str) -> None",
    "URL.origin": "property -> Origin",
}


@pytest.mark.parametrize("path", ADDITIONS)
def test_added_member_is_there(path: str) -> None:
    name, _, member = path.partition(".")
    assert name in httpx.__all__
    assert describe_ours(name)["members"][member] == ADDITIONS[path]


def test_added_functions_are_there() -> None:
    assert describe(httpx.alias_httpx)["signature"] == describe(httpx.alias_httpx2)["signature"] == "def () -> None"
    assert describe(httpx.query)["signature"] == f"def ({VERB_PARAMETERS}{FUNCTION_PARAMETERS}) -> Response"
    assert "query" in httpx.__all__


def test_added_classes_are_of_the_public_module() -> None:
    assert {httpx.Origin.__module__, httpx.FunctionAuth.__module__, httpx.Timings.__module__} == {"httpx"}
    assert issubclass(httpx.FunctionAuth, httpx.Auth)
    assert {cls.__module__ for cls in (httpx.EventSource, httpx.ServerSentEvent, httpx.SSEError)} == {"httpx"}
    assert issubclass(httpx.SSEError, httpx.TransportError)


def test_added_attributes_are_there() -> None:
    limits = httpx.Limits(max_connections=3, max_keepalive_connections=2, keepalive_expiry=1.0)
    assert (limits.max_connections, limits.max_keepalive_connections, limits.keepalive_expiry) == (3, 2, 1.0)
    origin = httpx.URL("https://www.example.org/a").origin
    assert (origin.scheme, origin.host, origin.port) == ("https", "www.example.org", 443)
    assert repr(origin) == "Origin(scheme='https', host='www.example.org', port=443)"


def test_no_other_name_was_added() -> None:
    added = set(httpx.__all__) - set(RECORDED["all"])
    classes = {"EventSource", "FunctionAuth", "Origin", "SSEError", "ServerSentEvent", "Timings"}
    assert added == classes | {"alias_httpx", "alias_httpx2", "query"}


def test_public_classes_have_room_for_attributes_and_weak_references() -> None:
    classes = [value for value in (getattr(httpx, name) for name in httpx.__all__) if isinstance(value, type)]
    plain = [cls for cls in classes if not issubclass(cls, int)]
    for slot in ("__dict__", "__weakref__"):
        assert [cls for cls in plain if not any(slot in vars(base) for base in cls.__mro__)] == []


def test_public_names_are_importable_where_their_classes_say_they_are() -> None:
    for name in httpx.__all__:
        value = getattr(httpx, name)
        if isinstance(value, type):
            assert getattr(sys.modules[value.__module__], value.__qualname__) is value
