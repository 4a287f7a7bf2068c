"""How much a person may attach, and how long what she does not send is kept. Reads no database.

What one file may hold is said where it is opened: unpacking/said.py.
"""

import datetime

MAX_FILES_A_QUESTION = 10
# Together, in the documents of one question; a message that travels has at most four million.
MAX_CHARS_A_QUESTION = 3_500_000
MAX_UNSENT = 50
UNSENT_FOR = datetime.timedelta(days=1)
MAX_NAME_CHARS = 200
# Pictures of one prompt, those of older turns included; the newest are kept.
MAX_PICTURES_A_PROMPT = 32
MAX_PICTURE_BYTES_A_PROMPT = 16 * 1024 * 1024
# Left free on the disk for everything else that lies there.
FREE_BYTES = 256 * 1024 * 1024
# What opening one file may take of time and memory.
CPU_SECONDS = 60
WALL_SECONDS = 150.0
DATA_BYTES = 1024 * 1024 * 1024
# A token of text has about four bytes, whatever the model and the language.
BYTES_A_TOKEN = 4


def tokens_of(text: str) -> int:
    """About how many tokens a model will make of it: known before anybody chose a model."""
    return -(-len(text.encode("utf-8")) // BYTES_A_TOKEN)
