"""Which addresses a connector may talk to. Pure: judged on names and addresses, before any socket.

An entry is `host`, `host:port` or `*.suffix` with an optional port. Without a port it means the default
port of the scheme. Addresses that reach a machine's own metadata are refused unless an entry spells them.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass

from .errors import SpecInvalid

_LONGEST_NAME, _HIGHEST_PORT = 253, 65_535
DEFAULT_PORTS = {"http": 80, "https": 443}
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_ENTRY = re.compile(r"(?P<wild>\*\.)?(?P<host>\[[0-9a-fA-F:.]+\]|[^\[\]:/@*?#\s]+)(?::(?P<port>\d{1,5}))?")
_METADATA = tuple(
    ipaddress.ip_network(network)
    for network in (
        "169.254.0.0/16",
        "fe80::/10",
        "fd00:ec2::254/128",
        "100.100.100.200/32",
        "168.63.129.16/32",
        "192.0.0.192/32",
        "0.0.0.0/8",
        "::/128",
        "224.0.0.0/4",
        "ff00::/8",
    )
)
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Entry:
    """One parsed entry of the allow-list."""

    host: str
    port: int | None
    wild: bool

    def allows(self, *, host: str, port: int, scheme: str) -> bool:
        """Whether this entry covers the address."""
        named = host.endswith("." + self.host) if self.wild else host == self.host
        return named and port == (self.port or DEFAULT_PORTS[scheme])


@dataclass(frozen=True, slots=True)
class Egress:
    """A parsed allow-list."""

    entries: tuple[Entry, ...]

    @classmethod
    def parse(cls, texts: Iterable[str]) -> Egress:
        """Raises SpecInvalid naming the entry."""
        return cls(tuple(_entry(text) for text in texts))

    def allows(self, *, host: str, port: int, scheme: str) -> bool:
        """Whether a request may go to `host` as `normal_host` writes it."""
        return any(entry.allows(host=host, port=port, scheme=scheme) for entry in self.entries)

    def allows_address(self, address: Address) -> bool:
        """Whether a connection may be made to what a name resolved to."""
        return not _is_metadata(address) or any(entry.host == str(address) for entry in self.entries)


def normal_host(host: str) -> str:
    """Lower case, ASCII, no dot at the end, an IP address in its shortest form. Raises ValueError."""
    bare = host.strip("[]").rstrip(".")
    try:
        return str(ipaddress.ip_address(bare))
    except ValueError:
        pass
    name = bare.encode("idna").decode().lower() if bare else ""
    if not name or len(name) > _LONGEST_NAME or not all(_LABEL.fullmatch(label) for label in name.split(".")):
        raise ValueError(f"not a host name: {host[:80]!r}")
    return name


def _entry(text: str) -> Entry:
    found = _ENTRY.fullmatch(text)
    if found is None:
        raise SpecInvalid(f"egress: {text[:80]!r}: must be host, host:port or *.suffix")
    port = int(found["port"]) if found["port"] else None
    if port is not None and not 0 < port <= _HIGHEST_PORT:
        raise SpecInvalid(f"egress: {text!r}: a port is 1 to 65535")
    try:
        return Entry(normal_host(found["host"]), port, bool(found["wild"]))
    except ValueError as error:
        raise SpecInvalid(f"egress: {text[:80]!r}: {error}") from None


def _is_metadata(address: Address) -> bool:
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if inner is None and address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return _is_metadata(inner)
    return any(address in network for network in _METADATA if network.version == address.version)
