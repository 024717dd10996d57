#!/bin/sh
# Install one Debian package where that needs no password; fail where it does.
# SYSTEM_PACKAGES=no forbids it. The package's service is neither started nor enabled: a test
# needs the program, not a server on the machine's port.
set -eu
package=$1
policy=/usr/sbin/policy-rc.d

as_root() { "$@"; }
if [ "${SYSTEM_PACKAGES:-yes}" = no ]; then
    echo "SYSTEM_PACKAGES=no: $package is not installed."
    exit 1
elif ! command -v apt-get >/dev/null; then
    echo "There is no apt-get here to install $package with."
    exit 1
elif [ "$(id -u)" != 0 ]; then
    if ! sudo -n true 2>/dev/null; then
        echo "Installing $package needs root or password-less sudo."
        exit 1
    fi
    as_root() { sudo -n "$@"; }
fi

apt() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=120 "$@" </dev/null
}

if [ ! -e "$policy" ]; then
    trap 'as_root rm -f "$policy"' EXIT
    trap 'exit 130' INT TERM
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null  # 101: services may not be started
    as_root chmod 755 "$policy"
fi

# A fresh system has no package lists, an old one has stale ones: ask again only if it fails.
apt install --yes --no-install-recommends "$package" || {
    apt update
    apt install --yes --no-install-recommends "$package"
}
if [ -e "/lib/systemd/system/$package.service" ] && command -v systemctl >/dev/null; then
    as_root systemctl --quiet disable "$package" || true  # the package is there all the same
fi
