#!/usr/bin/env python3
"""Entry point of every command: `python manage.py up`, and `interlock up` when installed."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
    try:
        if sys.argv[1:] in (["--version"], ["version"]):
            # Django would print its own.
            from importlib.metadata import version

            print(f"Interlock {version('interlock')}")
            return
        if sys.argv[1:2] == ["up"]:
            # Its process watches the others and does little else: it loads no Django.
            from dashboard.up.command import main as up

            sys.exit(up(sys.argv[2:]))
        from django.core.management import execute_from_command_line

        execute_from_command_line(sys.argv)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
