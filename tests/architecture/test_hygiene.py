"""What must not be in the repository: secrets, somebody's machine, and where somebody's packages come from."""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.architecture.sources import ROOT, project_files, text_of

LOCKS = ("requirements.lock", "requirements-dev.lock", "examples/data.lock")

# Hosts a file may name in a URL: this machine, names reserved for examples, and published specifications.
HOSTS = re.compile(
    r"localhost|host|127\.0\.0\.\d+|0\.0\.0\.0|\[?::1?\]?|169\.254\.169\.254|(?:10|192\.168)\.[\d.]+"
    r"|(?:[\w-]+\.)*(?:example|test|invalid|localhost)|(?:[\w-]+\.)*example\.(?:com|org|net)"
    r"|hakiri\.dev|s3\.amazonaws\.com|json-schema\.org|keepachangelog\.com|semver\.org|toml\.io|spec\.openapis\.org|www\.(?:w3|rfc-editor)\.org"
)
_URL = re.compile(r"\bhttps?://(?=[\w\[])[^\s\"'`<>()\\]+", re.IGNORECASE)
# A package index by its bare name: registry.<...>, files.<...>.org and the like.
_INDEX = re.compile(
    r"\b(?:registry|index|deb|mirrors?|proxy\.golang|files\.pythonhosted|pypi)\.(?:[a-z0-9-]+\.)*(?:org|com|io|net)\b"
)
_MACHINE = re.compile(r"(?<![\w./-])/(?:home|root|work|Users)/[\w.-]")
_SECRETS = {
    "private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"),
    "access key": re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"),
    "forge token": re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{36}|glpat-[\w-]{20}|npm_[A-Za-z0-9]{36})\b"),
    "signed token": re.compile(r"\beyJ[\w-]{20,}\.eyJ[\w-]{20,}\.[\w-]{20,}"),
}
MAX_BYTES = 512 << 10

# Built files that are committed, so that the page works on a machine without Node.js: each with a bound of its own.
BUILT = {Path("appliance/entrypoints/console/loro.wasm.gz"): 1280 << 10}


def _texts() -> list[tuple[Path, str]]:
    return [(path, text) for path in project_files() if (text := text_of(path)) is not None]


@pytest.mark.parametrize("kind", _SECRETS)
def test_no_file_holds_a_secret(kind: str) -> None:
    assert [str(path) for path, text in _texts() if _SECRETS[kind].search(text)] == []


def test_urls_lead_to_this_machine_or_to_an_example() -> None:
    foreign = [f"{path}: {url}" for path, text in _texts() for url in _URL.findall(text) if not _is_allowed(url)]

    assert foreign == []


def _is_allowed(url: str) -> bool:
    try:
        host = urlsplit(re.sub(r"[{$%].*", "", url)).hostname
    except ValueError:
        return True  # broken on purpose, by a test of what is refused
    # A URL that is put together at run time names no host, and one without a name's dots leads nowhere.
    return not host or not re.search(r"[a-z]\w*\.|\.[a-z]", host) or HOSTS.fullmatch(host) is not None


def test_no_file_names_a_package_index() -> None:
    assert [f"{path}: {name}" for path, text in _texts() for name in _INDEX.findall(text)] == []


def test_no_file_names_a_folder_of_somebodys_machine() -> None:
    assert [f"{path}: {place}" for path, text in _texts() for place in _MACHINE.findall(text)] == []


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_holds_versions_and_hashes_and_no_address(lock: str) -> None:
    lines = (ROOT / lock).read_text().splitlines()
    pinned = [line for line in lines if not line.startswith(" ")]

    assert [line for line in lines if "://" in line or line.startswith("-")] == []
    assert [line for line in pinned if "==" not in line or not line.endswith("\\")] == []
    assert all(line.startswith("    --hash=sha256:") for line in lines if line.startswith(" "))


def test_tests_run_on_what_is_shipped() -> None:
    shipped, developed = (_pins(lock) for lock in LOCKS[:2])

    assert shipped.items() - developed.items() == set()


def _pins(lock: str) -> dict[str, str]:
    lines = (ROOT / lock).read_text().splitlines()
    return dict(line.removesuffix(" \\").split("==", 1) for line in lines if not line.startswith(" "))


def test_no_file_is_large() -> None:
    sizes = {path: (ROOT / path).stat().st_size for path in project_files()}

    assert {str(path): size for path, size in sizes.items() if size > BUILT.get(path, MAX_BYTES)} == {}


@pytest.mark.parametrize("lock", [str(path) for path in project_files() if path.name == "package-lock.json"])
def test_a_lock_of_javascript_holds_hashes_and_no_address(lock: str) -> None:
    packages = json.loads((ROOT / lock).read_text())["packages"]
    installed = {name: facts for name, facts in packages.items() if name}

    assert installed
    assert [name for name, facts in installed.items() if "integrity" not in facts or "resolved" in facts] == []
