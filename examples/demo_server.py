"""The demo's control plane: the real `hakiri serve`, started, spoken to and stopped as anybody would."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from appliance.entrypoints.cli.client import Api
from appliance.entrypoints.cli.ends import Stop

START_SECONDS = 30.0
STOP_SECONDS = 15.0

_TOKEN = "owner token (shown once): "  # noqa: S105 - what stands before it
_HAKIRI = Path(sys.executable).parent / "hakiri"


class StartError(Exception):
    """The demo cannot begin; the message says why and what to do."""


@dataclass(frozen=True)
class Running:
    """A control plane that answers."""

    url: str
    token: str
    log: Path

    @property
    def api(self) -> Api:
        return Api(self.url, self.token)


@contextmanager
def starting(data: Path) -> Iterator[Running]:
    """A server on a free port until the end of the block. Raises StartError."""
    port, log = free_port(), data / "server.log"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HAKIRI_")}
    environment |= {"HAKIRI_DATA": str(data), "HAKIRI_BIND": f"127.0.0.1:{port}"}
    began = log.stat().st_size if log.exists() else 0
    with log.open("ab") as output:
        # In the terminal's group: Ctrl-C reaches it too, and it stops in order.
        process = subprocess.Popen([_HAKIRI, "serve"], env=environment, stdout=output, stderr=output)  # noqa: S603
    try:
        url = f"http://127.0.0.1:{port}"
        _await_ready(url, process, log, began)
        yield Running(url, _token(data, environment, _since(log, began)), log)
    finally:
        _stop(process)


def hakiri(server: Running, *arguments: str) -> str:
    """What the command says. Raises StartError if it fails."""
    environment = {**os.environ, "HAKIRI_URL": server.url, "HAKIRI_TOKEN": server.token}
    done = subprocess.run(  # noqa: S603 - our own command
        [_HAKIRI, *arguments], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise StartError(f"`hakiri {' '.join(arguments)}` failed:\n{done.stderr.strip() or done.stdout.strip()}")
    return done.stdout.rstrip()


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
    return number


def _await_ready(url: str, process: subprocess.Popen[bytes], log: Path, began: int) -> None:
    api, until = Api(url, timeout=2.0), time.monotonic() + START_SECONDS
    while True:
        try:
            api.get("/readyz")
        except Stop as stop:
            if process.poll() is not None or time.monotonic() > until:
                tail = _since(log, began).strip()[-2000:]
                raise StartError(f"the server did not start; {log} ends with:\n{tail or stop.message}") from None
            time.sleep(0.05)
        else:
            return


def _since(log: Path, began: int) -> str:
    with log.open("rb") as file:
        file.seek(began)
        return file.read().decode("utf-8", "replace")


def _token(data: Path, environment: dict[str, str], said: str) -> str:
    """The owner's token, which is shown at the first start only and kept here for the next demo."""
    kept = data / "owner-token"
    shown = [line.removeprefix(_TOKEN).strip() for line in said.splitlines() if line.startswith(_TOKEN)]
    if shown:
        return _keep(kept, shown[0])
    if kept.exists():
        return kept.read_text().strip()
    made = subprocess.run(  # noqa: S603 - our own command
        [_HAKIRI, "token", "create", "--local", "--name", "demo"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode:
        raise StartError(made.stderr.strip())
    return _keep(kept, made.stdout.strip())


def _keep(kept: Path, token: str) -> str:
    kept.touch(mode=0o600)
    kept.write_text(f"{token}\n")
    return token


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    # A second Ctrl-C must not leave a server behind.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with suppress(subprocess.TimeoutExpired):
        process.wait(STOP_SECONDS)
    if process.poll() is None:
        process.kill()
        process.wait()
