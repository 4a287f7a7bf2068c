"""How numbers are written where Django's own files say otherwise. Not for words: locale/."""
