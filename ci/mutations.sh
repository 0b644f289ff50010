#!/bin/bash
# Breaks the model by hand in ways that are not in the museum, and checks each: ./ci/mutations.sh [NAME]...
#
# A mutation is a sed script for one file. It is applied to a copy of the tree, the checker is built there, and `check` runs the
# scenarios one after the other until one does not end as expected. docs/mutations.md tells the outcomes.
#   SECONDS_EACH   time per scenario, default 5
#   DAXTORTURE     the command line to use, default build/daxtorture; only the checker beside it is rebuilt
# Exit code: 0 when exactly the mutations listed as survivors survive, 1 otherwise, 2 for one that does not apply or build.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 2
root=$PWD
daxtorture=${DAXTORTURE:-build/daxtorture}
each=${SECONDS_EACH:-5}
chosen=" $* "
export NO_COLOR=1

die() {
    printf 'mutations: %s\n' "$*" >&2
    exit 2
}

[[ -x $daxtorture ]] || die "no $daxtorture: build it first, or set DAXTORTURE"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
git archive HEAD | tar -x -C "$work" || die "cannot copy the tree"
(cd "$work" && meson setup build -Dtests=disabled -Dbenchmarks=disabled) >"$work/setup.log" 2>&1 ||
    die "cannot configure: $(tail -1 "$work/setup.log")"
cp "$daxtorture" "$work/build/daxtorture"

# first_failure LOG: the scenario that does not end as expected, and its verdict; nothing when all do.
first_failure() {
    local scenario code
    for scenario in "$root"/models/scenarios/*.dax; do
        "$work/build/daxtorture" check "$scenario" --seconds "$each" --no-shrink --out "$work/failures" >"$1" 2>&1
        code=$?
        if [[ $code == 1 || $code == 4 ]]; then
            echo "$(basename "$scenario" .dax): $(sed -n 's/^fail [^:]*: *//p' "$1" | head -1)"
            return
        fi
    done
}

wrong=0
caught=0
survived=0

# mutation NAME FILE EXPECTED STORY SED-EXPRESSION...
mutation() {
    local name=$1 file=$2 expected=$3 story=$4 start took outcome is
    shift 4
    [[ $chosen == "  " || $chosen == *" $name "* ]] || return 0
    local expressions=()
    for one in "$@"; do
        expressions+=(-e "$one")
    done
    sed -i "${expressions[@]}" "$work/$file"
    ! cmp -s "$work/$file" "$root/$file" || die "$name does not apply to $file"
    ninja -C "$work/build" -j1 daxtorture-checker >"$work/build.log" 2>&1 ||
        die "$name does not build: $(grep -m1 error "$work/build.log")"
    start=$(date +%s)
    outcome=$(first_failure "$work/check.log")
    took=$(($(date +%s) - start))
    if [[ -n $outcome ]]; then
        is=caught
        caught=$((caught + 1))
    else
        is=survives
        survived=$((survived + 1))
    fi
    printf '%-24s %-8s %4d s  %s\n' "$name" "$is" "$took" "$story"
    [[ -z $outcome ]] || printf '    %s\n' "$outcome"
    if [[ $is != "$expected" ]]; then
        printf '    expected: %s\n' "$expected"
        wrong=1
    fi
    cp "$root/$file" "$work/$file"
}

mutation drop-entry-wake src/dax/entry_lock.cpp caught 'unlocking an entry wakes nobody' \
    '/^    dax_wake_entry(k, mapping, xas, entry, wake_mode::next);$/d'
mutation drop-idle-wake src/mm/folio.cpp caught 'an idle page wakes nobody' \
    's/{ wake_up_var(k, f, k.rules.waker_key); }/{ (void)k; (void)f; }/'
mutation test-before-queueing src/dax/layout_break.cpp caught 'the waiter looks at the count, then queues itself' \
    's/^        const bool no_signal = /        const bool idle = folio_ref_count(f) == awaited;\n&/' \
    's/^        if (folio_ref_count(f) == awaited)/        if (idle)/'
mutation relax-try-get src/mm/folio.cpp caught 'folio_try_get orders nothing' \
    's/seen + refs, order::full/seen + refs, order::relaxed/'
mutation drop-pin-fence src/mm/gup.cpp survives 'no barrier between the pin and the second look at the PTE' \
    '/^        arch::smp_mb();$/d'
mutation skip-entry-recheck src/dax/entry_lock.cpp survives 'a woken waiter does not look whether the entry is locked again' \
    's/^    while (entry != 0 \&\& xa_is_value/    if (entry != 0 \&\& xa_is_value/'
mutation drop-flush src/mm/zap.cpp caught 'no TLB flush before the references go' \
    's/^        k_.tlb.synchronize();/        (void)k_;/'
mutation forget-fault-reference src/dax/fault.cpp survives 'the fault holds no reference while it maps the page' \
    '/^    folio_get(f); \/\/ 0 -> 1/d' '/^    folio_put(k, f); \/\/ may be the last/d'
mutation forget-map-reference src/mm/vmf_insert.cpp caught 'a mapping takes no reference' '/^            folio_get(f);$/d'
mutation keep-association src/dax/associate.cpp caught 'a deleted entry leaves its folio associated' \
    '/^    f.mapping.store(nullptr, order::relaxed);$/d'
mutation forget-delete-wake src/dax/truncate.cpp survives 'deleting an entry does not pass the baton on' \
    '/^        dax_wake_entry(k, mapping, xas, entry, k.rules.removal_wakes/d'
mutation free-before-unmap src/fs/truncate.cpp survives 'truncate frees the blocks, then deletes the entries' \
    '/^outcome file_truncate/,/^}/{/^    truncate_pagecache/{h;d};/^    free_blocks/{G}}'
mutation relax-pte-store src/mm/page_table.hpp survives 'installing a PTE does not release' \
    's/store(value.bits, arch::order::release, at)/store(value.bits, arch::order::relaxed, at)/'
mutation unlink-before-wake src/mm/wait_queue.cpp survives 'the waker takes the entry off the queue first' \
    '/^        arch::wake_up_process(\*entry->task);$/d' \
    's/^        unlink(\*entry);$/        arch::task\& sleeper = *entry->task;\n&\n        arch::wake_up_process(sleeper);/'

echo "$caught caught, $survived survived"
exit $wrong
