"""What strangers' files say: the text of documents, the pixels of pictures.

said.py       what the child is asked, and the closed list of what it may say
kinds.py      what a file is, by its first bytes
__main__.py   the child: it opens one file behind walls, says what it found, and may be lost
the others    one kind of file each, in the child alone

Knows no people, no database and no models. Nothing here is trusted: whoever starts the child
decodes strictly what it says.
"""
