#!/bin/sh
# Builds wheels into an emptied folder: build_wheels.sh ENVIRONMENT PROFILE FOLDER PROJECT-FOLDER…
# A project with a Cargo.toml is built by maturin, any other by its own build backend.
set -eu

if ! command -v cargo >/dev/null; then
    echo "cargo is missing. Install Rust: https://rustup.rs" >&2
    exit 1
fi

environment=$1 profile=$2 dist=$3
shift 3

rm -rf "$dist"
mkdir -p "$dist"
for project in "$@"; do
    echo "==> $project ($profile)"
    if [ -f "$project/Cargo.toml" ]; then
        "$environment/bin/maturin" build --profile "$profile" --locked --interpreter "$environment/bin/python" \
            --manifest-path "$project/Cargo.toml" --out "$dist"
    else
        "$environment/bin/python" -m pip wheel --quiet --disable-pip-version-check \
            --no-deps --no-build-isolation --wheel-dir "$dist" "$project"
    fi
done
ls "$dist"/*.whl
