"""What a server says in WWW-Authenticate, or a proxy in Proxy-Authenticate: challenges, and the digest to answer."""

from __future__ import annotations

import re
from typing import NamedTuple

from .._exceptions import RemoteProtocolError


class Challenge(NamedTuple):
    """One challenge of RFC 9110 11.6.1. The scheme and the names of the parameters are in lower case."""

    scheme: str
    parameters: dict[str, str]


class DigestChallenge(NamedTuple):
    """A digest challenge (RFC 7616 3.3) that can be answered.

    Values are the bytes that were between the quotes, without the backslashes of quoted pairs: they are hashed and
    sent back, whatever charset they are in.
    """

    realm: bytes
    nonce: bytes
    algorithm: str  # as the server spells it
    opaque: bytes | None
    qop: str | None  # "auth", "auth-int", or None for the scheme of RFC 2069
    is_stale: bool
    is_userhash: bool
    is_utf8: bool

    @property
    def is_session(self) -> bool:
        """Whether the credentials are hashed with the nonces once more (the algorithms named -sess)."""
        return self.algorithm.upper().endswith("-SESS")

    def hash(self, data: bytes) -> bytes:
        """Return the hash of data, in hexadecimal."""
        import hashlib  # not needed by programs without digest authentication

        return hashlib.new(_hash_name(self.algorithm), data).hexdigest().encode("ascii")


def parse_challenges(values: list[bytes]) -> list[Challenge]:
    """Return the challenges of a response, in its order; `values` are those of the fields that hold them.

    The commas between challenges and those between parameters are the same: an item that begins with a word of its own
    begins a challenge. What makes no sense is skipped.
    """
    challenges: list[Challenge] = []
    for value in values:
        # A parameter belongs to a challenge of its own field.
        parameters: dict[str, str] = {}
        for item in _ITEM.findall(value.decode("latin-1")):
            parameter = _PARAMETER.fullmatch(item.strip())
            if parameter is None:
                word = _SCHEME.match(item.strip())
                if word is not None:
                    parameters = {}
                    challenges.append(Challenge(word[0].lower(), parameters))
                continue
            scheme, name, text = parameter.groups()
            if scheme:
                parameters = {}
                challenges.append(Challenge(scheme.lower(), parameters))
            parameters[name.lower()] = _unquote(text)
    return challenges


def choose_digest(values: list[bytes]) -> DigestChallenge | None:
    """Return the digest challenge with the strongest hash, the first of several; None if there is none we know.

    Raises:
        RemoteProtocolError: there are digest challenges, but each of them is broken.
    """
    best: DigestChallenge | None = None
    fault: RemoteProtocolError | None = None
    for challenge in parse_challenges(values):
        if challenge.scheme != "digest":
            continue
        try:
            digest = _read_digest(challenge.parameters)
        except RemoteProtocolError as exc:
            fault = fault or exc
            continue
        if digest is not None and (best is None or _strength(digest) > _strength(best)):
            best = digest
    if best is None and fault is not None:
        raise fault
    return best


def next_nonce(values: list[bytes]) -> bytes | None:
    """Return the nonce to go on with, from Authentication-Info fields (RFC 7616 3.5); None if it stays the same."""
    for value in values:
        for item in _ITEM.findall(value.decode("latin-1")):
            parameter = _PARAMETER.fullmatch(item.strip())
            if parameter is not None and not parameter[1] and parameter[2].lower() == "nextnonce":
                return _unquote(parameter[3]).encode("latin-1") or None
    return None


# Private from here on.

# Weakest first; RFC 7616 6.1 and, as HTTPX 0.28, SHA and SHA-512, which nobody has registered.
_ALGORITHMS = {"MD5": "md5", "SHA": "sha1", "SHA-256": "sha256", "SHA-512-256": "sha512_256", "SHA-512": "sha512"}
_HASH_NAMES = list(_ALGORITHMS.values())

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"

# What stands between commas; commas in quoted strings are no such commas.
_ITEM = re.compile(r'(?:[^,"]|"(?:[^"\\]|\\.)*"?)+', re.DOTALL)

# RFC 9110 11.2 allows spaces around "=", RFC 7235 does as well. Values that ought to be quoted are taken without.
_PARAMETER = re.compile(rf'(?:({_TOKEN})[ \t]+)?({_TOKEN})[ \t]*=[ \t]*("(?:[^"\\]|\\.)*"|[^"\s][^"]*)', re.DOTALL)

_QUOTED_PAIR = re.compile(r"\\(.)", re.DOTALL)

_SCHEME = re.compile(rf"{_TOKEN}(?=[ \t]|$)")


def _unquote(text: str) -> str:
    """Return the value of a quoted string (RFC 9110 5.6.4) or of a token."""
    if not text.startswith('"'):
        return text
    return _QUOTED_PAIR.sub(r"\1", text[1:-1] if text.endswith('"') else text)


def _strength(challenge: DigestChallenge) -> int:
    return _HASH_NAMES.index(_hash_name(challenge.algorithm))


def _hash_name(algorithm: str) -> str:
    return _ALGORITHMS.get(algorithm.upper().removesuffix("-SESS"), "")


def _has_hash(name: str) -> bool:
    """Tell whether there is such a hash: FIPS takes MD5 away, and not every OpenSSL has SHA-512/256."""
    import hashlib  # as in `DigestChallenge.hash`

    try:
        hashlib.new(name)
    except ValueError:
        return False
    return True


def _read_digest(parameters: dict[str, str]) -> DigestChallenge | None:
    """Return a digest challenge; None if its algorithm is not known, which RFC 7616 3.3 says to ignore."""
    realm, nonce = parameters.get("realm"), parameters.get("nonce")
    if realm is None or nonce is None:
        raise RemoteProtocolError("Malformed Digest WWW-Authenticate header")
    algorithm = parameters.get("algorithm", "MD5")
    if not _has_hash(_hash_name(algorithm)):
        return None
    opaque = parameters.get("opaque")
    return DigestChallenge(
        realm=realm.encode("latin-1"),
        nonce=nonce.encode("latin-1"),
        algorithm=algorithm,
        opaque=None if opaque is None else opaque.encode("latin-1"),
        qop=_choose_qop(parameters.get("qop")),
        is_stale=parameters.get("stale", "").lower() == "true",
        is_userhash=parameters.get("userhash", "").lower() == "true",
        is_utf8=parameters.get("charset", "").lower() == "utf-8",
    )


def _choose_qop(offered: str | None) -> str | None:
    """Return the protection to use: "auth" before "auth-int", which needs the whole body in memory."""
    if not offered:
        return None
    options = [option.strip().lower() for option in offered.split(",")]
    for option in ("auth", "auth-int"):
        if option in options:
            return option
    raise RemoteProtocolError(f'Unexpected qop value "{offered}" in digest auth')
