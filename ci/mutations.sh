#!/bin/bash
# Breaks the model by hand in ways that are not in the museum, and checks each: ci/mutations.sh [NAME]...
#
# A mutation is a patch in ci/mutations, with its story and whether it is expected to be caught or to survive above it. It is applied to a
# copy of the tree, the checker is built there, and `check` runs all scenarios, first half a second each, then some seconds each, until
# one does not end as expected. docs/mutations.md tells the outcomes.
#   SECONDS_EACH   time per scenario in the second pass, default 4
#   DAXTORTURE     the command line to use, default build/daxtorture; only the checker beside it is rebuilt
# Exit code: 0 when all ends as expected, 1 otherwise, 2 for a mutation that does not apply or build.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 2
root=$PWD
daxtorture=${DAXTORTURE:-build/daxtorture}
export NO_COLOR=1

die() {
    printf 'mutations: %s\n' "$*" >&2
    exit 2
}

[[ -x $daxtorture ]] || die "no $daxtorture: build it first, or set DAXTORTURE"
for name in "$@"; do
    [[ -f ci/mutations/$name.patch ]] || die "no mutation is called $name"
done
if [[ $# -eq 0 ]]; then
    for patch in ci/mutations/*.patch; do
        patch=${patch##*/}
        set -- "$@" "${patch%.patch}"
    done
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
git archive HEAD | tar -x -C "$work" || die "cannot copy the tree"
(cd "$work" && meson setup build -Dtests=disabled -Dbenchmarks=disabled) >"$work/setup.log" 2>&1 ||
    die "cannot configure: $(tail -1 "$work/setup.log")"
cp "$daxtorture" "$work/build/daxtorture"

build() {
    nice ninja -C "$work/build" daxtorture-checker >"$work/build.log" 2>&1 ||
        die "$1 does not build: $(grep -m1 error "$work/build.log")"
}

# first_failure: the scenario that does not end as expected, and its verdict; nothing when all do.
first_failure() {
    local scenario seconds code
    for seconds in 0.5 "${SECONDS_EACH:-4}"; do
        for scenario in "$root"/models/scenarios/*.dax; do
            "$work/build/daxtorture" check "$scenario" --seconds "$seconds" --no-shrink --out "$work/failures" \
                >"$work/check.log" 2>&1
            code=$?
            if [[ $code == 1 || $code == 4 ]]; then
                echo "$(basename "$scenario" .dax): $(sed -n 's/^fail [^:]*: *//p' "$work/check.log" | head -1)"
                return
            fi
        done
    done
}

build 'the tree itself'
wrong=0
survivors=0
for name in "$@"; do
    patch=$root/ci/mutations/$name.patch
    patch -s -p1 -d "$work" <"$patch" >"$work/patch.log" 2>&1 || die "$name does not apply: $(head -1 "$work/patch.log")"
    build "$name"
    start=$(date +%s)
    outcome=$(first_failure)
    is=caught
    [[ -n $outcome ]] || is=survives
    printf '%-33s %-8s %4d s  %s\n' "$name" "$is" $(($(date +%s) - start)) "$(head -1 "$patch")"
    [[ -z $outcome ]] || printf '    %s\n' "$outcome"
    [[ $is == caught ]] || survivors=$((survivors + 1))
    expected=$(sed -n 's/^expected: //p' "$patch")
    if [[ $is != "$expected" ]]; then
        printf '    expected: %s\n' "$expected"
        wrong=1
    fi
    patch -s -R -p1 -d "$work" <"$patch"
done
echo "$(($# - survivors)) caught, $survivors survived"
exit $wrong
