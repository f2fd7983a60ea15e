"""The ports Connectors and Reading on the connector runtime: a process for each reading, and nothing left of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from appliance.adapters.wasm_connectors import WasmConnectors, WasmReading, hosts_of
from appliance.core.connector import Done, Failed, FailureKind, Message, Page, ReadRequest, Started
from appliance.core.errors import Invalid, NotFound
from appliance.core.landing import Column
from connectors_runtime.client import Zygote
from tests.support.source_server import Answer, source_server

SECRET = "s3cret-value"


@dataclass(frozen=True, slots=True)
class Installed:
    """Connectors on directories of their own, with one of the operator's beside the built-ins."""

    connectors: WasmConnectors
    data: Path
    files: Path

    def staged(self) -> list[Path]:
        return list((self.data / "staging").iterdir())


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    with Zygote() as running:
        yield running


@pytest.fixture
def installed(zygote: Zygote, tmp_path: Path) -> Installed:
    for name in ("files", "secrets", "connectors/another"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "connectors/another/connector.toml").write_text('name = "another"\n')
    (tmp_path / "secrets" / "FROM_FILE").write_text(f"{SECRET}\n")
    connectors = WasmConnectors(
        data=tmp_path / "data",
        zygote=zygote,
        secrets={"FROM_ENVIRONMENT": SECRET},
        secrets_dir=tmp_path / "secrets",
        files_root=tmp_path / "files",
        connectors_dir=tmp_path / "connectors",
    )
    connectors.sweep()
    return Installed(connectors, tmp_path / "data", tmp_path / "files")


REQUEST = ReadRequest(
    run_id="orders@20260601T000000Z", connector="file",
    config={"config": {"path": "*.csv"}, "table": {"name": "orders"}},
    table="orders", cursor=None, columns=(), egress=(), secrets=(),
)  # fmt: skip


def _until_end(reading: WasmReading) -> Iterator[Message]:
    while True:
        message = reading.receive(20)
        assert message is not None, "the reading is silent"
        yield message
        if isinstance(message, Page):
            reading.acknowledge()
        if isinstance(message, Done | Failed):
            return


def test_what_is_installed_is_listed(installed: Installed) -> None:
    assert installed.connectors.names() == ["another", "file", "http"]


def test_a_table_is_read_and_nothing_is_left_of_it(installed: Installed) -> None:
    (installed.files / "a.csv").write_text("id,name\n1,a\n2,b\n")

    reading = installed.connectors.open(REQUEST)
    messages = list(_until_end(reading))
    reading.close()

    assert any(isinstance(message, Started) for message in messages)
    [page] = [message for message in messages if isinstance(message, Page)]
    assert page.rows == 2
    assert [column.name for column in page.columns] == ["id", "name"]
    assert isinstance(messages[-1], Done)
    assert installed.staged() == []


def test_a_page_is_there_until_it_is_acknowledged_and_the_next_one_waits(installed: Installed) -> None:
    (installed.files / "a.csv").write_text("id\n1\n")
    reading = installed.connectors.open(REQUEST)
    page = next(message for message in iter(lambda: reading.receive(20), None) if isinstance(message, Page))

    assert reading.receive(0.1) is None
    assert Path(page.path).stat().st_size == page.bytes

    reading.acknowledge()
    assert not Path(page.path).exists()
    assert isinstance(reading.receive(20), Done)
    reading.close()


def test_a_reading_that_is_closed_early_drops_its_pages(installed: Installed) -> None:
    (installed.files / "a.csv").write_text("id\n1\n")
    reading = installed.connectors.open(REQUEST)
    page = next(message for message in iter(lambda: reading.receive(20), None) if isinstance(message, Page))

    reading.close()

    assert not Path(page.path).exists()
    assert installed.staged() == []


def test_two_readings_of_one_table_do_not_share_their_pages(installed: Installed) -> None:
    (installed.files / "a.csv").write_text("id\n1\n")
    one, two = installed.connectors.open(REQUEST), installed.connectors.open(REQUEST)
    page = next(message for message in iter(lambda: two.receive(20), None) if isinstance(message, Page))

    one.close()

    assert Path(page.path).exists()
    two.close()


