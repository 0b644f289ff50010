#!/bin/bash
# All checks, as CI runs them: ./ci/run.sh [STEP]...
#
# Without arguments all steps but debian13, which builds everything once more, in order; a failed step does not stop the
# others. Each has a log in build-ci/logs. The last line of the output is `N passed, N failed, N skipped`; exit code 1 when
# one failed, 2 for an unknown step. What a machine cannot do is skipped, with the reason on its line. The first steps, up
# to museum, are to end within 12 minutes on 2 idle cores, all of them within 40. Build directories are kept and shared
# (build, build-ci/*), and objects by ccache, also between clones, so that a second run is quick.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 2

readonly all_steps=(
    packages setup setup-again demo warnings-gcc include-rules format shell mutations check museum hunt
    install-clang tidy fuzz stress-fixed stress-killed asan tsan
)
readonly work=build-ci
readonly logs=$work/logs
# Line numbers in reports, without the build time of full debug information.
readonly sanitized=(-Doptimization=1 -Ddebug=false -Dcpp_args=-g1)
cores=$(nproc)
readonly cores
export NO_COLOR=1
# Objects are shared between build directories and clones: their paths do not count.
export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1
# Kept between clones: the chroot of another release with its packages and its compiler's objects.
readonly cache=${DAXTORTURE_CI_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/daxtorture-ci}
readonly skipped_code=77

# ---- helpers

die() {
    printf '%s\n' "$*"
    return 1
}

# skip REASON: the step ends so when the machine cannot do it.
skip() {
    printf '%s\n' "$*"
    exit $skipped_code
}

# passes COMMAND...: runs it; exit code 3, a budget that ended before all was covered, is no failure.
passes() {
    "$@"
    local code=$?
    [[ $code == 0 || $code == 3 ]] || die "exit code $code: $*"
}

# configure DIR [MESON-ARGUMENT]...: meson setup, or nothing when DIR is configured.
configure() {
    local dir=$1
    shift
    [[ -f $dir/build.ninja ]] || meson setup "$dir" "$@"
}

# test_programs DIR SUITE...: the executables of these suites' tests, relative to DIR.
test_programs() {
    local dir=$1
    shift
    meson introspect --tests "$dir" | python3 -c '
import json, os, sys
top, suites = os.path.realpath(sys.argv[1]) + "/", set(sys.argv[2:])
for test in json.load(sys.stdin):
    if suites & {s.split(":")[-1] for s in test["suite"]} and test["cmd"][0].startswith(top):
        print(test["cmd"][0][len(top):])
' "$dir" "$@"
}

