"""Work on the data directory while no server does: for who has the machine, and lost the token."""

from __future__ import annotations

import os

from appliance.bootstrap import assemble, selfhosted
from appliance.core.duration import parse_duration
from appliance.core.errors import NotFound
from appliance.core.team import Role
from appliance.entrypoints.cli.client import Json
from appliance.entrypoints.serve import hold
from appliance.services.teams import SYSTEM
from appliance.settings import Settings


def local_token(settings: Settings, *, name: str, member: str | None, role: str | None, lifetime: str | None) -> Json:
    """Make a token; of an owner, unless `member` says whose.

    Raises InUse while a server runs: opening the substrate drops what a server has staged. Raises NotFound,
    NewerCatalog, Unavailable.
    """
    lock = hold(settings.data)
    try:
        return _made(settings, name=name, member=member, role=role, lifetime=lifetime)
    finally:
        os.close(lock)


def _made(settings: Settings, *, name: str, member: str | None, role: str | None, lifetime: str | None) -> Json:
    substrate = selfhosted(settings)
    try:
        teams = assemble(substrate, stopping=lambda: True).teams
        teams.first_token()
        whose = next((one for one in teams.members(SYSTEM) if _is_meant(one.name, one.role, member)), None)
        if whose is None:
            raise NotFound(f"there is no member {member!r}")
        made, text = teams.create_token(
            SYSTEM,
            member=whose.name,
            name=name,
            role=Role(role) if role else whose.role,
            lifetime=parse_duration(lifetime) if lifetime else None,
        )
    finally:
        substrate.close()
    shown = {"id": made.id, "member": made.member, "name": made.name, "role": made.role.value}
    return {"token": shown, "text": text}


def _is_meant(name: str, role: Role, member: str | None) -> bool:
    return role is Role.OWNER if member is None else name == member
