#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Xent as a part of a user's CMake project, which is not built, as that would take minutes: the names to link are
# there and bring the header, without a type of build it is optimised, and a user's own code is compiled as the user says.
# Usage: part.sh CMAKE BUILD_DIRECTORY
set -eu
cmake=$1 work=$2/part-test
here=$(dirname "$(readlink -f "$0")")
commands=$work/compile_commands.json

fail() {
  printf 'part test: %s\n' "$1" >&2
  exit 1
}

rm -rf "$work"
unset CMAKE_BUILD_TYPE
for type in Debug ''; do
  "$cmake" -S "$here/part" -B "$work" -DXENT_SOURCE="$(readlink -f "$here/../../..")" -DCMAKE_BUILD_TYPE=$type \
    -DASKED_BUILD_TYPE=$type -DCMAKE_EXPORT_COMPILE_COMMANDS=ON >"$work.log"
done
grep '"command"' "$commands" | grep -v consumer.c >"$work/ours"
grep -q tier.c "$work/ours" || fail 'Xent is no part of it'
if grep -qv -e ' -O[23s] ' "$work/ours"; then fail 'without a type of build it is not optimised'; fi
sed -n 's/^ *"command": "\(.*consumer\.c\)",*$/\1/p' "$commands" >"$work/users"
[ "$(wc -l <"$work/users")" = 2 ] || fail 'there are not two programs'
if grep -q -e ' -O' -e ' -W' -e ' -f' "$work/users"; then fail "a user's code is compiled as Xent is"; fi
cd "$work"
while read -r command; do
  sh -c "$command -fsyntax-only" || fail "without the header: $command"
done <users
echo 'a project that Xent is a part of: both names to link, the header, its own options'
