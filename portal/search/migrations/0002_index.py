"""The inverted index itself, by each database's own means.

On SQLite the index is a table beside `search_passage`, kept equal by two triggers (rows are added
and removed, never changed). A later migration that makes SQLite rebuild `search_passage` loses the
triggers, and must make them again.
"""

from django.db import migrations

SQLITE = (
    # Tokens come ready from words.py: lower case, and nothing in ASCII but letters and digits. All
    # that is left to do is to part them at the blanks.
    "CREATE VIRTUAL TABLE search_words USING fts5("
    "words, content='search_passage', content_rowid='id', "
    "tokenize='ascii', detail='none', prefix='2 3')",
    "CREATE TRIGGER search_words_added AFTER INSERT ON search_passage BEGIN "
    "INSERT INTO search_words(rowid, words) VALUES (new.id, new.words); END",
    "CREATE TRIGGER search_words_gone AFTER DELETE ON search_passage BEGIN "
    "INSERT INTO search_words(search_words, rowid, words) "
    "VALUES ('delete', old.id, old.words); END",
)
SQLITE_BACK = (
    "DROP TRIGGER search_words_gone",
    "DROP TRIGGER search_words_added",
    "DROP TABLE search_words",
)
POSTGRESQL = (
    "CREATE INDEX search_words ON search_passage "
    "USING gin (array_to_tsvector(string_to_array(words, ' ')))",
)
POSTGRESQL_BACK = ("DROP INDEX search_words",)


def forwards(apps, schema_editor):
    for statement in SQLITE if schema_editor.connection.vendor == "sqlite" else POSTGRESQL:
        schema_editor.execute(statement)


def backwards(apps, schema_editor):
    is_sqlite = schema_editor.connection.vendor == "sqlite"
    for statement in SQLITE_BACK if is_sqlite else POSTGRESQL_BACK:
        schema_editor.execute(statement)


class Migration(migrations.Migration):
    dependencies = [("search", "0001_initial")]

    operations = [migrations.RunPython(forwards, backwards)]
