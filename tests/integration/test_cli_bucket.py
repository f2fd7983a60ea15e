"""`hakiri doctor` and a bucket: real S3 servers, good ones, lax ones and absent ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.hakiri import Hakiri
from tests.support.s3 import ACCESS_KEY, SECRET_KEY, S3Server, localbucket, minio, seaweedfs
from tests.support.serving import free_port


def doctor(data: Path, endpoint: str, *, secret: str = SECRET_KEY) -> tuple[int, list[Any]]:
    """The exit code, and what was found about the bucket."""
    done = Hakiri(
        {
            "HAKIRI_DATA": str(data),
            "HAKIRI_BIND": f"127.0.0.1:{free_port()}",
            "HAKIRI_BUCKET": "s3://team/context",
            "HAKIRI_BUCKET_ENDPOINT": endpoint,
            "HAKIRI_SYNC_KEY_ID": ACCESS_KEY,
            "HAKIRI_SYNC_KEY_SECRET": secret,
        }
    )("doctor", "--json")
    assert SECRET_KEY not in done.stdout + done.stderr
    return done.returncode, [one for one in json.loads(done.stdout)["findings"] if one["what"] == "bucket"]


def test_a_server_that_honours_conditions_is_good_and_left_clean(tmp_path: Path) -> None:
    with seaweedfs(tmp_path / "s3") as server:
        _make(server)

        code, found = doctor(tmp_path / "data", server.endpoint)

        assert (code, [one["level"] for one in found]) == (0, ["good", "good"])
        left = [item.object_name for item in minio(server.endpoint).list_objects("team", recursive=True)]
        assert [name for name in left if "doctor" in str(name)] == []


def test_wrong_keys_are_broken_and_the_variables_are_named(tmp_path: Path) -> None:
    with seaweedfs(tmp_path / "s3") as server:
        _make(server)

        code, found = doctor(tmp_path / "data", server.endpoint, secret="wrong")

    assert (code, found[0]["level"]) == (1, "broken")
    assert "HAKIRI_SYNC_KEY_SECRET" in found[0]["fix"]


def test_a_server_that_ignores_conditions_is_doubtful(tmp_path: Path) -> None:
    with localbucket(tmp_path) as server:
        _make(server)

        code, found = doctor(tmp_path / "data", server.endpoint)

    assert (code, [one["level"] for one in found]) == (0, ["good", "doubtful"])
    assert "HAKIRI_BUCKET_SINGLE_WRITER" in found[-1]["fix"]


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:1", "not a url"])
def test_a_server_that_is_not_there_is_broken(tmp_path: Path, endpoint: str) -> None:
    code, found = doctor(tmp_path / "data", endpoint)

    assert (code, [one["level"] for one in found]) == (1, ["broken"])


def _make(server: S3Server) -> None:
    minio(server.endpoint).make_bucket("team")
