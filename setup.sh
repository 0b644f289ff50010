#!/bin/sh
# Installs the Debian packages that are missing, configures ./build and builds it.
#
#   ./setup.sh                 everything; run it again whenever you like: under a second when nothing is missing
#   ./setup.sh --deps [P...]   packages only, and packages P
#   BUILD_DIR=d ./setup.sh     another build directory
#   MESON_ARGS=... ./setup.sh  extra arguments for the first `meson setup`
#
# Needs Debian 12 or later (or a relative that has the same packages), and root or sudo only when a package is missing.
set -eu

packages="g++ meson ninja-build pkg-config python3
    relacy-dev catch2 libspdlog-dev libfmt-dev libcli11-dev nlohmann-json3-dev libtbb-dev libbenchmark-dev"

say() { printf 'setup: %s\n' "$*"; }
die() {
    printf 'setup: %s\n' "$*" >&2
    exit 1
}

deps_only=no
case "${1-}" in
'') ;;
--deps)
    deps_only=yes
    shift
    packages="$packages $*"
    ;;
-h | --help)
    sed -n '2,9s/^# \{0,1\}//p' "$0"
    exit 0
    ;;
*) die "unknown argument '$1' (try --help)" ;;
esac

cd "$(dirname "$0")" || die "cannot enter the source directory"
build_dir=${BUILD_DIR:-build}

# ---- packages

# Prints the packages of $packages that are not installed.
missing_packages() {
    # One call for all; dpkg-query reports unknown packages on stderr and by leaving them out.
    # shellcheck disable=SC2086,SC2016
    installed=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' $packages 2>/dev/null || true)
    for package in $packages; do
        case "
$installed
" in
        *"
$package installed
"*) ;;
        *) printf '%s ' "$package" ;;
        esac
    done
}

# Runs apt-get as root, without questions.
apt_get() {
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 "$@"
}

command -v dpkg-query >/dev/null 2>&1 ||
    die "no dpkg here: this installs Debian packages. Install what meson.build asks for, then: meson setup build"

missing=$(missing_packages)
if [ -n "$missing" ]; then
    say "missing packages: $missing"
    command -v apt-get >/dev/null 2>&1 || die "no apt-get here: install these packages yourself: $missing"
    as_root=
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null 2>&1 ||
            die "not root and no sudo here; as root: apt-get install $missing"
        as_root=sudo
    fi
    say "apt-get update"
    apt_get update || die "apt-get update failed (network? sources?)"
    say "apt-get install"
    # shellcheck disable=SC2086
    apt_get install -y --no-install-recommends $missing ||
        die "apt-get could not install: $missing (they are in Debian 12 and 13 main)"
    still=$(missing_packages)
    [ -z "$still" ] || die "still missing after the installation: $still"
else
    say "all packages are installed"
fi
[ "$deps_only" = no ] || exit 0

# ---- build

# A compile of Relacy's or CLI11's templates needs up to 1 GiB: no more jobs than cores, nor than memory holds.
jobs=$(nproc 2>/dev/null || echo 1)
memory_kib=$(awk '/^MemAvailable:/ { print $2 }' /proc/meminfo 2>/dev/null || true)
if [ -n "$memory_kib" ]; then
    by_memory=$((memory_kib / 1048576))
    [ "$by_memory" -ge 1 ] || by_memory=1
    [ "$jobs" -le "$by_memory" ] || jobs=$by_memory
fi

if [ ! -f "$build_dir/build.ninja" ]; then
    say "configuring $build_dir"
    # shellcheck disable=SC2086
    meson setup "$build_dir" ${MESON_ARGS-} || die "meson setup failed; see $build_dir/meson-logs/meson-log.txt"
fi
# The program first: when a test does not compile, there is a tool that runs.
say "building $build_dir with $jobs jobs"
ninja -C "$build_dir" -j "$jobs" daxtorture daxtorture-checker || die "the build failed"
ninja -C "$build_dir" -j "$jobs" ||
    die "the build of the tests failed; the program is built and runs: $build_dir/daxtorture demo"
say "done: $build_dir/daxtorture demo"
