"""Text and bytes: the two forms of credentials and header values."""

from __future__ import annotations

from typing import AnyStr


def to_bytes(value: str | bytes, encoding: str = "utf-8") -> bytes:
    """Return bytes as they are, and text encoded."""
    return value.encode(encoding) if isinstance(value, str) else value


def to_str(value: str | bytes, encoding: str = "utf-8") -> str:
    """Return text as it is, and bytes decoded."""
    return value if isinstance(value, str) else value.decode(encoding)


def to_bytes_or_str(value: str, match_type_of: AnyStr) -> AnyStr:
    """Return text, or its bytes if the other argument is bytes."""
    return value if isinstance(match_type_of, str) else value.encode()  # pyright: ignore[reportReturnType]  # mypy sees it


def unquote(value: str) -> str:
    """Return text without the double quotes around it, if there are any."""
    return value[1:-1] if value.startswith('"') and value.endswith('"') else value
