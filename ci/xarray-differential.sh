#!/bin/sh
# Compares src/xarray with Linux's lib/xarray.c: random operation sequences on both, any difference is an error.
#
# usage: ci/xarray-differential.sh [OPERATIONS [SEED]]
#        ci/xarray-differential.sh --bench
# OPERATIONS at chunk shift 6 (default 10 million), a quarter of that at each of 4, 3, 2 and 1; from SEED on.
# Exit code: 0 no difference, 1 a difference (printed with the operations that lead to it), 77 the packages are missing.
#
# Linux's source comes from the Debian package linux-source-6.12, or whatever LINUX_SOURCE_TAR names. It is unpacked
# and built in a temporary directory that is removed at the end; it is GPL-2.0 and nothing of it belongs into this tree.
set -eu
cd "$(dirname "$0")/.."
root=$PWD
here=tests/xarray/differential
archive=${LINUX_SOURCE_TAR:-/usr/src/linux-source-6.12.tar.xz}
CC=${CC:-gcc}
CXX=${CXX:-g++}

skip() {
    echo "SKIPPED: $1" >&2
    echo "SKIPPED: nothing was compared. Install: apt-get install linux-source-6.12 liburcu-dev" >&2
    exit 77
}
[ -r "$archive" ] || skip "$archive is missing"
echo "#include <urcu.h>" | "$CC" -E - >/dev/null 2>&1 || skip "liburcu-dev is missing"

bench=
case "${1-}" in
--bench) bench=1 ;;
'' | [0-9]*) ;;
*)
    sed -n '2,10s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac
operations=${1:-10000000}
seed=${2:-1}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

top=$(basename "$archive" .tar.xz)
echo "unpacking $archive"
tar -xf "$archive" -C "$work" --wildcards "$top/Makefile" "$top/lib/*" "$top/include/linux/*" "$top/include/uapi/*" \
    "$top/tools/include/*" "$top/tools/lib/*" "$top/tools/testing/*"
linux=$work/$top
sed -n 's/^\(VERSION\|PATCHLEVEL\|SUBLEVEL\) = //p' "$linux/Makefile" | paste -sd. | sed 's/^/Linux /'

# Linux's harness keeps what configures it in tools/testing/shared since 6.11, before that in radix-tree.
harness=$linux/tools/testing/shared
[ -d "$harness" ] || harness=$linux/tools/testing/radix-tree

build_linux() { # SHIFT OUTPUT FLAGS...
    shift_=$1
    output=$2
    shift 2
    generated=$work/generated-$shift_
    mkdir -p "$generated/generated"
    echo "#define XA_CHUNK_SHIFT $shift_" >"$generated/generated/map-shift.h"
    echo '#define CONFIG_64BIT 1' >"$generated/generated/bit-length.h"
    for autoconf in "$harness/autoconf.h" "$harness/generated/autoconf.h"; do
        [ ! -f "$autoconf" ] || cp "$autoconf" "$generated/generated/"
    done
    objects=
    for source in "$root/$here/linux.c" "$linux/tools/lib/find_bit.c" "$linux/tools/lib/bitmap.c" \
        "$linux/tools/lib/hweight.c" "$linux/tools/lib/vsprintf.c"; do
        object=$output.$(basename "$source" .c).o
        # -w: Linux's own warnings are not ours to mend
        "$CC" -O2 -fPIC -w -D_LGPL_SOURCE "$@" -I"$generated" -I"$harness" -I"$linux" -I"$linux/tools/include" \
            -I"$linux/lib" -I"$root/$here" -c "$source" -o "$object"
        objects="$objects $object"
    done
    # shellcheck disable=SC2086
    "$CC" -shared -o "$output" $objects -lurcu -Wl,-Bsymbolic
}
build_ours() { # OUTPUT FLAGS...
    output=$1
    shift
    "$CXX" -std=c++20 -O2 -fPIC -shared "$@" -Isrc -Iarch/common -Iarch/host -I$here $here/ours.cpp src/xarray/*.cpp \
        arch/host/*.cpp -o "$output" -pthread
}

"$CXX" -std=c++20 -O2 -I$here $here/driver.cpp -o "$work/driver" -ldl
if [ -n "$bench" ]; then
    build_linux 6 "$work/linux.so" -DSIDE_NO_DEBUG
    build_ours "$work/ours.so" -DNDEBUG
    "$work/driver" "$work/linux.so" "$work/ours.so" bench
    exit 0
fi
build_ours "$work/ours.so"
for chunk_shift in 6 4 3 2 1; do
    build_linux $chunk_shift "$work/linux-$chunk_shift.so"
    count=$operations
    [ $chunk_shift = 6 ] || count=$((operations / 4))
    "$work/driver" "$work/linux-$chunk_shift.so" "$work/ours.so" $chunk_shift "$count" "$seed"
done
