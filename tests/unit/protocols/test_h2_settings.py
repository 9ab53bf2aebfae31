"""SETTINGS: what ours say, and what of the peer's is taken over, ignored and refused."""

from __future__ import annotations

import h2.config
import h2.connection
import pytest
from h2.settings import SettingCodes

from httpx._protocols.h2.errors import ConnectionFault, ErrorCode
from httpx._protocols.h2.frames import Setting
from httpx._protocols.h2.settings import DEFAULT_MAX_STREAMS, LOCAL_SETTINGS, MAX_STREAMS, PeerSettings

from .h2_wire import Wire


def test_the_oracle_takes_what_we_announce() -> None:
    connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
    connection.initiate_connection()
    connection.receive_data(Wire().preface)
    remote = connection.remote_settings
    assert (remote.enable_push, remote.initial_window_size) == (0, 256 * 1024)
    assert remote.max_header_list_size == 100 * 1024
    assert (remote.max_frame_size, remote.header_table_size) == (16384, 4096)
    assert connection.outbound_flow_control_window == 16 * 1024 * 1024


def test_keys_are_those_of_the_oracle() -> None:
    for setting in Setting:
        if setting is not Setting.NO_RFC7540_PRIORITIES:  # RFC 9218 2.1
            assert int(SettingCodes[setting.name]) == setting
    assert dict(LOCAL_SETTINGS)[Setting.NO_RFC7540_PRIORITIES] == 1


def test_defaults() -> None:
    peer = PeerSettings()
    assert not peer.is_known
    assert peer.max_concurrent_streams == DEFAULT_MAX_STREAMS
    peer.apply([])
    assert peer.is_known
    # RFC 9113 6.5.2: nobody set a limit, and ours is only for our own sake.
    assert peer.max_concurrent_streams == MAX_STREAMS
    assert (peer.initial_window_size, peer.max_frame_size) == (65535, 16384)
    assert not peer.enable_connect_protocol


def test_the_last_word_counts() -> None:
    peer = PeerSettings()
    peer.apply([(3, 5), (4, 1), (3, 7), (99, 1), (6, 10)])
    assert (peer.max_concurrent_streams, peer.initial_window_size) == (7, 1)
    # What is not named stays as it is.
    peer.apply([(4, 2)])
    assert (peer.max_concurrent_streams, peer.initial_window_size) == (7, 2)
    peer.apply([(3, 0)])
    assert peer.max_concurrent_streams == 0
    peer.apply([(3, 2**32 - 1)])
    assert peer.max_concurrent_streams == MAX_STREAMS


ACCEPTED = [
    *((Setting.ENABLE_PUSH, 0), (Setting.INITIAL_WINDOW_SIZE, 0), (Setting.INITIAL_WINDOW_SIZE, 2**31 - 1)),
    *((Setting.MAX_FRAME_SIZE, 16384), (Setting.MAX_FRAME_SIZE, 2**24 - 1)),
    *((Setting.ENABLE_CONNECT_PROTOCOL, 0), (Setting.ENABLE_CONNECT_PROTOCOL, 1)),
]


@pytest.mark.parametrize(("key", "value"), ACCEPTED)
def test_what_is_taken_over(key: Setting, value: int) -> None:
    peer = PeerSettings()
    peer.apply([(key, value)])
    if key is not Setting.ENABLE_PUSH:  # Which is nothing to a client.
        assert getattr(peer, key.name.lower()) == value


def test_all_sizes_of_the_table_are_told() -> None:
    # RFC 7541 4.2: the smallest of them counts, and the last.
    assert PeerSettings().apply([(1, 100), (1, 0), (4, 5), (1, 2**32 - 1)]) == [100, 0, 2**32 - 1]


REFUSED = [
    (Setting.ENABLE_PUSH, 1, ErrorCode.PROTOCOL_ERROR),
    (Setting.ENABLE_PUSH, 2, ErrorCode.PROTOCOL_ERROR),
    (Setting.INITIAL_WINDOW_SIZE, 2**31, ErrorCode.FLOW_CONTROL_ERROR),
    (Setting.MAX_FRAME_SIZE, 16383, ErrorCode.PROTOCOL_ERROR),
    (Setting.MAX_FRAME_SIZE, 2**24, ErrorCode.PROTOCOL_ERROR),
    (Setting.ENABLE_CONNECT_PROTOCOL, 2, ErrorCode.PROTOCOL_ERROR),
]


@pytest.mark.parametrize(("key", "value", "code"), REFUSED)
def test_what_is_refused(key: Setting, value: int, code: ErrorCode) -> None:
    with pytest.raises(ConnectionFault, match=f"{key.name} = {value}") as caught:
        PeerSettings().apply([(key, value)])
    assert caught.value.code is code


def test_extended_connect_is_not_taken_back() -> None:
    # RFC 8441 3
    peer = PeerSettings()
    peer.apply([(Setting.ENABLE_CONNECT_PROTOCOL, 0)])
    peer.apply([(Setting.ENABLE_CONNECT_PROTOCOL, 1), (Setting.ENABLE_CONNECT_PROTOCOL, 1)])
    with pytest.raises(ConnectionFault):
        peer.apply([(Setting.ENABLE_CONNECT_PROTOCOL, 0)])
