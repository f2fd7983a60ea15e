"""Making a document say a tree with as few operations as it takes, so that concurrent edits meet and both survive."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias, cast

from loro import ContainerID, LoroDoc, LoroMap, LoroMovableList, LoroText, ValueOrContainer

from appliance.core.draft import Heads, Tree
from appliance.core.draft_tree import ContainerKind, kind_at
from appliance.core.draft_tree.kinds import PIPELINES, REMOVED, SETTINGS, TABLES

if TYPE_CHECKING:
    from loro import LoroValue  # only the library's stub knows it

_Container: TypeAlias = LoroMap | LoroMovableList | LoroText
_Path: TypeAlias = tuple[str, ...]

_TYPES: Mapping[ContainerKind, type[_Container]] = {
    ContainerKind.MAP: LoroMap,
    ContainerKind.TEXT: LoroText,
    ContainerKind.LIST: LoroMovableList,
}
_SHAPES: Mapping[ContainerKind, type] = {ContainerKind.MAP: Mapping, ContainerKind.TEXT: str, ContainerKind.LIST: list}
_EMPTY: Mapping[ContainerKind, object] = {ContainerKind.MAP: {}, ContainerKind.TEXT: "", ContainerKind.LIST: []}

# Looking for the letters that two texts share takes quadratic time if they share few.
_TEXT_MS = 50


def write_tree(doc: LoroDoc, tree: Tree, *, seen: Heads) -> None:
    """Make the document say `tree`, and commit. Pipelines that the tree lacks become graves dug at `seen`.

    Writing twice writes once: empty containers that the tree does not name are left as they are. A place
    that holds something of another kind than it should gets the right one, unless the tree itself says otherwise:
    one that was read from a document may, and then it is no less wrong in this one.
    """
    _write_map(doc.get_map(SETTINGS), _map(tree.get(SETTINGS)), (SETTINGS,))
    pipelines, wanted = doc.get_map(PIPELINES), _map(tree.get(PIPELINES))
    found = dict(pipelines.items())
    for name in sorted(found.keys() - wanted.keys()):
        _bury(pipelines, name, found[name], seen)
    for name in sorted(wanted):
        _write(pipelines, found.get(name), wanted[name], (PIPELINES, name))
    doc.commit()


def _bury(pipelines: LoroMap, name: str, member: ValueOrContainer, seen: Heads) -> None:
    if isinstance(member, ValueOrContainer.Container) and isinstance(member.container, LoroMap):
        if not isinstance(_value(member.container.get(REMOVED)), str):
            member.container.insert(REMOVED, seen)
    elif _says_something(member):
        pipelines.delete(name)


def _write(parent: LoroMap, member: ValueOrContainer | None, wanted: object, path: _Path) -> None:
    kind = kind_at(path)
    if kind is not ContainerKind.REGISTER and isinstance(wanted, _SHAPES[kind]):
        held = _held(member, kind)
        # An empty container counts as false.
        _fill(_make(parent, path[-1], member, kind) if held is None else held, wanted, path)
    elif not isinstance(member, ValueOrContainer.Value) or not _same(member.value, wanted):
        _set(parent, path[-1], wanted)


def _fill(held: _Container, wanted: object, path: _Path) -> None:
    match held:
        case LoroMap():
            _write_map(held, _map(wanted), path)
        case LoroText():
            _write_text(held, str(wanted))
        case LoroMovableList():
            _write_list(held, _names(cast("Sequence[object]", wanted)))


def _write_map(held: LoroMap, wanted: Mapping[str, object], path: _Path) -> None:
    now = dict(held.items())
    for key in sorted(now.keys() - wanted.keys()):
        if _says_something(now[key]):
            _drop(held, now[key], (*path, key))
    for key in sorted(wanted):
        _write(held, now.get(key), wanted[key], (*path, key))


def _drop(parent: LoroMap, member: ValueOrContainer, path: _Path) -> None:
    """Take a key away. A container stays, empty: deleting it would take along what others write into it now."""
    kind = kind_at(path)
    held = _held(member, kind)
    if held is not None:
        _fill(held, _EMPTY[kind], path)
    if held is None or path[2:-1] == (TABLES,):
        parent.delete(path[-1])


def _set(parent: LoroMap, key: str, wanted: object) -> None:
    value = cast("LoroValue", wanted)
    parent.insert(key, value)
    if not _same(_value(parent.get(key)), wanted):
        # The library takes 0.0 and -0.0 for equal and leaves what is there.
        parent.delete(key)
        parent.insert(key, value)


def _held(member: ValueOrContainer | None, kind: ContainerKind) -> _Container | None:
    """The container, if it is of that kind and one that merges with others made there at the same time."""
    wanted = _TYPES.get(kind)
    if wanted is None or not isinstance(member, ValueOrContainer.Container):
        return None
    held = member.container
    return held if isinstance(held, wanted) and isinstance(held.id, ContainerID.Root) else None


def _make(parent: LoroMap, key: str, member: ValueOrContainer | None, kind: ContainerKind) -> _Container:
    """Make a container; what was ever written into one of that kind here may be in it again."""
    if member is not None:
        parent.delete(key)
    match kind:
        case ContainerKind.TEXT:
            return parent.ensure_mergeable_text(key)
        case ContainerKind.LIST:
            return parent.ensure_mergeable_movable_list(key)
        case _:
            return parent.ensure_mergeable_map(key)


def _write_text(text: LoroText, wanted: str) -> None:
    now = text.to_string()
    if now == wanted:
        return
    try:
        text.update(wanted, timeout_ms=_TEXT_MS)
    except ValueError:
        start = _shared(now, wanted)
        end = _shared(now[start:][::-1], wanted[start:][::-1])
        text.delete(start, len(now) - start - end)
        text.insert(start, wanted[start : len(wanted) - end])


def _shared(one: str, other: str) -> int:
    """How many characters both begin with."""
    pairs = zip(one, other, strict=False)
    return next((at for at, (left, right) in enumerate(pairs) if left != right), min(len(one), len(other)))


def _names(order: Sequence[object]) -> Sequence[str]:
    """Each one where it comes first, and what is no name left out: that is how an order is read."""
    return list(dict.fromkeys(name for name in order if isinstance(name, str)))


def _write_list(held: LoroMovableList, wanted: Sequence[str]) -> None:
    places = {name: place for place, name in enumerate(wanted)}
    kept: list[str] = []
    strays: list[int] = []
    for index, name in enumerate(held.to_vec()):
        if isinstance(name, str) and name in places and name not in kept:
            kept.append(name)
        else:
            strays.append(index)
    for index in reversed(strays):
        held.delete(index, 1)
    resting = {wanted[place] for place in _rising([places[name] for name in kept])}
    for place, name in enumerate(wanted):
        if name not in resting:
            _put(held, kept, name, 1 + kept.index(wanted[place - 1]) if place else 0)


def _put(held: LoroMovableList, names: list[str], name: str, at: int) -> None:
    """Bring a name to a place, in the list and in what we know of it."""
    if name not in names:
        held.insert(at, name)
        names.insert(at, name)
        return
    start = names.index(name)
    at -= start < at
    if start != at:
        held.mov(start, at)
        names.insert(at, names.pop(start))


def _rising(numbers: Sequence[int]) -> list[int]:
    """A longest rising part of distinct numbers: those that need not move."""
    ends: list[int] = []
    before: dict[int, int | None] = {}
    for number in numbers:
        length = bisect_left(ends, number)
        before[number] = ends[length - 1] if length else None
        ends[length : length + 1] = [number]
    found: list[int] = []
    last = ends[-1] if ends else None
    while last is not None:
        found.append(last)
        last = before[last]
    return found


def _same(one: object, other: object) -> bool:
    """Equal to the last bit: Python takes 1, 1.0 and true for equal, and 0.0 and -0.0."""
    if isinstance(one, Mapping):
        same_keys = isinstance(other, Mapping) and one.keys() == other.keys()
        return same_keys and all(_same(value, _map(other)[key]) for key, value in one.items())
    if isinstance(one, list):
        same_length = isinstance(other, list) and len(one) == len(other)
        return same_length and all(map(_same, one, cast("list[object]", other)))
    return type(one) is type(other) and (repr(one) == repr(other) if isinstance(one, float) else one == other)


def _value(member: ValueOrContainer | None) -> object:
    return member.value if isinstance(member, ValueOrContainer.Value) else None


def _says_something(member: ValueOrContainer) -> bool:
    return isinstance(member, ValueOrContainer.Container) or _value(member) is not None


def _map(node: object) -> Mapping[str, object]:
    return cast("Mapping[str, object]", node) if isinstance(node, Mapping) else {}
