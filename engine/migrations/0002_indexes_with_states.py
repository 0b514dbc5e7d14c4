"""Brings the indexes of runs to what 0001 makes now: it was rewritten when they came to hold states."""

from django.db import migrations

NAMES = (
    "run_workflow", "run_version", "run_finished", "run_failed", "run_no_success", "run_created", "run_by", "run_draft",
)  # fmt: skip


def renew(apps, editor):
    run = apps.get_model("engine", "Run")
    for name in NAMES:
        editor.execute(f"DROP INDEX IF EXISTS {name}")
    for index in run._meta.indexes:
        if index.name in NAMES:
            editor.add_index(run, index)


class Migration(migrations.Migration):
    dependencies = [("engine", "0001_initial")]
    operations = [migrations.RunPython(renew, migrations.RunPython.noop)]
