"""Starts runs in a home where no web process serves: reads one JSON object a line, answers one a line.

{"document", "workflow"} -> {"run": id}; {"pool", "slots"} -> {}. An answer is given after the commit.
"""

import json
import os
import sys

sys.path.insert(0, os.getcwd())
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")

import django

django.setup()

from django.db import DatabaseError  # noqa: E402

from engine.actions import pools, runs  # noqa: E402

print("{}", flush=True)
for line in sys.stdin:
    asked = json.loads(line)
    try:
        if "pool" in asked:
            pools.create(asked["pool"], asked["slots"], by="test")
            answer: dict[str, object] = {}
        else:
            definition = runs.store_definition(asked["document"])
            answer = {"run": str(runs.start(definition, workflow=asked["workflow"], by="test").pk)}
    except DatabaseError as error:
        answer = {"error": repr(error)}
    print(json.dumps(answer), flush=True)
