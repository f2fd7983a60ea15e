"""A credential never gets into a revision, and no message repeats it."""

from __future__ import annotations

import pytest

from appliance.core.manifest import InvalidManifest, SourceText, load

# In pieces, so that nobody who scans this repository takes them for real ones.
FORGE = "_".join(("ghp", "0123456789abcdefghijABCDEFGHIJ012345"))  # noqa: FLY002 - in pieces on purpose
AWS = "".join(("AKIA", "IOSFODNN7EXAMPLE"))  # noqa: FLY002 - in pieces on purpose
PEM = "-----".join(("", "BEGIN RSA PRIVATE KEY", r"\n"))  # noqa: FLY002 - in pieces on purpose
RANDOM = "q9Zt4LxV7bN2mKc8Rw3HsY6d"


def text_with(config: str, extra: str = "") -> str:
    head = f'[[pipeline]]\nid = "a"\ntables = ["a"]\nsecrets = ["KEY"]\n{extra}[pipeline.source]\nconnector = "http"\n'
    return f"{head}[pipeline.source.config]\n{config}\n"


@pytest.mark.parametrize(
    ("config", "secret"),
    [
        ('note = "sk_live_4eC39HqLyjWDarjtT1zdp7dc"', "4eC39HqLyjWDarjtT1zdp7dc"),
        ('headers = { Authorization = "Bearer abc123" }', "abc123"),
        ('headers = { authorization = "Basic ${secret:KEY} and-also-this-one-here" }', "and-also-this-one-here"),
        ('headers = { "X-Api-Key" = "abc123" }', "abc123"),
        (f'headers = {{ "X-Shop" = "{RANDOM}" }}', RANDOM),
        ('password = "hunter2"', "hunter2"),
        ("password = 918273", "918273"),
        ('"client secret" = "hunter2"', "hunter2"),
        ('url = "https://ada:hunter2@db.example/x"', "hunter2"),
        ('url = "https://db.example/x?api_key=hunter2"', "hunter2"),
        (f'list = ["x", "{FORGE}"]', FORGE),
        (f'aws = "{AWS}"', AWS),
        (f'pem = "{PEM}MIIE"', "MIIE"),
        ('jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc"', "eyJzdWIiOiIxMjM0In0"),
        (f'session_token = "{RANDOM}"', RANDOM),
    ],
)
def test_a_credential_among_settings_is_refused_and_not_repeated(config: str, secret: str) -> None:
    with pytest.raises(InvalidManifest) as refused:
        load([SourceText("hakiri.toml", text_with(config), "toml")])

    assert {problem.code for problem in refused.value.problems} == {"credential"}
    assert "HAKIRI_SECRET_<NAME>" in str(refused.value)
    assert secret not in str(refused.value)


@pytest.mark.parametrize(
    "config",
    [
        'headers = { Authorization = "Bearer ${secret:KEY}", Accept = "application/vnd.shop.v3+json" }',
        'headers = { Authorization = "Token token=${secret:KEY}" }',
        'url = "https://user:${secret:KEY}@db.example/x?api_key=${secret:KEY}&page_token={next}"',
        'url = "https://db.example:8443/x?since=2026-01-01"',
        'spreadsheet = "1BxiMVs0XRA5nFMdKvBdBZjgmUUqptlbs74OgvE2upms"',
        'params = { account = "123e4567-e89b-12d3-a456-426614174000" }',
        'page_token_field = "next_page_token"\nprimary_key = "id"\npaginate = { token = "" }',
        'commit = "da39a3ee5e6b4b0d3255bfef95601890afd80709"',
        'module = "scikit-learn sk-some-long-hyphenated-name-here"',
        "token = true",
    ],
)
def test_settings_that_only_look_a_little_like_one_are_accepted(config: str) -> None:
    manifest = load([SourceText("hakiri.toml", text_with(config), "toml")])

    assert manifest.pipeline("a").source.config


def test_a_credential_in_a_comment_is_refused() -> None:
    with pytest.raises(InvalidManifest) as refused:
        load([SourceText("hakiri.toml", text_with("a = 1 # was sk_live_4eC39HqLyjWDarjtT1zdp7dc"), "toml")])

    assert [problem.path for problem in refused.value.problems] == ["pipeline.a.source.config.a"]
    assert "4eC39HqLyjWDarjtT1zdp7dc" not in str(refused.value)


def test_a_value_put_where_a_secrets_name_belongs_is_not_repeated() -> None:
    for wrong in (
        f'egress = ["{RANDOM}/"]\n',
        f'placement = "{RANDOM}"\n',
        f"{RANDOM} = 1\n",
        f'catchup = "{RANDOM}"\n',
    ):
        with pytest.raises(InvalidManifest) as refused:
            load([SourceText("hakiri.toml", text_with("a = 1", wrong), "toml")])

        assert RANDOM not in str(refused.value)
