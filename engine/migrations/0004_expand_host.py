"""How long a host was silent when its lease expired, and help texts that name no module."""

import engine.models.fields
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('engine', '0003_remote'),
    ]

    operations = [
        migrations.AddField(
            model_name='host',
            name='silent_seconds',
            field=models.FloatField(help_text='How long it had been silent when its lease expired.', null=True),
        ),
        migrations.AlterField(
            model_name='dispatch',
            name='sent_at',
            field=models.DateTimeField(help_text='When its message was last published.'),
        ),
        migrations.AlterField(
            model_name='dispatch',
            name='wish',
            field=models.CharField(help_text='What the scheduler asks of the host: "kill <state>", "stacks <number>" or "back"; null: nothing.', max_length=40, null=True),
        ),
        migrations.AlterField(
            model_name='dispatch',
            name='work',
            field=models.TextField(help_text='JSON for the supervisor: limits and names.'),
        ),
        migrations.AlterField(
            model_name='eventbatch',
            name='body',
            field=models.TextField(help_text='JSON list of stored events.'),
        ),
        migrations.AlterField(
            model_name='host',
            name='begun',
            field=engine.models.fields.JSONText(default=dict, help_text='{claim: unix time} of the attempts that its node processes started last; its successor writes it.'),
        ),
        migrations.AlterField(
            model_name='host',
            name='load',
            field=engine.models.fields.JSONText(default=dict, help_text='{pid, processes: [{pid, state, claims}]} as of its last heartbeat.'),
        ),
        migrations.AlterField(
            model_name='host',
            name='name',
            field=models.CharField(help_text="The worker's name; registering it again ends the row before.", max_length=200),
        ),
        migrations.AlterField(
            model_name='host',
            name='reason',
            field=models.CharField(blank=True, default='', help_text='A code: why it drains or is gone.', max_length=200),
        ),
        migrations.AlterField(
            model_name='host',
            name='told',
            field=models.BigIntegerField(default=0, help_text='Number of its last report batch: none is written twice.'),
        ),
        migrations.AlterField(
            model_name='hostreport',
            name='body',
            field=models.TextField(help_text='JSON list of reports.'),
        ),
        migrations.AlterField(
            model_name='leader',
            name='beat_at',
            field=models.DateTimeField(help_text="Heartbeat, also while idle, by the database's clock.", null=True),
        ),
        migrations.AlterField(
            model_name='noderun',
            name='output',
            field=engine.models.fields.JSONText(help_text='{kind, bytes, ports, value | artifact, schema?, row_count?}.', null=True),
        ),
        migrations.AlterField(
            model_name='run',
            name='state',
            field=models.CharField(default='queued', help_text='queued, running, paused, succeeded, failed, cancelled or timed_out.', max_length=16),
        ),
        migrations.AlterField(
            model_name='stack',
            name='body',
            field=engine.models.fields.JSONText(help_text='{samples, children}, as the API returns them.'),
        ),
    ]
