"""A draft on a real server that is killed, people who edit it, and what must hold of both whatever happens."""

from __future__ import annotations

import itertools
import json
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from appliance.adapters.loro_doc import LoroDocs
from appliance.adapters.loro_doc_heads import count, heads_text, version_vector
from appliance.adapters.loro_doc_tree import read_tree
from appliance.adapters.sql.drafts import SqlDrafts
from appliance.adapters.sql.local import LocalSql
from appliance.bootstrap import TEAM
from appliance.core.draft import MAIN
from appliance.core.manifest import SourceText, load, render
from appliance.services import room_document
from appliance.services.room_document import RoomDocument
from tests.support.serving import Serving
from tests.support.sync_world_edits import bury, mend_kinds
from tests.support.sync_world_hostile import Refused
from tests.support.sync_world_people import Ledger, Member, Person, Spans, online, spans_of
from tests.support.sync_world_torn import said

ROLES = {"ann": "editor", "ben": "editor", "cem": "operator", "vera": "viewer"}
SECONDS = 20.0


class World:
    """One draft from its beginning. `people` are the writers and, last, a viewer."""

    def __init__(self, server: Serving, members: Sequence[Member], *, draft: str, peers: Iterator[int]) -> None:
        self.server, self.members, self.draft, self.peers = server, members, draft, peers
        self.ledgers: dict[str, Ledger] = defaultdict(Ledger)
        self.refused: set[int] = set()
        self.revisions: dict[int, str] = {}
        self.ghosts: list[Person] = []
        self.room = ""
        self._begin()
        self.people = [self.arrive(member) for member in members]

    @property
    def writers(self) -> Sequence[Person]:
        return self.people[:-1]

    @property
    def viewer(self) -> Person:
        return self.people[-1]

    def arrive(self, member: Member) -> Person:
        """Somebody comes to the draft with nothing."""
        person = Person(self.server.port, member, self.room, self.ledgers[self.room], peer=next(self.peers))
        assert person.come()
        return person

    def come_back(self, index: int) -> Person:
        """With what they have, if that is of the document that is open; with nothing otherwise."""
        person = self.people[index]
        if person.is_online and person.evicted is None:
            return person
        person.socket.close()
        if person.room == self.room:
            person.connect()
            assert person.come(), "the draft is where it was"
        else:
            self._try_the_old_room(person)
            self.people[index] = self.arrive(person.member)
        return self.people[index]

    def die(self, index: int) -> None:
        """A client is gone with all that it did not send, and a new one takes the place."""
        person = self.people[index]
        if person.is_online:
            person.cut()
        self.ghosts.append(person)
        self.people[index] = self.arrive(person.member)

    def kill(self, *, whole: bool) -> None:
        """SIGKILL at this moment. What the server said before is read; then it is started again."""
        control = self.server.control_pid
        if whole:
            self.server.kill_everything()
        else:
            self.server.kill_control()
        for person in online(self.people):
            person.drain()
        if whole:
            self.check_stored()
            self.server.start()
        else:
            until_so(lambda: control not in self._controls(), "the control process is gone")
            self.server.wait_ready()

    def rebuild(self) -> None:
        """The draft goes on in a new document, unless people contradict each other; members are told."""
        for person in online(self.people):
            person.flush()
        before = self.stored(self.room)
        status, answer = self.server.request("POST", f"/api/v1/config/drafts/{self.draft}/rebuild")
        if status == 409:
            assert answer["error"]["code"] == "unresolved", answer
            return
        assert status == 200, answer
        self.check_stored()
        self.room = answer["room"]
        assert said(self.stored(self.room).doc.tree()) == said(before.doc.tree())
        for index, person in enumerate(self.people):
            if person.is_online:
                person.until(lambda: person.evicted)  # noqa: B023 - called here and now
                assert person.evicted.message == f"room_moved {self.room}"  # type: ignore[union-attr]
                self.come_back(index)

    def heal(self) -> None:
        """Everybody comes back and sends what they have, and then all have the same. Who was there is told enough."""
        for index in range(len(self.people)):
            self.come_back(index).flush()
        self._send_what_others_wait_for()
        reader = self.arrive(self.members[-1])
        self._converge(reader)
        self._check_server(reader)
        for person in self.people:
            assert person.refusals == [], f"{person.member.name}: an honest edit was refused"
        reader.socket.close()

    def stored(self, room: str) -> RoomDocument:
        """The document as it is on disk."""
        with self.catalog() as drafts:
            return room_document.load(drafts, LoroDocs(), room.rpartition(":")[2])

    def check_stored(self) -> None:
        """Of each document: what was acknowledged is there, with its author; what was refused or not sent is not."""
        for room, ledger in self.ledgers.items():
            stored = self.stored(room)
            version = version_vector(stored.doc.version())
            waiting = self._waiting(stored)
            for author, spans in ledger.acknowledged:
                for peer, (start, end) in spans.items():
                    assert self._has(end, count(version, peer), waiting.get(peer)), f"{author} lost {peer}: {end}"
                    found = {span.author if (span := stored.authors.who(peer, n)) else "" for n in range(start, end)}
                    assert found == {author}, f"{peer}: {start} to {end} of {author} is of {found}"
            for peer in ledger.made:
                assert count(version, peer) <= ledger.sent.get(peer, 0), f"{peer} never sent that"
            for peer in self.refused:
                assert not count(version, peer), f"{peer} was refused"
                assert peer not in waiting, f"{peer} was refused, and waits"

    def check_revisions(self) -> None:
        """What was applied is what was seen when it was applied."""
        for number, seen in self.revisions.items():
            assert self.server.call("GET", f"/config/revisions/{number}")["manifest"] == seen, f"revision {number}"

    def apply_files(self, text: str) -> None:
        answer = self.server.call("POST", "/config/apply", {"files": [{"name": "hakiri.toml", "text": text}]})
        self.revisions[answer["revision"]["number"]] = render(load([SourceText("hakiri.toml", text, "toml")]))

    def head(self) -> int:
        return int(self.server.call("GET", "/config")["number"])

    @contextmanager
    def catalog(self) -> Iterator[SqlDrafts]:
        gateway = LocalSql(str(self.server.data / "catalog.db"))
        try:
            yield SqlDrafts(gateway, TEAM)
        finally:
            gateway.close()

    def hostile(self, index: int, kind: str) -> None:
        """Somebody sends what is refused."""
        person = self.come_back(index)
        peer = next(self.peers)
        self.refused.add(peer)
        if not Refused(person, peer).send(kind):
            person.drain()

    def end(self) -> None:
        for person in self.people:
            person.socket.close()
        if self.draft != MAIN:
            self.server.call("DELETE", f"/config/drafts/{self.draft}")

    def _begin(self) -> None:
        """A draft without pipelines and history, on top of a live configuration without any."""
        self.apply_files(f'[project]\nname = "begin-{next(self.peers)}"\n')
        self.room = str(self._drafts()[MAIN]["room"])
        # Edits that nobody applied contradict that: somebody who sees them removes all the same.
        cleaner = self.arrive(self.members[0])
        cleaner.make(mend_kinds, hold=False)
        for pipeline in cleaner.tree().get("pipelines", {}):
            cleaner.make(lambda doc: bury(doc, pipeline, 0), hold=False)  # noqa: B023 - called here and now
        cleaner.flush()
        cleaner.socket.close()
        if self.draft == MAIN:
            self.room = self.server.call("POST", "/config/drafts/main/rebuild")["room"]
        else:
            for name in self._drafts().keys() - {MAIN}:
                self.server.call("DELETE", f"/config/drafts/{name}")
            self.room = self.server.call("POST", "/config/drafts", {"name": self.draft})["room"]
        self.ledgers.clear()

    def _drafts(self) -> Mapping[str, Any]:
        return {draft["name"]: draft for draft in self.server.call("GET", "/config/drafts")["items"]}

    def _controls(self) -> Sequence[int]:
        try:
            return [self.server.control_pid]
        except IndexError:
            return []

    def _try_the_old_room(self, person: Person) -> None:
        """It is not there any more, whoever asks."""
        person.connect()
        assert not person.come(), "the document has ended"
        person.socket.close()

    def _send_what_others_wait_for(self) -> None:
        """Clients died, and what they had not sent is needed by what they had: somebody finds it on their disks."""
        waiting = self._waiting(self.stored(self.room))
        for ghost in self.ghosts:
            if ghost.room != self.room or ghost.peer not in waiting:
                continue
            courier = self.arrive(ghost.member)
            for update in [*ghost.held, *ghost.gone]:
                courier.post(update)
            courier.flush()
            courier.socket.close()

    def _converge(self, reader: Person) -> None:
        behind = [*self.people]
        until = time.monotonic() + SECONDS
        while behind:
            assert time.monotonic() < until, f"{[person.member.name for person in behind]} never got it all"
            for person in behind:
                person.read(0.005)
            behind = [person for person in behind if person.doc.oplog_vv != reader.doc.oplog_vv]
        for person in self.people:
            assert heads_text(person.doc.oplog_frontiers) == heads_text(reader.doc.oplog_frontiers)
            assert seen(person) == seen(reader), f"{person.member.name} sees something else"

    def _check_server(self, reader: Person) -> None:
        heads = heads_text(reader.doc.oplog_frontiers)
        assert self._drafts()[self.draft]["heads"] == heads
        stored = self.stored(self.room)
        assert stored.doc.heads() == heads
        assert version_vector(stored.doc.version()) == reader.doc.oplog_vv
        assert json.dumps(stored.doc.tree()) == json.dumps(read_tree(reader.doc))
        assert self._waiting(stored) == {}, "some wait for ever"
        self.check_stored()

    @staticmethod
    def _waiting(stored: RoomDocument) -> Spans:
        data = stored.doc.snapshot()[1]
        return spans_of(data) if data else {}

    @staticmethod
    def _has(end: int, known: int, waiting: tuple[int, int] | None) -> bool:
        return end <= known or (waiting is not None and end <= waiting[1])


def seen(person: Person) -> dict[str, Any]:
    """Whoever looks for a root has it, empty."""
    return {root: content for root, content in person.tree().items() if content}


def until_so(is_so: Any, what: str, seconds: float = SECONDS) -> None:
    until = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < until, f"not within {seconds} s: {what}"
        time.sleep(0.01)


def team(server: Serving) -> list[Member]:
    """Members with a token each, the viewer last."""
    members = []
    for name, role in ROLES.items():
        server.call("POST", "/members", {"name": name, "role": role})
        token = server.call("POST", "/tokens", {"name": "sync", "member": name, "role": role})["text"]
        members.append(Member(name, token, writes=role != "viewer"))
    return members


def peer_numbers() -> Iterator[int]:
    """A peer is never used again."""
    return itertools.count(1000)
