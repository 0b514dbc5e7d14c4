"""Tables of attempts that run on other hosts."""

import django.db.models.deletion
import engine.models.fields
from django.db import migrations, models


def suit_hot_rows(apps, schema_editor):
    """On PostgreSQL: room beside each row for its next version, vacuum by number, and no index that nothing asks."""
    if schema_editor.connection.vendor != "postgresql":
        return
    # The index for LIKE on a textual key would be made at the end of the migration.
    schema_editor.deferred_sql[:] = [
        statement
        for statement in schema_editor.deferred_sql
        if not ("engine_dispatch" in str(statement) and "_like" in str(statement))
    ]
    for table in ("engine_dispatch", "engine_hostreport", "engine_host"):
        schema_editor.execute(
            f"ALTER TABLE {table} SET (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, "
            "autovacuum_vacuum_threshold = 2000)"
        )


class Migration(migrations.Migration):

    dependencies = [
        ('engine', '0002_indexes_with_states'),
    ]

    operations = [
        migrations.CreateModel(
            name='Host',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(help_text="The worker's name; a new life with it ends the one before.", max_length=200)),
                ('queues', engine.models.fields.JSONText(default=list, help_text='Names of the queues that it takes.')),
                ('capacity', models.PositiveIntegerField(help_text='Node processes.')),
                ('protocol', models.IntegerField()),
                ('state', models.CharField(default='active', help_text='active, draining (takes no more) or gone (its claims are void).', max_length=16)),
                ('reason', models.CharField(blank=True, default='', help_text='Why it is gone.', max_length=200)),
                ('started_at', models.DateTimeField()),
                ('beat_at', models.DateTimeField()),
                ('told', models.BigIntegerField(default=0, help_text='Number of its last HostReport: none is written twice.')),
                ('load', engine.models.fields.JSONText(default=dict, help_text='{pid, release, processes: [{pid, state, claims}]} as of its last beat.')),
                ('begun', engine.models.fields.JSONText(default=dict, help_text='{claim: unix time} that its node processes had begun last, told by its next life.')),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('state', 'gone'), _negated=True), fields=['name'], name='host_alive')],
            },
        ),
        migrations.CreateModel(
            name='Dispatch',
            fields=[
                ('claim', models.CharField(max_length=32, primary_key=True, serialize=False)),
                ('queue', models.CharField(max_length=100)),
                ('protocol', models.IntegerField()),
                ('work', models.TextField(help_text='JSON of engine.executors.wire: limits and names, for the supervisor.')),
                ('envelope', models.TextField(help_text='JSON for the node process, without what its host adds.')),
                ('sent_at', models.DateTimeField(help_text='When it was last published.')),
                ('taken_at', models.DateTimeField(null=True)),
                ('wish', models.CharField(help_text='"kill <state>", "stacks <number>" or "back"; null: none.', max_length=40, null=True)),
                ('host', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, to='engine.host')),
            ],
        ),
        migrations.CreateModel(
            name='HostReport',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('body', models.TextField(help_text='JSON of engine.executors.wire.')),
                ('host', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, to='engine.host')),
            ],
        ),
        migrations.RunPython(suit_hot_rows, migrations.RunPython.noop),
    ]
