#!/bin/sh
# See that mosquitto is there for the tests that need a real broker. Without it they are
# skipped, except where CI=true: there a test that did not run must not look green.
set -eu
cd "$(dirname "$0")/../.."
log=.weir/broker.log

is_there() { PATH="$PATH:/usr/sbin:/usr/local/sbin" command -v mosquitto >/dev/null; }
say() { printf 'weir: %s\n' "$*" >&2; }

is_there && exit 0
say "installing the system package mosquitto for the tests that need a real broker ..."
tools/dev/system_package.sh mosquitto >"$log" 2>&1 || true
is_there && exit 0
say "mosquitto is not here and could not be installed ($(tail -n 1 "$log"))"
if [ "${CI:-}" = true ]; then
    say "CI=true, so this is a failure; install mosquitto and run again. (log: $log)"
    exit 1
fi
say "its tests will be skipped; 'sudo apt-get install mosquitto' lets them run."
