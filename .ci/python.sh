#!/bin/sh
# Says in one sentence what is wrong with the interpreter, before anything is created.
python=$1

command -v "$python" >/dev/null || {
    echo "setup: $python not found. Install Python 3.11 or newer, or name one: make setup PYTHON=python3.12" >&2
    exit 1
}
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || {
    echo "setup: Python 3.11 or newer is needed, $python is $("$python" -V 2>&1 | head -n 1). Name another: make setup PYTHON=python3.12" >&2
    exit 1
}
"$python" -c 'import ensurepip, venv' 2>/dev/null || {
    echo "setup: $python has no venv module. On Debian and Ubuntu: apt-get install python3-venv. Or name another: make setup PYTHON=python3.12" >&2
    exit 1
}
