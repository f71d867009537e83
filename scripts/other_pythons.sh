#!/bin/sh
# Prints the oldest and the newest supported interpreter of this machine, without the version given as argument.
# Searched: python3.N on PATH, and pyenv's versions, which pyenv leaves off PATH.
set -eu

current=$1
oldest='' newest=''
for minor in 10 11 12 13 14; do
    [ "3.$minor" != "$current" ] || continue
    for candidate in "$(command -v "python3.$minor" || true)" "${PYENV_ROOT:-$HOME/.pyenv}/versions/3.$minor".*/bin/python; do
        # A pyenv shim is on PATH even when its interpreter is not enabled; only running it tells.
        if [ -x "$candidate" ] && "$candidate" -c 'import venv, ensurepip' 2>/dev/null; then
            [ -n "$oldest" ] || oldest=$candidate
            newest=$candidate
            break
        fi
    done
done
[ -z "$oldest" ] || echo "$oldest"
[ "$newest" = "$oldest" ] || echo "$newest"
