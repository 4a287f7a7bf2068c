from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("catalog", "0003_layers")]

    operations = [
        migrations.AddField(
            model_name="model",
            name="is_pinned",
            field=models.BooleanField(default=False, verbose_name="kept loaded"),
        ),
    ]
