#!/bin/bash
# Bugs on real threads: ci/stress-bugs.sh [BUILD-DIR] ['RULE [OPTION]...']...
#
# For each broken rule or preset: `stress` for up to STRESS_SECONDS (60), then `reproduce` of what it found for up to
# REPRODUCE_SECONDS (60).
# Prints a Markdown table (docs/stress-bugs.md has one). Exit code 1 when a bug that was found was not reproduced or fewer than
# all were found, 0 otherwise. What follows the rule goes to `stress`: a mix or a scenario; nothing: the default mix.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 2
build=build
if [[ -d ${1:-} ]]; then
    build=$1
    shift
fi
readonly build
export NO_COLOR=1

# rule or preset, options of stress
bugs=(
    'wake-key=refcount'
    'wait-key=refcount'
    'wait-for=one'
    'break-callback=keep'
    'mf-pagemap-put=when-handled --mix devices --protocol v6.15-fixed'
    'break-delete=always'
    'scan-unmapped=skip'
    'scan-order=scan-first'
    'v6.12'
    'evict-break=no --mix devices'
    'gup-recheck=no'
    'break-rescan=no'
    'tail-mapping=leave --mix large-fault'
    'shift-evict=range --mix shifts --protocol v6.15-fixed'
    'reflink-break=none --mix reflink --protocol v6.15-fixed'
    'zap-order=put-then-flush'
)
if (($# > 0)); then bugs=("$@"); fi

out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

# json FILE EXPRESSION: a value of `d`, the document.
json() {
    python3 -c 'import json, sys
d = json.load(open(sys.argv[1]))
print(eval(sys.argv[2]))' "$1" "$2"
}

missed=0
echo '| rule | stress ran | found after | cause | reproduced | in | threads | preemptions | searches that found it |'
echo '|---|---|---|---|---|---|---|---|---|'
for bug in "${bugs[@]}"; do
    read -r -a words <<<"$bug"
    rule=${words[0]}
    what=(--workers 4 "${words[@]:1}")
    if [[ $rule == *=* ]]; then what+=(--rule "$rule"); else what+=(--protocol "$rule"); fi
    dir=$out/$rule
    "$build/daxtorture" stress "${what[@]}" --duration "${STRESS_SECONDS:-60}s" --seed "${STRESS_SEED:-1}" \
        --json "$dir.stress.json" --out "$dir" >"$dir.stress.log" 2>&1
    code=$?
    ran=$(json "$dir.stress.json" '"%s, %s" % (d["what"], d["protocol"])')
    if [[ $code -ne 1 ]]; then
        echo "| $rule | $ran | not in ${STRESS_SECONDS:-60} s | | | | | | |"
        missed=1
        continue
    fi
    found=$(json "$dir.stress.json" '"%.1f s | %s %s" % (d["seconds"], d["failures"][0]["invariant"], d["failures"][0]["cause"])')
    "$build/daxtorture" reproduce "$dir" --seconds "${REPRODUCE_SECONDS:-60}s" --json "$dir.json" --out "$dir.exact" \
        >"$dir.log" 2>&1
    result=$(json "$dir.json" '["yes | %.0f s | %s | %s | %s of %s" % (r["seconds"], r["threads"], r["preemptions"],
        r["searches_found"], r["searches"]) if r["reproduced"] else "**no** | %.0f s | | |" % r["seconds"]
        for r in d["reproductions"]][0]') || result='**error** | | | |'
    [[ $result == yes* ]] || missed=1
    echo "| $rule | $ran | $found | $result |"
    if [[ -n ${KEEP:-} ]]; then mkdir -p "$KEEP" && cp -r "$out/$rule"* "$KEEP"; fi
done
exit $missed
