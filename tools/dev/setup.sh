#!/bin/sh
# Make .venv hold what requirements.lock names, and the project itself; do nothing when it does.
# PYTHON=... chooses the interpreter. The log of the last set-up is .weir/setup.log.
set -eu
cd "$(dirname "$0")/../.."
export PIP_USER=0 PIP_NO_INPUT=1 PIP_DISABLE_PIP_VERSION_CHECK=1

log=.weir/setup.log
# Each stamp says what its part was made from and is written after that part is done, so a
# set-up that was cut off is done again, from the beginning of the part.
packages_stamp=.venv/.weir-packages
project_stamp=.venv/.weir-project

say() { printf 'weir: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

is_new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

# The interpreter behind a virtual environment or a version manager's shim: .venv must
# depend on neither, least of all on itself.
base_of() {
    "$1" -c 'import sys; print(getattr(sys, "_base_executable", None) or sys.executable)'
}

find_python() {
    for candidate in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
        if is_new_enough "$candidate"; then
            base_of "$candidate"
            return
        fi
    done
    fail "${PYTHON:+$PYTHON is not one: }Python 3.11 or newer is needed; install it, or name it with PYTHON=/path/to/python3."
}

make_venv() {
    python=$(find_python)
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    if ! "$python" -c 'import ensurepip, venv' 2>>"$log"; then
        package=python$version-venv
        tools/dev/system_package.sh "$package" "without which this Python makes no virtual environment" "$log" ||
            fail "this Python $version makes no virtual environment; run 'sudo apt-get install $package', then make again. (log: $log)"
    fi
    say "making .venv with Python $version ..."
    "$python" -m venv --clear .venv >>"$log" 2>&1 ||
        fail "the virtual environment .venv could not be made; the reason is at the end of $log."
}

# Wheels only: nothing is compiled here, and nothing runs that the lock does not name.
install_packages() {
    say "installing $(grep -c '==' requirements.lock) locked packages (about 50 MB to fetch) ..."
    .venv/bin/python -m pip install --quiet --no-deps --no-compile --only-binary :all: \
        --require-hashes --requirement requirements.lock >>"$log" 2>&1 ||
        fail "the locked packages could not be installed (is the network up?); the reason is at the end of $log."
}

install_project() {
    .venv/bin/python -m pip install --quiet --no-deps --no-build-isolation --editable . >>"$log" 2>&1 ||
        fail "the project could not be installed into .venv; the reason is at the end of $log."
}

# The directory belongs to it because a virtual environment does not survive being moved.
packages_wanted() {
    { pwd -P; cat requirements.lock tools/dev/setup.sh; } | cksum
}

project_wanted() {
    cksum <pyproject.toml
}

is_current() {
    [ "$(cat "$1" 2>/dev/null)" = "$2" ]
}

# A system upgrade may have taken the interpreter away, or PYTHON may ask for another one.
interpreter_fits() {
    base=$(base_of .venv/bin/python 2>/dev/null) || return 1
    [ -z "${PYTHON:-}" ] || [ "$base" = "$(base_of "$PYTHON" 2>/dev/null)" ]
}

set_up() {
    if ! is_current "$packages_stamp" "$(packages_wanted)" || ! interpreter_fits; then
        : >"$log"
        make_venv
        install_packages
        packages_wanted >"$packages_stamp"
    fi
    if ! is_current "$project_stamp" "$(project_wanted)"; then
        install_project
        project_wanted >"$project_stamp"
    fi
}

mkdir -p .weir
if command -v flock >/dev/null; then
    exec 9>.weir/setup.lock
    flock 9 # of two makes at once the second waits, and finds the work done
fi
set_up
