"""A name that says what the column `wish` of node runs holds, and plainer help texts. No table changes."""

import engine.models.fields
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('engine', '0004_expand_host'),
    ]

    operations = [
        # The column stays as it is: older processes read and write it.
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.RemoveField(
                    model_name='noderun',
                    name='wish',
                ),
                migrations.AddField(
                    model_name='noderun',
                    name='pending_action',
                    field=models.CharField(db_column='wish', help_text='What to do when the attempt in flight has been killed: "cancel <claim>"; void with another claim.', max_length=40, null=True),
                ),
            ],
        ),
        migrations.AlterField(
            model_name='attempt',
            name='ready_at',
            field=models.DateTimeField(help_text='When the node became ready for this attempt.', null=True),
        ),
        migrations.AlterField(
            model_name='attempt',
            name='state',
            field=models.CharField(help_text='running, succeeded, failed, timed_out, cancelled or lost.', max_length=16),
        ),
        migrations.AlterField(
            model_name='command',
            name='kind',
            field=models.CharField(help_text='start, cancel, retry, cancel_node, skip, stack or pool_changed.', max_length=32),
        ),
        migrations.AlterField(
            model_name='command',
            name='outcome',
            field=engine.models.fields.JSONText(help_text='Why it was refused; null: it was carried out.', null=True),
        ),
        migrations.AlterField(
            model_name='noderun',
            name='claim',
            field=models.CharField(blank=True, default='', help_text='Fencing token of the attempt in flight; empty: none.', max_length=32),
        ),
        migrations.AlterField(
            model_name='run',
            name='altered',
            field=engine.models.fields.JSONText(default=dict, help_text='Policy fields that retries changed: {node: {field: value}}.'),
        ),
        migrations.AlterField(
            model_name='run',
            name='targets',
            field=engine.models.fields.JSONText(help_text='Ids of the target nodes: only they and what they depend on run. Null: the whole workflow.', null=True),
        ),
        migrations.AlterField(
            model_name='stack',
            name='why',
            field=models.CharField(help_text='Why it was taken: asked, stuck, quiet, soft_timeout, hard_timeout or memory.', max_length=16),
        ),
    ]
