#!/bin/bash
# The Debian package of HEAD: built, judged by lintian, and installed, used and removed in a clean chroot. Needs root, debootstrap,
# dpkg-dev, debhelper, lintian and the build dependencies; takes as long as a build from nothing, so no step of ci/run.sh runs it.
#
#   ci/package.sh CHROOT [SUITE]     CHROOT is made when it is not there, of SUITE (default: the release of this machine)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
root=${1:?usage: ci/package.sh CHROOT [SUITE]}
# shellcheck disable=SC1091
suite=${2:-$(. /etc/os-release && echo "$VERSION_CODENAME")}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
git clone --quiet . "$work/daxtorture"
(cd "$work/daxtorture" && dpkg-buildpackage -us -uc -b)
lintian --fail-on error,warning "$work"/*.changes

[[ -e $root/etc/debian_version ]] || debootstrap --variant=minbase "$suite" "$root"
cp /etc/resolv.conf "$root/etc/resolv.conf"
cp "$work"/daxtorture_*.deb "$root/root/daxtorture.deb"
# All mounts are made in a mount namespace of their own, which takes them along when it ends.
# shellcheck disable=SC2016
unshare --mount --propagation private bash -euc '
    mount -t proc proc "$0/proc"
    mount --rbind /dev "$0/dev"
    chroot "$0" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
        bash -euc "
            files() { find / -xdev -path /proc -prune -o -path /dev -prune -o -path \"*daxtorture*\" -print; }
            apt-get update -q
            cd /root
            apt-get install -q -y --no-install-recommends ./daxtorture.deb
            mkdir work
            (cd work && daxtorture demo && daxtorture stress --job smoke --duration 1s)
            rm -rf work
            apt-get purge -q -y daxtorture
            rm daxtorture.deb
            left=\$(files)
            [[ -z \$left ]] || { echo \"left behind: \$left\"; exit 1; }"
' "$root"
echo "the package is built, installed, used and removed"
