#!/bin/sh
# Formats all C++ files that git tracks or would track; --check changes nothing and fails when one differs.
set -eu
cd "$(dirname "$0")/.."
case "${1-}" in
'') mode=-i ;;
--check) mode='--dry-run -Werror' ;;
*)
    echo 'usage: format.sh [--check]' >&2
    exit 2
    ;;
esac
# shellcheck disable=SC2086
git ls-files -z --cached --others --exclude-standard -- '*.hpp' '*.cpp' | xargs -0 -r clang-format $mode
