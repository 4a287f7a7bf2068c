"""What both programs know of GGUF files: header, numbers, and the memory a model will need.

Pure: imports neither program, no Django, no engine. Not for loading a model or writing a file.
"""
