"""Which run another one repeats."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('engine', '0006_expand_leader'),
    ]

    operations = [
        migrations.AddField(
            model_name='run',
            name='rerun_of',
            field=models.BigIntegerField(help_text='Id of the run that it repeats, which may be deleted by now.', null=True),
        ),
    ]
