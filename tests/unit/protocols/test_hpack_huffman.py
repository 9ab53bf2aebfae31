"""The Huffman code of HPACK: strings of RFC 7541 appendix C, all symbols against `hpack`, and what is no code."""

from __future__ import annotations

import threading

import pytest
from hpack.huffman import HuffmanEncoder
from hpack.huffman_constants import REQUEST_CODES, REQUEST_CODES_LENGTH
from hypothesis import given
from hypothesis import strategies as st

from httpx._protocols.h2 import hpack_huffman
from httpx._protocols.h2.hpack_huffman import decode_huffman, encode_huffman
from httpx._protocols.h2.hpack_integers import HpackError

ORACLE = HuffmanEncoder(REQUEST_CODES, REQUEST_CODES_LENGTH)


@pytest.mark.parametrize(
    ("text", "encoded"),
    [
        (b"www.example.com", "f1e3c2e5f23a6ba0ab90f4ff"),  # C.4.1
        (b"no-cache", "a8eb10649cbf"),  # C.4.2
        (b"custom-key", "25a849e95ba97d7f"),  # C.4.3
        (b"custom-value", "25a849e95bb8e8b4bf"),
        (b"302", "6402"),  # C.6.1
        (b"private", "aec3771a4b"),
        (b"Mon, 21 Oct 2013 20:13:21 GMT", "d07abe941054d444a8200595040b8166e082a62d1bff"),
        (b"https://www.example.com", "9d29ad171863c78f0b97c8e9ae82ae43d3"),
        (b"307", "640eff"),  # C.6.2
        (b"gzip", "9bd9ab"),  # C.6.3
        (
            b"foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1",
            "94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007",
        ),
        (b"", ""),
    ],
)
def test_examples(text: bytes, encoded: str) -> None:
    assert encode_huffman(text).hex() == encoded
    assert decode_huffman(bytes.fromhex(encoded)) == text


def test_every_symbol() -> None:
    for symbol in range(256):
        # Alone, and where it begins at each of the eight bits of a byte: `0` has five bits.
        for before in range(8):
            text = b"0" * before + bytes((symbol,))
            encoded = encode_huffman(text)
            assert encoded == ORACLE.encode(text)
            assert decode_huffman(encoded) == text


@given(st.binary(max_size=200))
def test_round_trip_and_oracle(text: bytes) -> None:
    encoded = encode_huffman(text)
    assert encoded == ORACLE.encode(text)
    assert decode_huffman(encoded) == text


@given(st.binary(max_size=30))
def test_what_is_accepted_is_what_would_be_sent(data: bytes) -> None:
    # The padding is all that a string could have in two forms.
    try:
        text = decode_huffman(data)
    except HpackError:
        return
    assert encode_huffman(text) == data


@pytest.mark.parametrize(
    "data",
    [
        "ff",  # eight ones, and no symbol
        "07ff",  # 00000 is `0`; then eleven ones
        "6402ff",  # a whole byte after the last symbol
        "1fffff",
    ],
)
def test_padding_longer_than_seven_bits_is_refused(data: str) -> None:
    with pytest.raises(HpackError, match="padded with more than 7 bits"):
        decode_huffman(bytes.fromhex(data))


@pytest.mark.parametrize("data", ["00", "06", "01", "a8eb10649cbe"])
def test_padding_other_than_ones_is_refused(data: str) -> None:
    with pytest.raises(HpackError, match="or not with ones"):
        decode_huffman(bytes.fromhex(data))


@pytest.mark.parametrize("before", [b"", b"0", b"a text", b"\xff"])
def test_code_for_the_end_is_refused(before: bytes) -> None:
    bits = "".join(f"{REQUEST_CODES[byte]:0{REQUEST_CODES_LENGTH[byte]}b}" for byte in before) + "1" * 30
    bits += "1" * (-len(bits) % 8)
    # Twice: the step that fails is not taken for a known one.
    for _ in range(2):
        with pytest.raises(HpackError, match="the code for its end"):
            decode_huffman(int(bits, 2).to_bytes(len(bits) // 8, "big"))


def test_automaton_is_bounded() -> None:
    pending, reached = [1], {1}
    while pending:
        row = hpack_huffman._find_row(pending.pop())
        for byte in range(256):
            try:
                _, following = hpack_huffman._make_step(row, byte)
            except HpackError:
                continue
            state = hpack_huffman._STATES[id(following)]
            if state not in reached:
                reached.add(state)
                pending.append(state)
    # A tree with a leaf for each of the 257 symbols has 256 places where it branches.
    assert len(reached) == len(hpack_huffman._ROWS) == 256


def test_threads_make_the_same_steps() -> None:
    text = bytes(range(256)) * 4
    encoded = encode_huffman(text)
    decoded: list[bytes] = []
    for row in hpack_huffman._ROWS.values():
        row[:] = [hpack_huffman._UNMADE] * 256
    threads = [threading.Thread(target=lambda: decoded.append(decode_huffman(encoded))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert decoded == [text] * 8
