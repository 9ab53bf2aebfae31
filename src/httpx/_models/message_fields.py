"""Read fields of a message: whether there is one, the charset of Content-Type, and the links of Link."""

from __future__ import annotations

import re
from functools import lru_cache


def has_field(fields: list[tuple[bytes, bytes]], lower_name: bytes) -> bool:
    """Tell whether there is a field of that name.

    For one or two questions about a message this is cheaper than a lookup in its headers, which indexes all fields.
    """
    size = len(lower_name)
    for name, _ in fields:  # noqa: SIM110  # any() would make a generator, which costs as much as all the rest
        if len(name) == size and name.lower() == lower_name:
            return True
    return False


@lru_cache(maxsize=128)  # entries; a server answers with a handful of media types
def parse_charset(content_type: str) -> str | None:
    """Return the charset parameter of a Content-Type in lower case; None if it has none."""
    lowered = content_type.lower()
    if "charset" not in lowered:
        return None
    if '"' in lowered:
        lowered = _QUOTED_TOKEN.sub(r"=\1", lowered)
    if _NEEDS_FULL_PARSER.search(lowered):
        return _parse_charset_in_full(content_type)
    for parameter in lowered.split(";"):
        name, _, charset = parameter.partition("=")
        if name.strip() == "charset":
            return charset.strip()
    return None


def is_text_charset(charset: str) -> bool:
    """Tell whether bytes can be decoded to text with it; a server may name codecs such as `hex`, or anything."""
    try:
        # Not empty, since nothing is looked up for that. UnicodeError, of `idna` and `undefined`, is a ValueError,
        # as is the complaint about NUL.
        b"-".decode(charset, "replace")
    except (LookupError, ValueError):
        return False
    return True


def parse_links(link: str) -> dict[str | None, dict[str, str]]:
    """Return the links of a Link field (RFC 8288 3) by their relation, or by their URL if they have none."""
    links: dict[str | None, dict[str, str]] = {}
    for match in _LINK_VALUE.finditer(link.strip()):
        parsed = _parse_link_value(match[0].strip())
        links[parsed.get("rel") or parsed["url"]] = parsed
    return links


# Private from here on.

# ="utf-8", which means the same without the quotes.
_QUOTED_TOKEN = re.compile(r'="([a-z0-9_.:+-]*)"')

# What `split` and `partition` would misread: quoted strings, RFC 2231 extensions, angle brackets, other than ASCII.
_NEEDS_FULL_PARSER = re.compile(r'["*<\\]|[^\t -~]')

# Up to a comma that stands before the next "<"; commas inside of <...> and "..." do not count. Neither repetition can
# run over the start of the next one, which keeps this linear.
_LINK_VALUE = re.compile(r'(?:<[^<>]*>|"[^"]*"|[^,]|,(?!\s*<))+')
_LINK_PARAMETER = re.compile(r';([^=;"]*)=\s*("[^"]*"|[^;]*)')


def _parse_charset_in_full(content_type: str) -> str | None:
    from email.message import Message  # rare path

    message = Message()
    message["Content-Type"] = content_type
    return message.get_content_charset()


def _parse_link_value(value: str) -> dict[str, str]:
    # Without the angle brackets, which the RFC wants, all up to the first ";" is taken for the URL.
    url, closing, parameters = value.partition(">") if value.startswith("<") else value.partition(";")
    link = {"url": url.strip("<> '\"")}
    for name, text in _LINK_PARAMETER.findall(parameters if closing == ">" else closing + parameters):
        link[name.strip()] = text.strip(" '\"")
    return link
