#!/bin/sh
# Prints the Python to work with: the environment's own, or the newest one from 3.11 on the PATH.
good() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}
for candidate in .venv/bin/python python3 python3.14 python3.13 python3.12 python3.11 python; do
    if good "$candidate"; then
        command -v "$candidate"
        exit 0
    fi
done
echo "The portal needs Python 3.11 or newer, and none was found on the PATH." >&2
echo "On Debian or Ubuntu: apt install python3 python3-venv" >&2
exit 1
