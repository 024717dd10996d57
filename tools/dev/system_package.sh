#!/bin/sh
# system_package.sh PACKAGE PURPOSE LOG: install one Debian package where that needs no password.
# Where it may not or cannot, say nothing, fail, and leave the reason as the last line of LOG.
# SYSTEM_PACKAGES=no forbids it. A service in the package is neither started nor enabled: a test
# needs the program, not a server on the machine's port.
set -eu
package=$1 purpose=$2 log=$3
policy=/usr/sbin/policy-rc.d
exec 3>&2 >"$log" 2>&1

as_root() { "$@"; }
if [ "${SYSTEM_PACKAGES:-yes}" = no ]; then
    echo "SYSTEM_PACKAGES=no forbids it"
    exit 1
elif ! command -v apt-get >/dev/null; then
    echo "there is no apt-get here"
    exit 1
elif [ "$(id -u)" != 0 ]; then
    if ! sudo -n true; then
        echo "that needs root or password-less sudo"
        exit 1
    fi
    as_root() { sudo -n "$@"; }
fi
echo "weir: installing the system package $package, $purpose ..." >&3

apt() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=120 "$@" </dev/null
}

if [ ! -e "$policy" ]; then
    trap 'as_root rm -f "$policy"' EXIT
    trap 'exit 130' INT TERM
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" # 101: services may not be started
    as_root chmod 755 "$policy"
fi

# A fresh system has no package lists, an old one has stale ones: ask again only if it fails.
apt install --yes --no-install-recommends "$package" || {
    apt update
    apt install --yes --no-install-recommends "$package"
}
if [ -e "/lib/systemd/system/$package.service" ] && command -v systemctl >/dev/null; then
    as_root systemctl --quiet disable "$package" || true # the package is there all the same
fi