def test_an_unknown_connector_is_named_with_those_that_are_installed(installed: Installed) -> None:
    with pytest.raises(NotFound, match="no connector 'nonesuch'; installed are another, file, http"):
        installed.connectors.open(replace(REQUEST, connector="nonesuch"))

    assert installed.staged() == []


def test_a_missing_secret_is_named_and_leaves_nothing(installed: Installed) -> None:
    with pytest.raises(Invalid, match="HAKIRI_SECRET_NONESUCH"):
        installed.connectors.open(replace(REQUEST, secrets=("NONESUCH",)))

    assert installed.staged() == []


@pytest.mark.parametrize("name", ["FROM_FILE", "FROM_ENVIRONMENT"])
def test_a_secret_is_found_and_shown_nowhere(installed: Installed, name: str) -> None:
    reading = installed.connectors.open(replace(REQUEST, secrets=(name,)))
    messages = list(_until_end(reading))
    reading.close()

    assert SECRET not in repr(messages)
    assert SECRET not in repr(reading)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"table": ""}, "table"),
        ({"cursor": "x" * (65 << 10)}, "cursor"),
        ({"config": {"path": "x" * (65 << 10)}}, "config"),
        ({"columns": (Column("id", "no type"),)}, "columns"),
    ],
)
def test_a_request_that_cannot_be_meant_is_named_and_leaves_nothing(
    installed: Installed, changes: dict[str, object], field: str
) -> None:
    with pytest.raises(Invalid, match=f"connector file: {field}"):
        installed.connectors.open(replace(REQUEST, **changes))  # type: ignore[arg-type]

    assert installed.staged() == []


def test_a_failure_keeps_its_kind_and_its_wait(installed: Installed) -> None:
    with source_server() as server:
        server.routes["/orders"] = lambda _: Answer(b"slow down", status=429, headers={"Retry-After": "17"})
        config = {"config": {"url": f"{server.url}/orders"}, "table": {"name": "orders"}}
        reading = installed.connectors.open(replace(REQUEST, connector="http", config=config))
        *_, last = _until_end(reading)
        reading.close()

    assert isinstance(last, Failed)
    assert (last.kind, last.retry_after) == (FailureKind.RATE_LIMITED, 17)


@pytest.mark.parametrize("stop", [lambda reading: reading.cancel(), lambda reading: reading.interrupt()])
def test_a_reading_that_waits_for_its_page_to_be_kept_can_be_stopped(
    installed: Installed, stop: Callable[[WasmReading], None]
) -> None:
    (installed.files / "a.csv").write_text("id\n1\n")
    reading = installed.connectors.open(REQUEST)
    while not isinstance(reading.receive(20), Page):
        pass

    stop(reading)

    last = reading.receive(20)
    assert isinstance(last, Failed)
    assert last.kind is FailureKind.CANCELLED
    reading.close()


def test_the_zygote_is_let_go_of_when_nothing_was_read_for_a_while_and_comes_back(
    installed: Installed, zygote: Zygote, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("appliance.adapters.wasm_connectors.IDLE_SECONDS", 0.0)
    installed.connectors.warm()
    with pytest.raises(Invalid):
        installed.connectors.open(replace(REQUEST, secrets=("NONESUCH",)))
    reading = installed.connectors.open(REQUEST)

    installed.connectors.relax()
    assert zygote.pid is not None, "it was let go of under a reading"

    reading.close()
    installed.connectors.relax()
    assert zygote.pid is None

    installed.connectors.warm()
    assert zygote.pid is not None


def test_what_an_earlier_process_staged_is_swept(installed: Installed) -> None:
    (installed.data / "staging" / "old").mkdir()
    (installed.data / "staging" / "old" / "page").write_text("")

    installed.connectors.sweep()

    assert installed.staged() == []


def test_a_configuration_opens_the_hosts_of_its_addresses() -> None:
    config = {
        "url": "https://a.example/x",
        "deep": [{"to": "http://user:word@b.example:81/"}],
        "text": "c.example",
        "n": 1,
    }

    assert list(hosts_of(config)) == ["a.example", "b.example:81"]
