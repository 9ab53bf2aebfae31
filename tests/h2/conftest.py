"""Fixtures of the HTTP/2 tests: those of the client's, and servers that speak frames."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.client.conftest import Serve, colour, face, pytest_pyfunc_call, serve, sockets_before, trust
from tests.client.faces import Face, FaceClient
from tests.client.servers import Conversation, Server

from .scripted import FrameConversation, FrameScript

__all__ = ["colour", "face", "pytest_pyfunc_call", "serve", "sockets_before", "trust"]

ServeFrames = Callable[..., Server]


@pytest.fixture
def serve_frames(serve: Serve) -> ServeFrames:
    """Start a server of frame scripts: the first for the first connection, and so on."""

    def start(*scripts: FrameScript, **options: Any) -> Server:
        def speaking(script: FrameScript) -> Callable[[Conversation], object]:
            return lambda conversation: script(FrameConversation(conversation))

        return serve(*[speaking(script) for script in scripts], **options)

    return start


@pytest.fixture
def h2_client(face: Face) -> Callable[..., FaceClient]:
    """Make clients that know that the server speaks HTTP/2."""
    return lambda **settings: face.client(**{"http1": False, "http2": True, **settings})
