#!/bin/bash
# The sources of a Debian kernel: kernel-tree.sh VERSION DIRECTORY, for example 6.12 or 7.3. The last line is the tree's directory.
#
# What is below DIRECTORY already is used again. The machine's own package lists are tried first; a version that they do not have
# is looked up in newer suites of the same mirror, with apt's state below DIRECTORY, so that the machine stays as it is.
# Exit code 77 when the sources cannot be had.
set -uo pipefail

readonly version=$1 directory=$2
readonly package=linux-source-$version
readonly tree=$directory/$package
readonly keyring=/usr/share/keyrings/debian-archive-keyring.gpg

unavailable() {
    printf 'kernel-tree: %s\n' "$*"
    exit 77
}

# The mirror that this machine is configured for.
mirror() {
    local found
    found=$(grep -hoE 'https?://[^ ]*/debian/?( |$)' -r /etc/apt/sources.list /etc/apt/sources.list.d 2>/dev/null | head -n 1)
    printf '%s\n' "${found%% *}"
}

download_from_own_suites() {
    apt-get -q download "$package"
}

download_from_newer_suites() {
    local from suite apt=$PWD/apt
    from=$(mirror)
    [[ -n $from ]] || unavailable "no Debian mirror in /etc/apt"
    [[ -r $keyring ]] || unavailable "$keyring is missing"
    mkdir -p apt/lists/partial apt/cache/archives/partial
    for suite in trixie-backports sid; do
        printf 'deb [signed-by=%s] %s %s main\n' "$keyring" "$from" "$suite"
    done >apt/sources.list
    local options=(-q -o "Dir::Etc::sourcelist=$apt/sources.list" -o Dir::Etc::sourceparts=/dev/null
        -o "Dir::State::Lists=$apt/lists" -o "Dir::Cache=$apt/cache")
    apt-get "${options[@]}" update && apt-get "${options[@]}" download "$package"
}

if [[ ! -f $tree/Makefile ]]; then
    work=$directory/new-$version
    rm -rf "$work"
    mkdir -p "$work" || unavailable "$work cannot be made"
    cd "$work" || unavailable "$work cannot be entered"
    download_from_own_suites || download_from_newer_suites || unavailable "$package cannot be downloaded"
    dpkg-deb -x "$package"_*.deb package || unavailable "$package cannot be unpacked"
    tar -xf "package/usr/src/$package.tar.xz" || unavailable "$package cannot be unpacked"
    mv "$package" "$tree" || unavailable "$tree cannot be made" # whole or not there
    cd / && rm -rf "$work"
fi
printf '%s\n' "$tree"
