#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Xent as a part of a user's CMake project, which is not built, as that would take minutes: the names to link are
# there and bring the header, without a type of build it is optimised, and a user's own code is compiled as the user says.
# Nor do the project's flags change how Xent is compiled: one file is, with each of them.
# Usage: part.sh CMAKE BUILD_DIRECTORY
set -eu
cmake=$1 work=$2/part-test
here=$(dirname "$(readlink -f "$0")")
commands=$work/compile_commands.json

# Flags that other projects have for themselves: of arithmetic, and of hardening, as distributions have.
# Compilers lack some of them, and some make the same code of the probe with them.
flags='-Ofast -ffast-math -ffinite-math-only -funsafe-math-optimizations -fassociative-math -freciprocal-math
  -fno-signed-zeros -fno-trapping-math -fno-honor-nans -fno-honor-infinities -fapprox-func -ffp-model=fast
  -ffp-contract=fast -frounding-math -fsignaling-nans -fsingle-precision-constant -fmath-errno
  -D_FORTIFY_SOURCE=3 -Wp,-D_FORTIFY_SOURCE=3 -fstack-protector-all -fno-stack-protector -fno-stack-clash-protection
  -fcf-protection=none -mbranch-protection=none -fPIE'

fail() {
  printf 'part test: %s\n' "$1" >&2
  exit 1
}

rm -rf "$work"
unset CMAKE_BUILD_TYPE
for type in Debug ''; do
  CFLAGS=-DTHEIR_FLAGS "$cmake" -S "$here/part" -B "$work" -DXENT_SOURCE="$(readlink -f "$here/../../..")" \
    -DCMAKE_BUILD_TYPE=$type -DASKED_BUILD_TYPE=$type -DCMAKE_EXPORT_COMPILE_COMMANDS=ON >"$work.log"
done
grep '"command"' "$commands" | grep -v consumer.c >"$work/ours"
grep -q tier/f32.c "$work/ours" || fail 'Xent is no part of it'
if grep -qv -e ' -O[23s] ' "$work/ours"; then fail 'without a type of build it is not optimised'; fi
sed -n 's/^ *"command": "\(.*consumer\.c\)",*$/\1/p' "$commands" >"$work/users"
[ "$(wc -l <"$work/users")" = 2 ] || fail 'there are not two programs'
if grep -q -e ' -O' -e ' -W' -e ' -f' "$work/users"; then fail "a user's code is compiled as Xent is"; fi
cd "$work"
while read -r command; do
  sh -c "$command -fsyntax-only" || fail "without the header: $command"
done <users
echo 'a project that Xent is a part of: both names to link, the header, its own options'

# The command of each tier, and of the other files of the shared library, without its files.
sed -n 's#^ *"command": "\(.*\) -o .*\(tier/others\|xent\.dir.*linear\)\.c",*$#\1#p' ours |
  sed 's/ -DXENT_VERSION=[^ ]*//; s/ -W[^p][^ ]*//g' >kinds
compiler=$(sed -n '1s/ .*//p' kinds)
probe() { # object, what stands for the project's flags, command
  # shellcheck disable=SC2086 # a command is several words
  $(echo "$3" | sed "s/-DTHEIR_[A-Z]*/$2/g") -w -c "$here/part/probe.c" -o "$1"
}
number=0
while read -r kind; do
  number=$((number + 1))
  probe "without-$number.o" -DTHEIRS "$kind"
done <kinds
"$compiler" -O2 -w -c "$here/part/probe.c" -o plain.o
tried=0 seen=0
for flag in $flags; do
  "$compiler" -O2 "$flag" -Werror -c "$here/part/probe.c" -o with.o 2>/dev/null || continue
  tried=$((tried + 1)) number=0
  if ! cmp -s with.o plain.o; then seen=$((seen + 1)); fi
  while read -r kind; do
    number=$((number + 1))
    probe with.o "$flag" "$kind"
    cmp -s with.o "without-$number.o" || fail "the project's $flag changes what this compiles: $kind"
  done <kinds
done
[ "$number" -ge 3 ] || fail "there are $number commands of Xent"
[ "$seen" -ge 6 ] || fail "the probe shows only $seen of $tried flags"
echo "a project's flags: $tried change nothing in Xent, $seen of them change other code"
