#!/bin/bash
# The step debian13 of ci/run.sh, in a mount namespace of its own: HEAD in a chroot of Debian 13, whose packages and compiled objects are
# kept in $ROOT. A chroot without its mark is half-made and made anew.
set -euo pipefail
: "${ROOT:?}" "${MIRROR:?}"
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if [[ ! -e $ROOT/.complete ]]; then
    # Nothing is mounted below it yet; other filesystems would not be entered.
    rm -rf --one-file-system "$ROOT"
    debootstrap --variant=minbase trixie "$ROOT" "$MIRROR"
    touch "$ROOT/.complete"
fi
rm -rf --one-file-system "$ROOT/root/daxtorture"
git clone --quiet --no-hardlinks . "$ROOT/root/daxtorture"
cp /etc/resolv.conf "$ROOT/etc/resolv.conf"
mount -t proc proc "$ROOT/proc"
mount --rbind /dev "$ROOT/dev"
# As a user's first commands: nothing of this machine's environment but a proxy.
chroot "$ROOT" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 NO_COLOR=1 \
    ${http_proxy:+http_proxy="$http_proxy"} ${https_proxy:+https_proxy="$https_proxy"} \
    CCACHE_BASEDIR=/root/daxtorture CCACHE_NOHASHDIR=1 bash -euc '
        cd /root/daxtorture
        ./setup.sh --deps ccache
        ./setup.sh
        timeout 600 build/daxtorture demo
        meson test -C build --print-errorlogs'
