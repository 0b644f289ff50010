#!/bin/sh
# Builds the benchmarks, runs them all, writes bench.json and prints the table. docs/performance.md says what the rows are.
#
# usage: bench/compare.sh [--quick] [--record] [BUILD-DIR]
#   --quick   fewer repetitions and no world of 10 million folios: under 50 s
#   --record  keeps the ratios as bench/recorded.json
# BUILD-DIR (default build-bench) is set up as a release build when it is missing. bench.json lies in the working directory.
# Exit code: 0; 1 when a ratio is worse than the recorded one by more than its margin; 2 usage; 4 something did not run.
set -eu
top=$(cd "$(dirname "$0")/.." && pwd)
quick='' record='' build=''
for argument in "$@"; do
    case $argument in
    --quick) quick=--quick ;;
    --record) record=--record ;;
    -*)
        sed -n '2,9s/^# \{0,1\}//p' "$0" >&2
        exit 2
        ;;
    *) build=$argument ;;
    esac
done
build=${build:-$top/build-bench}
[ -f "$build/build.ninja" ] || meson setup "$build" "$top" -Dbuildtype=release -Dtests=disabled >&2 || exit 4
ninja -C "$build" bench/daxtorture-bench bench/bench-checker bench/bench-relacy-reference >&2 || exit 4
library=$build/linux-xarray.so
[ -f "$library" ] || "$top/bench/linux-xarray.sh" "$library" || library=
exec python3 "$top/bench/compare.py" $quick $record "$build" "$library"
