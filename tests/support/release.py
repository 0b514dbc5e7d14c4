"""The next release, for the database: a copy of this tree with migrations of the kind that may be applied while this
one runs, and matching models."""

import shutil
from pathlib import Path

from tests.support.product import ROOT

BRIGHT, CALM = "bright", "calm"
"""What the next release writes into the new column for a run, and the database's default for earlier releases."""

MODELS = f"""

from django.db import models as _models

for _model in (Run, NodeRun, Host):
    _model.add_to_class("mood", _models.CharField(max_length=9, default="{BRIGHT}", db_default="{CALM}"))
Run.add_to_class("colour", _models.CharField(max_length=9, null=True))
Run._meta.indexes.append(_models.Index(fields=["mood", "id"], name="run_mood"))


class Fashion(_models.Model):
    run = _models.ForeignKey(Run, _models.CASCADE, db_constraint=False)
"""
HEAD = """
from django.db import migrations, models

from engine.database.indexes import AddIndexConcurrently


class Migration(migrations.Migration):
    dependencies = [("engine", "{before}")]
"""
MOOD = f'models.CharField(max_length=9, default="{BRIGHT}", db_default="{CALM}")'
MIGRATIONS = {
    "0995_expand_run": f"""
    operations = [
        migrations.AddField("run", "mood", {MOOD}),
        migrations.AddField("run", "colour", models.CharField(max_length=9, null=True)),
        migrations.CreateModel(
            "Fashion",
            [
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("run", models.ForeignKey("engine.Run", models.CASCADE, db_constraint=False)),
            ],
        ),
    ]
""",
    "0996_expand_node_run": f"""
    operations = [migrations.AddField("noderun", "mood", {MOOD})]
""",
    "0997_expand_host": f"""
    operations = [migrations.AddField("host", "mood", {MOOD})]
""",
    "0998_expand_run_index": """
    atomic = False
    operations = [AddIndexConcurrently("run", models.Index(fields=["mood", "id"], name="run_mood"))]
""",
}
"""What each migration does, in order."""


def next_release(folder: Path) -> Path:
    """Return its tree, below `folder`."""
    tree = folder / "next-release"
    tree.mkdir()
    for name in ("engine", "versions", "dashboard", "templates"):
        shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "manage.py", tree)
    (tree / "static").symlink_to(ROOT / "static")
    migrations = tree / "engine" / "migrations"
    before = max(path.stem for path in migrations.glob("0*.py"))
    for name, does in MIGRATIONS.items():
        (migrations / f"{name}.py").write_text(HEAD.format(before=before) + does)
        before = name
    with (tree / "engine" / "models" / "__init__.py").open("a") as models:
        models.write(MODELS)
    return tree
