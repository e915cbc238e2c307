"""A PostgreSQL server of its own for a test: on 127.0.0.1, in a temporary folder, with a password."""

import contextlib
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.ports import free_port

USER, PASSWORD = "team", secrets.token_hex(8)  # not in a diff of this file, which a job keeps
START_SECONDS = 120.0


def _program(name: str) -> str:
    """A program of PostgreSQL. Debian keeps them out of PATH, by version."""
    debian = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    found = shutil.which(name) or next((str(path) for path in reversed(debian)), None)
    if found is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    return found


@contextlib.contextmanager
def postgres(*databases: str) -> Iterator[Mapping[str, str]]:
    """Yields the URL of each database, without the password, which PGPASSWORD must have."""
    import psycopg

    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    as_owner: dict[str, Any] = {"cwd": folder}
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        owner = pwd.getpwnam("postgres")
        as_owner |= {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}
        os.chown(folder, owner.pw_uid, owner.pw_gid)
    (folder / "password").write_text(PASSWORD)
    (folder / "password").chmod(0o644)
    safe = ("--auth=scram-sha-256", f"--pwfile={folder / 'password'}", "--no-sync")
    subprocess.run(
        [_program("initdb"), "-D", "data", "-U", USER, *safe], check=True, capture_output=True, **as_owner
    )
    port = free_port()
    settings = (
        "listen_addresses=127.0.0.1",
        f"port={port}",
        "fsync=off",
        f"unix_socket_directories={folder}",
    )
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen(
            [_program("postgres"), "-D", "data", *(part for one in settings for part in ("-c", one))],
            stdout=log, stderr=log, **as_owner,
        )  # fmt: skip
    try:
        url = f"postgresql://{USER}@127.0.0.1:{port}"
        end = time.monotonic() + START_SECONDS
        while True:
            try:
                with psycopg.connect(f"{url}/postgres", password=PASSWORD, autocommit=True) as connection:
                    for name in databases:
                        connection.execute(f'create database "{name}"')  # type: ignore[arg-type]
                break
            except psycopg.OperationalError:
                assert time.monotonic() < end, (folder / "server.log").read_text()
                time.sleep(0.1)
        yield {name: f"{url}/{name}" for name in databases}
    finally:
        server.send_signal(signal.SIGQUIT)  # at once
        server.wait()
        shutil.rmtree(folder, ignore_errors=True)
