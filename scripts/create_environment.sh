#!/bin/sh
# Makes a virtual environment: create_environment.sh PYTHON FOLDER PIP-ARGUMENTS…
# Leaves FOLDER/.ready when everything is installed.
set -eu

python=$1 folder=$2
shift 2

if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
    echo "$python is not Python 3.10 or later. Name one that is: make … PYTHON=/path/to/python3" >&2
    exit 1
fi
if ! "$python" -c 'import venv, ensurepip' 2>/dev/null; then
    echo "$python cannot make virtual environments: it has no ensurepip." >&2
    echo "On Debian: apt install python3-venv. Or name another interpreter: make … PYTHON=/path/to/python3" >&2
    exit 1
fi

echo "==> $folder ($("$python" --version)): installing $*"
"$python" -m venv --clear "$folder"
"$folder/bin/python" -m pip install --quiet --disable-pip-version-check "$@"
touch "$folder/.ready"
