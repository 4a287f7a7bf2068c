from django.db import migrations, models


class Migration(migrations.Migration):
    """Models that were there already are tried like new ones, or stay ready if they were."""

    dependencies = [("catalog", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="model",
            name="trial",
            field=models.JSONField(blank=True, default=dict, editable=False, verbose_name="check"),
        ),
        migrations.AlterField(
            model_name="model",
            name="state",
            field=models.CharField(
                choices=[
                    ("added", "being checked"),
                    ("ready", "ready"),
                    ("unloadable", "cannot be loaded"),
                    ("broken", "broken"),
                ],
                default="added",
                max_length=16,
                verbose_name="state",
            ),
        ),
    ]
