"""Which addresses a connector may talk to."""

from __future__ import annotations

import ipaddress

import pytest

from connectors_runtime.egress import Egress, normal_host
from connectors_runtime.errors import SpecInvalid


@pytest.mark.parametrize(
    ("entry", "host", "port", "allowed"),
    [
        ("api.example.com", "api.example.com", 443, True),
        ("API.example.com.", "api.example.com", 443, True),
        ("api.example.com", "api.example.com", 8443, False),
        ("api.example.com:8443", "api.example.com", 8443, True),
        ("api.example.com:8443", "api.example.com", 443, False),
        ("*.example.com", "a.b.example.com", 443, True),
        ("*.example.com", "example.com", 443, False),
        ("*.example.com", "badexample.com", 443, False),
        ("example.com", "example.com.evil.org", 443, False),
        ("[::1]:443", "::1", 443, True),
        ("bücher.example", "xn--bcher-kva.example", 443, True),
    ],
)
def test_an_entry_covers_its_host_and_port_only(entry: str, host: str, port: int, allowed: bool) -> None:
    assert Egress.parse([entry]).allows(host=host, port=port, scheme="https") is allowed


def test_without_a_port_an_entry_means_the_default_of_the_scheme() -> None:
    egress = Egress.parse(["example.com"])

    assert egress.allows(host="example.com", port=80, scheme="http")
    assert not egress.allows(host="example.com", port=443, scheme="http")


@pytest.mark.parametrize(
    "entry", ["*", "", "*.", "http://example.com", "example.com/path", "a b", "example.com:0", "example.com:99999",
              "*.*.example.com", "user@example.com", "-x.example", "exam*ple.com"]
)  # fmt: skip
def test_an_entry_that_is_no_host_is_refused(entry: str) -> None:
    with pytest.raises(SpecInvalid, match="egress"):
        Egress.parse([entry])


@pytest.mark.parametrize(
    "address",
    ["169.254.169.254", "169.254.0.1", "fe80::1", "fd00:ec2::254", "::ffff:169.254.169.254", "0.0.0.0", "::",  # noqa: S104
     "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::", "100.100.100.200", "224.0.0.1"],
)  # fmt: skip
def test_metadata_addresses_are_refused_also_in_disguise(address: str) -> None:
    assert not Egress.parse(["*.example.com"]).allows_address(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "::1", "93.184.216.34"])
def test_an_allowed_name_may_live_in_the_private_network(address: str) -> None:
    assert Egress.parse(["db.internal"]).allows_address(ipaddress.ip_address(address))


def test_a_metadata_address_that_the_list_spells_is_meant() -> None:
    assert Egress.parse(["169.254.169.254"]).allows_address(ipaddress.ip_address("169.254.169.254"))


@pytest.mark.parametrize("host", ["", "a..b", "x" * 64 + ".com", "a b", "a/b"])
def test_what_is_no_host_name_is_an_error(host: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        normal_host(host)
