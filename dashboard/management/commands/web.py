"""`web`: run one web process alone, for installations that start each process themselves."""

import os
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from dashboard import start
from dashboard.up import listen, web
from dashboard.up.home import RunningUp, record_web
from engine.database import schema


class Command(BaseCommand):
    help = (
        "Serve pages, API and websockets alone (a part of `up`), until SIGTERM or Ctrl-C. With PostgreSQL and "
        "REDIS_URL, several can run on any host; all need the same SECRET_KEY."
    )
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default 127.0.0.1)")
        parser.add_argument("--port", type=int, default=8000, help="port to listen on (default 8000; 0: a free one)")

    def handle(self, *args: Any, **options: Any) -> None:
        host, port = str(options["host"]), int(options["port"])
        if not 0 <= port <= 65535:
            raise CommandError(f"{port} is not a port: use a number from 0 to 65535.")
        try:
            without_redis = start.check_ready()
            sockets = listen.open_sockets(host, port)
        except (start.StartError, schema.SchemaError, listen.CannotListen) as error:
            raise CommandError(str(error)) from error
        if without_redis:
            self.stderr.write(without_redis)
        for one in sockets:
            one.setblocking(False)
        server = web.prepared()
        bound = sockets[0].getsockname()[1]
        address = listen.address(host, bound)
        public = listen.public_address(" ".join(settings.ALLOWED_HOSTS)) if settings.INTERLOCK.trust_proxy else ""
        # `login-link` and `alive` find it there, while the file is open.
        record = record_web(settings.INTERLOCK.run_folder, bound, RunningUp(os.getpid(), address, public))
        self.stdout.write(f"Serving at {address}")
        self.stdout.flush()
        try:
            web.run(server, sockets)
        finally:
            if record is not None:
                record.close()
