#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# What a libxent.so asks of the machine that loads it: nothing but libc and libm, no symbol newer than glibc 2.17 (2012),
# no executable stack, no text relocation, no fused multiply-add of libm's, which is slow where the CPU has none (fused.h
# has one); and it exports xent_* alone.
# Usage: portable_test.sh libxent.so
set -eu
library=$1
floor=2.17

command -v objdump >/dev/null || { echo 'skipped: there is no objdump on the PATH' && exit 77; }
failed=0
fail() {
  printf '%s: %s\n' "$library" "$1" >&2
  failed=1
}

symbols=$(objdump -T "$library")
versions=$(printf '%s\n' "$symbols" | sed -n 's/.*GLIBC_\([0-9.]*\).*/\1/p' | sort -uV)
newest=$(printf '%s\n%s\n' "$versions" "$floor" | sort -V | tail -n 1)
[ -n "$versions" ] || fail 'no versioned symbol: this test reads nothing'
[ "$newest" = "$floor" ] || fail "needs glibc $newest, and $floor is what every system has"
private=$(printf '%s\n' "$symbols" | grep 'GLIBC_PRIVATE' || true)
[ -z "$private" ] || fail "uses private symbols of glibc: $private"

slow=$(printf '%s\n' "$symbols" | awk '$NF ~ /^fmaf?$/ { print $NF }')
[ -z "$slow" ] || fail "calls the C library's $slow"

headers=$(objdump -p "$library")
needed=$(printf '%s\n' "$headers" | sed -n 's/^ *NEEDED *//p' | sort | tr '\n' ' ')
for each in $needed; do
  case $each in
    libc.so.6 | libm.so.6) ;;
    *) fail "needs $each" ;;
  esac
done
if printf '%s\n' "$headers" | grep -q TEXTREL; then fail 'has text relocations'; fi
if printf '%s\n' "$headers" | grep -A1 '^ *STACK' | grep -q 'flags rwx'; then fail 'has an executable stack'; fi

strange=$(printf '%s\n' "$symbols" | grep -v '\*UND\*' | awk '$1 ~ /^[0-9a-f]+$/ { print $NF }' | grep -v '^xent_' || true)
[ -z "$strange" ] || fail "exports $strange"

echo "needs $needed; glibc $(printf '%s\n' "$versions" | tr '\n' ' ')"
exit $failed