# run_sanitized DIR SUITE...: builds and runs these tests, and builds the executable (not the checker: never sanitized).
run_sanitized() {
    local dir=$1
    shift
    local programs
    mapfile -t programs < <(test_programs "$dir" "$@")
    ((${#programs[@]} > 0)) || die "no test programs in the suites: $*" || return
    ninja -C "$dir" -j "$cores" daxtorture "${programs[@]}" || return
    local suite arguments=()
    for suite in "$@"; do arguments+=(--suite "$suite"); done
    without_aslr meson test -C "$dir" --no-rebuild --print-errorlogs --timeout-multiplier 4 "${arguments[@]}"
}

# Old sanitizer runtimes cannot place their shadow memory when the kernel randomises more than 28 bits of addresses.
without_aslr() {
    if setarch "$(uname -m)" -R true 2>/dev/null; then
        setarch "$(uname -m)" -R "$@"
    else
        "$@"
    fi
}

# sources: all C++ files that git tracks.
sources() {
    git ls-files -- '*.hpp' '*.cpp'
}

# changed_since_base: C++ files that differ from origin/main, or from the previous commit when HEAD is origin/main.
changed_since_base() {
    local base
    base=$(git merge-base HEAD origin/main 2>/dev/null) || base=
    if [[ -z $base || $base == $(git rev-parse HEAD) ]]; then
        base=$(git rev-parse --quiet --verify HEAD~1) || base=$(git hash-object -t tree /dev/null)
    fi
    git diff --name-only --diff-filter=d "$base" -- '*.cpp'
}

# ---- steps: one function each; non-zero is a failure; output goes to the step's log

step_packages() {
    ./setup.sh --deps git clang clang-format clang-tidy ccache shellcheck
}

step_setup() {
    ./setup.sh && meson test -C build --print-errorlogs
}

step_setup_again() {
    local output
    output=$(./setup.sh 2>&1) || { die "$output"; return; }
    printf '%s\n' "$output"
    ! grep -q 'apt-get' <<<"$output" || die "a second setup.sh called apt-get" || return
    ! grep -q '^\[' <<<"$output" || die "a second setup.sh built something" || return
    (($(grep -c '^ninja: no work to do' <<<"$output") == 2)) || die "a second setup.sh did not ask ninja twice"
}

step_demo() {
    timeout 300 build/daxtorture demo
}

step_warnings_gcc() {
    # setup's log has them when it built from nothing; else build again, which ccache makes cheap (it replays warnings).
    local log=$logs/setup.log
    if ! grep -q '^setup: configuring build' "$log" 2>/dev/null || ! grep -q '^setup: done' "$log"; then
        log=$logs/warnings-gcc-build.log
        ninja -C build -t clean >/dev/null || return
        ninja -C build -j "$cores" >"$log" 2>&1 || { tail -n 30 "$log"; return 1; }
    fi
    if grep -E -A 3 'warning:' "$log"; then
        die "g++ warns: $(grep -c 'warning:' "$log") times"
    fi
}

step_include_rules() {
    python3 ci/include-rules.py && python3 tests/tools/include_rules_test.py
}

step_format() {
    ci/format.sh --check
}

step_shell() {
    local scripts
    mapfile -t scripts < <(git ls-files -- '*.sh' .ci/run)
    shellcheck "${scripts[@]}"
}

# The real kernel in the loop, on Debian's sources of a kernel; the tree is kept. What DAXTORTURE_KERNEL_TREES names (a directory
# with linux-source-VERSION) is used instead of a download. By name only: it takes longer than CI has.
step_kernel() {
    ./setup.sh --deps flex bison bc libelf-dev libssl-dev || skip "packages to build a kernel cannot be installed"
    local version=7.3 tree code
    tree=$(ci/kernel-tree.sh "$version" "${DAXTORTURE_KERNEL_TREES:-$cache/trees}")
    code=$?
    tree=$(tail -n 1 <<<"$tree")
    ((code == 0)) || { printf '%s\n' "$tree"; return "$code"; }
    ci/kernel.sh "$version" "$tree"
}

# They run for an hour (ci/mutations.sh), so only by hand; each must at least apply to the tree.
step_mutations() {
    git apply --check --verbose ci/mutations/*.patch
}

# clang++ builds all with -Werror; the result is installed and must find its checker and scenarios there.
step_install_clang() {
    CXX="$(command -v ccache) clang++" configure $work/clang -Dwerror=true -Ddebug=false --prefix="$PWD/$work/prefix" || return
    ninja -C $work/clang -j "$cores" || return
    rm -rf "$work/prefix"
    meson install -C $work/clang --no-rebuild --quiet || return
    # From another directory, without the checker of the build tree.
    local program=$PWD/$work/prefix/bin/daxtorture
    cd "$logs" || return
    timeout 60 "$program" check --list || return
    passes timeout 120 "$program" check break-vs-pin --seconds 5 --out installed-failures
}

step_tidy() {
    configure $work/clang -Dwerror=true -Ddebug=false || return
    local files
    mapfile -t files < <(changed_since_base | grep -E '^(arch|src|search|machines|stress)/')
    echo "${#files[@]} changed files"
    ((${#files[@]} > 0)) || return 0
    # Bounded: a branch that rewrites the tree is tidied on its first 40 files.
    printf '%s\0' "${files[@]:0:40}" |
        timeout 900 xargs -0 -n 1 -P "$cores" clang-tidy -p $work/clang --quiet --warnings-as-errors='*'
}

step_check() {
    local protocol
    for protocol in v7.3 v7.3-fixed v6.12; do
        passes timeout 600 build/daxtorture check --protocol "$protocol" --seconds 1 --out "$work/failures" || return
    done
}

# Every mix under the protocol that has a cure for every finding: none may fail.
step_stress_fixed() {
    local mix
    for mix in default fault-heavy truncate-heavy large-fault reflink spaces virtiofs shifts devices everything; do
        rm -rf "$work/stress-fixed"
        passes timeout 60 build/daxtorture stress --mix "$mix" --protocol v7.3-fixed --duration 10s --seed 1 \
            --out "$work/stress-fixed" || return
    done
}

step_museum() {
    timeout 900 build/daxtorture museum --seconds 20 || return
    timeout 1200 python3 ci/museum-full.py build/daxtorture 8
}

# What the tool draws itself: a planted bug is found, and so is what v7.3 is known for. Unexplained failures are listed in the log.
step_hunt() {
    local code=0
    rm -rf "$work/hunt"
    timeout 600 build/daxtorture hunt --rule wake-key=refcount --programs 400 --out "$work/hunt/planted" || code=$?
    [[ $code == 1 ]] || die "the planted bug was not found: exit code $code" || return
    code=0
    timeout 600 build/daxtorture hunt --programs 2000 --out "$work/hunt/all" --json "$work/hunt/all.json" || code=$?
    [[ $code == [01] ]] || die "the hunt failed: exit code $code" || return
    python3 - "$work/hunt/all.json" <<'EOF'
import json, sys
result = json.load(open(sys.argv[1], encoding="utf-8"))
known = {one["known"] for one in result["failures"] if one["known"]}
print(result["distinct"], "programs,", len(known), "findings")
sys.exit(len(known) < 5 or result["crashes"] != 0)
EOF
}

# Mutated scenarios, executed: nothing that a user writes crashes or hangs the tool.
step_fuzz() {
    python3 ci/fuzz-scenarios.py build/daxtorture --programs "${DAXTORTURE_FUZZ_PROGRAMS:-2000}" --keep "$work/fuzz-failures"
}

# slices FILE: how many records of what was done a journal has; none while there is no journal.
slices() {
    grep -hc '"type":"slice"' "$1" /dev/null 2>/dev/null | head -n 1
}

# A run that is killed half-way goes on where it was, and ends with a summary.
step_stress_killed() {
    local out=$work/stress-killed pid code
    rm -rf "$out"
    mkdir -p "$out"
    build/daxtorture stress --duration 30s --slice 1s --seed 1 --out "$out/run" >"$out/stdout" 2>"$out/stderr" </dev/null &
    pid=$!
    while (($(slices "$out/run/journal.jsonl") < 10)); do
        kill -0 "$pid" 2>/dev/null || { cat "$out"/std*; die "stress ended before half its time"; return; }
        sleep 0.1 # between two looks
    done
    kill -KILL "$pid"
    wait "$pid"
    echo "killed; resuming"
    timeout 600 build/daxtorture stress --resume "$out/run" >"$out/stdout" 2>"$out/stderr" </dev/null
    code=$?
    cat "$out"/std*
    echo "exit code $code"
    [[ -s $out/stdout ]] || die "no summary on stdout" || return
    return "$code"
}

step_asan() {
    configure $work/asan -Db_sanitize=address,undefined -Dwerror=false "${sanitized[@]}" || return
    export ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1
    export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
    run_sanitized $work/asan unit host || return
    rm -rf $work/asan-run
    passes timeout 120 $work/asan/daxtorture stress --duration 10s --seed 2 --out $work/asan-run
}

# clang++: g++'s TSan warns of each standalone fence, which it does not model either.
step_tsan() {
    CXX="$(command -v ccache) clang++" configure $work/tsan -Db_sanitize=thread -Db_lundef=false \
        "${sanitized[@]}" || return
    export TSAN_OPTIONS=suppressions=$PWD/ci/tsan.supp:halt_on_error=1:second_deadlock_stack=1
    run_sanitized $work/tsan host || return
    rm -rf $work/tsan-run
    without_aslr timeout 120 $work/tsan/daxtorture stress --duration 30s --seed 3 --out $work/tsan-run
}

# The README's two commands in a clean clone on the other Debian release, in a chroot that is kept with its packages.
# All mounts are made in a mount namespace of their own, which takes them along when it ends.
step_debian13() {
    local root=$cache/debian13 mirror
    [[ $(id -u) == 0 ]] || skip "not root"
    unshare --mount true 2>/dev/null || skip "no mount namespaces here"
    mirror=$(grep -hoE 'https?://[^ ]*/debian/?( |$)' -r /etc/apt/sources.list /etc/apt/sources.list.d 2>/dev/null | head -n 1)
    mirror=${mirror%% *}
    [[ -n $mirror ]] || mirror=http://deb.debian.org/debian
    python3 -c 'import sys, urllib.request; urllib.request.urlopen(sys.argv[1], timeout=60)' \
        "${mirror%/}/dists/trixie/Release" || skip "no network: $mirror cannot be reached"
    command -v debootstrap >/dev/null || ./setup.sh --deps debootstrap || skip "debootstrap cannot be installed"
    mkdir -p "$cache"
    MIRROR=$mirror ROOT=$root unshare --mount --propagation private bash ci/debian13.sh
}

# ---- run them

passed=0
failed=0
skipped=0

# run_step NAME: runs step_NAME with its log, prints one line.
run_step() {
    local name=$1 function=step_${1//-/_} log=$logs/$1.log start=$SECONDS code
    printf '%-14s ' "$name"
    # A subshell: exports, traps and directories of one step do not reach the next.
    ("$function") >"$log" 2>&1 </dev/null
    code=$?
    if ((code == 0)); then
        passed=$((passed + 1))
        printf 'passed  %4d s\n' $((SECONDS - start))
    elif ((code == skipped_code)); then
        skipped=$((skipped + 1))
        printf 'SKIPPED %s: %s\n' "$name" "$(tail -n 1 "$log")"
    else
        failed=$((failed + 1))
        printf 'FAILED  %4d s  exit code %d, log %s\n' $((SECONDS - start)) "$code" "$log"
        tail -n 40 "$log" | sed 's/^/    | /'
    fi
}

steps=("$@")
((${#steps[@]} > 0)) || steps=("${all_steps[@]}")
for step in "${steps[@]}"; do
    declare -F "step_${step//-/_}" >/dev/null || {
        echo "unknown step '$step'; steps: ${all_steps[*]}" >&2
        exit 2
    }
done

mkdir -p "$logs"
for step in "${steps[@]}"; do run_step "$step"; done
printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
((failed == 0))
