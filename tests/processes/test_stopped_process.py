"""A process that is stopped during a transaction does not block others for long."""

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import psycopg2
import pytest

from tests.support import postgres
from tests.support.product import ROOT
from tests.support.wait import wait_until

pytestmark = pytest.mark.postgres

HOLDS = """
import sys, threading
import django
from engine.database import postgres
postgres.SESSION_SETTINGS["idle_in_transaction_session_timeout"] = "2s"
django.setup()
from django.db import connection, transaction
with transaction.atomic(), connection.cursor() as cursor:
    cursor.execute("UPDATE held SET id = id")
    print("holds", flush=True)
    threading.Event().wait()
"""


def test_a_lock_of_a_stopped_process_is_released(tmp_path: Path) -> None:
    with postgres.database() as url, contextlib.closing(psycopg2.connect(url)) as connection:
        with connection, connection.cursor() as cursor:
            cursor.execute("create table held (id int); insert into held values (1)")
        environment = {"PATH": os.environ["PATH"], "INTERLOCK_HOME": str(tmp_path / "home"), "DATABASE_URL": url,
                       "DJANGO_SETTINGS_MODULE": "dashboard.settings"}  # fmt: skip
        process = subprocess.Popen([sys.executable, "-c", HOLDS], cwd=ROOT, env=environment, stdout=subprocess.PIPE)
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"holds\n"
            os.kill(process.pid, signal.SIGSTOP)

            def free() -> bool:
                with connection, connection.cursor() as cursor:
                    cursor.execute("select id from held for update skip locked")
                    return cursor.rowcount == 1

            assert not free()
            wait_until(free)
        finally:
            process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()
