"""Telling a credential from a setting, so that none is ever stored in a revision."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence

REFERENCE = re.compile(r"\$\{secret:([^{}]*)\}")

ADVICE = (
    'put the value into HAKIRI_SECRET_<NAME>, list "<NAME>" in secrets and write "${secret:<NAME>}"; '
    "revoke it if it was ever shared"
)

# Shapes that vendors print so that scanners can find them. Every repetition is bounded: the text is not trusted.
_KNOWN = re.compile(
    r"""
      \b(?:sk|rk)_(?:live|test)_[0-9A-Za-z]{8}
    | \bsk-(?=[\w-]{0,64}[0-9])[\w-]{20}
    | \bgh[pousr]_[0-9A-Za-z]{20} | \bgithub_pat_\w{20} | \bglpat-[\w-]{16}
    | \bxox[abeoprs]-[\w-]{10} | \b(?:AKIA|ASIA)[0-9A-Z]{16}\b | \bAIza[\w-]{30} | \bya29\.[\w-]{20}
    | \bshp(?:at|ca|pa|ss)_[0-9A-Fa-f]{24} | \bSG\.[\w-]{16,64}\.[\w-]{16} | \bpypi-[\w-]{16}
    | \b(?:npm|hf|lin_api|dop_v1)_[0-9A-Za-z]{20} | \beyJ[\w-]{8,512}\.eyJ[\w-]{8}
    | -----BEGIN[ ](?:[A-Z]{1,16}[ ]){0,3}PRIVATE[ ]KEY
    """,
    re.VERBOSE,
)
_IN_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,20}://(?:[^/\s:@]{0,256}:[^/\s@]{1,256}|[^/\s:@]{20,256})@")
_IN_QUERY = re.compile(
    r"[?&](?:api[_-]?key|(?:access|auth|refresh)?[_-]?token|(?:client[_-]?)?secret|password|signature|sig)=[^&\s#{<]",
    re.IGNORECASE,
)
_SECRET_KEYS = re.compile(
    r"passw(?:or)?d|pwd|secret|(?:access|auth|refresh|bearer)?token|(?:x?api|private|access|secret(?:access)?)key"
    r"|clientsecret|(?:proxy)?authorization|xauthtoken|cookie"
)
_TELLING_PARTS = ("token", "secret", "auth", "pass", "credential", "cookie", "signature", "apikey")
_TELLING_TABLES = frozenset(("headers", "params", "query", "auth"))
_WORD = re.compile(r"[0-9A-Za-z]{20,}")
_LONG_REST = re.compile(r"[0-9A-Za-z+/_=.-]{16}")
_BITS_A_CHARACTER = 3.5


def is_credential(text: str) -> bool:
    """Does the text hold something with the shape of a vendor's key, or a password in an address?"""
    if _KNOWN.search(text):
        return True
    if "://" not in text and "=" not in text:
        return False
    plain = REFERENCE.sub("", text)
    return bool(_IN_ADDRESS.search(plain) or _IN_QUERY.search(plain))


def looks_secret(text: str) -> bool:
    """Is the text better not repeated in a message? Says yes more easily than `is_credential`."""
    return is_credential(text) or any(map(_is_random, _words(text)))


def is_kept_secret(path: Sequence[str | int], value: object) -> bool:
    """Does the place of a setting say that its value should have been a reference?"""
    names = [_folded(part) for part in path if isinstance(part, str)]
    if not names or isinstance(value, bool):
        return False
    text = value if isinstance(value, str) else str(value)
    # A small number under `token` is a position or a switch.
    least = 1 if isinstance(value, str) else 4
    if _SECRET_KEYS.fullmatch(names[-1]):
        rest = REFERENCE.sub("", text)
        return len(text) >= least and (rest == text or _LONG_REST.search(rest) is not None)
    telling = any(part in names[-1] for part in _TELLING_PARTS) or not _TELLING_TABLES.isdisjoint(names[:-1])
    return telling and any(_is_random(word) for word in _words(text))


def _words(text: str) -> Iterator[str]:
    return (match[0] for match in _WORD.finditer(REFERENCE.sub("", text)))


def _is_random(word: str) -> bool:
    if word.isalpha() or word.isdigit():
        return False
    counts = Counter(word).values()
    return -sum(n / len(word) * math.log2(n / len(word)) for n in counts) >= _BITS_A_CHARACTER


def _folded(key: str) -> str:
    return re.sub(r"[^a-z0-9]", "", key.lower())
