#!/bin/sh
# See that mosquitto is there for the tests that need a real broker. Without it they are
# skipped, except where CI=true: there a test that did not run must not look green.
set -eu
cd "$(dirname "$0")/../.."
log=.weir/broker.log

is_there() { PATH="$PATH:/usr/sbin:/usr/local/sbin" command -v mosquitto >/dev/null; }
say() { printf 'weir: %s\n' "$*" >&2; }

is_there && exit 0
tools/dev/system_package.sh mosquitto "a broker for the tests" "$log" || true
is_there && exit 0
say "mosquitto is not here and could not be installed: $(tail -n 1 "$log"). (log: $log)"
if [ "${CI:-}" = true ]; then
    say "CI=true makes that a failure; install mosquitto and run again."
    exit 1
fi
say "the tests that need it are skipped; 'sudo apt-get install mosquitto' lets them run."
