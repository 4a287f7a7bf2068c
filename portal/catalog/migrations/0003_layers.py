from django.db import migrations, models


class Migration(migrations.Migration):
    """Models that were there already have neither until their files are looked at again."""

    dependencies = [("catalog", "0002_trials")]

    operations = [
        migrations.AddField(
            model_name="model",
            name="projector",
            field=models.CharField(
                blank=True, default="", editable=False, max_length=64, verbose_name="projector"
            ),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="model",
            name="adapters",
            field=models.JSONField(
                blank=True, default=list, editable=False, verbose_name="adapters"
            ),
        ),
    ]
