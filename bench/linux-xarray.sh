#!/bin/sh
# Builds Linux's xarray with bench/linux_xarray.c as a shared object, for daxtorture-bench to load.
#
# usage: bench/linux-xarray.sh OUTPUT.so
# Exit code 77: the packages linux-source-6.12 and liburcu-dev are missing. LINUX_SOURCE_TAR names another archive.
# Linux is GPL-2.0: it is unpacked into a temporary directory, and nothing of it belongs into this tree.
set -eu
cd "$(dirname "$0")/.."
output=$1
archive=${LINUX_SOURCE_TAR:-/usr/src/linux-source-6.12.tar.xz}
[ -r "$archive" ] || { echo "SKIPPED: $archive is missing (apt-get install linux-source-6.12)" >&2; exit 77; }
echo "#include <urcu.h>" | "${CC:-gcc}" -E - >/dev/null 2>&1 || { echo "SKIPPED: liburcu-dev is missing" >&2; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

top=$(basename "$archive" .tar.xz)
tar -xf "$archive" -C "$work" --wildcards "$top/lib/*" "$top/include/linux/*" "$top/include/uapi/*" \
    "$top/tools/include/*" "$top/tools/lib/*" "$top/tools/testing/*"
linux=$work/$top
harness=$linux/tools/testing/shared # since 6.11
[ -d "$harness" ] || harness=$linux/tools/testing/radix-tree
mkdir -p "$work/generated/generated"
echo "#define XA_CHUNK_SHIFT 6" >"$work/generated/generated/map-shift.h"
echo "#define CONFIG_64BIT 1" >"$work/generated/generated/bit-length.h"
for autoconf in "$harness/autoconf.h" "$harness/generated/autoconf.h"; do
    [ ! -f "$autoconf" ] || cp "$autoconf" "$work/generated/generated/"
done
# -w: Linux's own warnings are not ours to mend. _LGPL_SOURCE: liburcu's read sections inline, as in the kernel.
"${CC:-gcc}" -O2 -fPIC -shared -w -D_LGPL_SOURCE -I"$work/generated" -I"$harness" -I"$linux" -I"$linux/tools/include" \
    -I"$linux/lib" -Ibench bench/linux_xarray.c "$linux/tools/lib/find_bit.c" "$linux/tools/lib/bitmap.c" \
    "$linux/tools/lib/hweight.c" "$linux/tools/lib/vsprintf.c" -o "$work/linux.so" -lurcu -Wl,-Bsymbolic
mv "$work/linux.so" "$output"
