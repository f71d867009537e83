#!/bin/sh
# Fails with a message when a cargo subcommand is absent: require_cargo_component.sh SUBCOMMAND COMPONENT
set -eu

if ! cargo "$1" --version >/dev/null 2>&1; then
    echo "cargo $1 is missing. Install it: rustup component add $2 (Debian: apt install rustfmt rust-clippy)" >&2
    exit 1
fi
