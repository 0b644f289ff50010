#!/bin/bash
# What CI asks of one kernel tree: kernel.sh VERSION TREE, some three minutes on two idle processors.
#
# All scenarios run on it, bounded; nothing comes up but known findings and what is named below. Planted bugs are found.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 2

readonly version=$1
export DAXTORTURE_KERNEL_TREE=$2
readonly program=$PWD/build/daxtorture
readonly work=$PWD/build-ci/kernel-$version

# news FILE: the failures of a sweep that nothing explains, one a line.
news() {
    python3 - "$1" <<'END'
import json, sys
# A PMD entry that shares a smaller folio (docs/findings/shared-pmd-entries.md) shows in the counts before the kernel warns of it.
EXPLAINED = {("reflink-pmd-over-page", "I1")}
# The search of 512 pages at once is not deterministic yet: docs/kernel.md.
UNSEARCHED = {"pmd-pin-range-vs-break"}
for one in json.load(open(sys.argv[1]))["scenarios"]:
    if one["verdict"] == "fail" and not one["known"] and (one["name"], one["invariant"]) not in EXPLAINED:
        print(one["name"], one["invariant"], one["cause"])
    if one["verdict"] == "error" and one["name"] not in UNSEARCHED:
        print(one["name"], "error", one["cause"])
END
}

"$program" kernel doctor --tree "$DAXTORTURE_KERNEL_TREE" || exit
mkdir -p "$work"
timeout 300 "$program" kernel --tree "$DAXTORTURE_KERNEL_TREE" --seconds 1 --json "$work/sweep.json" --out "$work/failures"
[[ -s $work/sweep.json ]] || exit 1
found=$(news "$work/sweep.json") || exit
if [[ -n $found ]]; then
    printf 'not explained:\n%s\n' "$found"
    exit 1
fi
