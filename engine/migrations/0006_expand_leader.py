from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("engine", "0005_expand_noderun"),
    ]

    operations = [
        migrations.AddField(
            model_name="leader",
            name="pruned_at",
            field=models.DateTimeField(help_text="When old runs were last deleted.", null=True),
        ),
    ]
