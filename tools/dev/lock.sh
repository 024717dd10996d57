#!/bin/sh
# Resolve requirements.lock again: every extra, every platform, hashes, wheels only.
# Versions already locked are kept where they still fit; ARGS=--upgrade takes the newest.
set -eu
cd "$(dirname "$0")/../.."
if ! command -v uv >/dev/null; then
    echo "weir: make lock needs uv; see https://docs.astral.sh/uv/ for how to install it." >&2
    exit 1
fi
uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes \
    --no-header --quiet "$@" --output-file requirements.lock
