"""Weights in safetensors become a GGUF, by llama.cpp's own converter; an optional extra.

tool.py       where the extra lies, and whether it is there
folder.py     which files of a folder the converter may see
converter.py  the process that converts: limited, without secrets, watched
child.py      what that process is before it becomes the converter
taking_in.py  the job
"""
