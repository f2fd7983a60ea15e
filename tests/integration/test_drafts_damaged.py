"""What is damaged or behind is told, and holds up nothing else."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from appliance.core.config_doc import DocBroken
from tests.support.api import Api, api, in_process
from tests.support.editing import Editor
from tests.support.harness import ALICE, CHARLIE, pipeline


@pytest.fixture
def given(tmp_path: Path) -> Iterator[Api]:
    with api(tmp_path, substrate="selfhosted") as given:
        given.harness.apply(pipeline())
        yield given


def test_a_document_that_cannot_be_read_hides_no_other_and_can_be_discarded(given: Api) -> None:
    control = given.harness.control
    control.drafts.create(ALICE, "broken", None)
    epoch = control.drafts.get(ALICE, "broken").draft.epoch
    with closing(sqlite3.connect(given.settings.data / "catalog.db")) as catalog:
        catalog.execute("UPDATE draft_piece SET data = ? WHERE epoch = ? AND kind = 'snapshot'", (b"rubbish", epoch))
        catalog.commit()
    given.harness.restart()
    control = given.harness.control

    found = {now.draft.name: now.heads for now in control.drafts.list(CHARLIE)}

    assert (sorted(found), found["broken"], found["main"] is None) == (["broken", "main"], None, False)
    with pytest.raises(DocBroken):
        control.review(CHARLIE, "broken", None)
    with in_process(given) as client:
        answer = client.get("/api/v1/config/drafts/broken", headers=given.headers("bob"))
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "doc_broken")
    assert control.apply.heads(
        ALICE, Editor(given.harness).set("schedule", "every 1h"), draft="main", based_on=1
    ).created
    control.drafts.discard(ALICE, "broken")
    assert [now.draft.name for now in control.drafts.list(CHARLIE)] == ["main"]


def test_the_metrics_tell_how_far_the_object_store_is_behind(given: Api) -> None:
    def behind() -> str:
        with in_process(given) as client:
            lines = client.get("/metrics").text.splitlines()
        return next(line for line in lines if line.startswith("hakiri_manifests_behind"))

    assert behind() == "hakiri_manifests_behind 0.0"
    given.harness.on.objects.put("manifests/manifest@v2.toml", b"of somebody else")
    given.harness.apply(pipeline("invoices"))
    assert behind() == "hakiri_manifests_behind 1.0"

    given.harness.on.objects.delete("manifests/manifest@v2.toml")
    given.harness.control.mirror()
    assert behind() == "hakiri_manifests_behind 0.0"
