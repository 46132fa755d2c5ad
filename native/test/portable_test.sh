#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# What a libxent.so asks of the machine that loads it: no other library, so that one file serves every C library; no
# symbol but the weak ones of cpu/stack.c; no executable stack, no text relocation. And it exports xent_* and the native methods of Java alone.
# Usage: portable_test.sh libxent.so [SYMBOL that its compiler cannot avoid]
set -eu
library=$1
unavoidable=${2-}
weak='pthread_attr_destroy pthread_attr_getstack pthread_getattr_np pthread_self syscall'

command -v objdump >/dev/null || { echo 'skipped: there is no objdump on the PATH' && exit 77; }
failed=0
fail() {
  printf '%s: %s\n' "$library" "$1" >&2
  failed=1
}

symbols=$(objdump -T "$library")
asked=$(printf '%s\n' "$symbols" | awk '/\*UND\*/ && $2 == "w" { print $NF }' | sort | tr '\n' ' ')
[ "$asked" = "$weak " ] || fail "asks for $asked, where it exists; that should be $weak"
needed=$(printf '%s\n' "$symbols" | awk '/\*UND\*/ && $2 != "w" { print $NF }' | tr '\n' ' ')
[ -z "$needed" ] || [ "$needed" = "$unavoidable " ] || fail "needs $needed"

headers=$(objdump -p "$library")
libraries=$(printf '%s\n' "$headers" | sed -n 's/^ *NEEDED *//p' | tr '\n' ' ')
[ -z "$libraries" ] || fail "needs $libraries"
if printf '%s\n' "$headers" | grep -q TEXTREL; then fail 'has text relocations'; fi
if printf '%s\n' "$headers" | grep -A1 '^ *STACK' | grep -q 'flags rwx'; then fail 'has an executable stack'; fi

# Local symbols are not exports: linkers for AArch64 leave those of sections in the table. gold exports its own three.
exports=$(printf '%s\n' "$symbols" | awk '!/\*UND\*/ && $1 ~ /^[0-9a-f]+$/ && $2 != "l" { print $NF }')
strange=$(printf '%s\n' "$exports" | grep -vE '^(xent_|Java_dev_xent_)|^(__bss_start|_edata|_end)$' || true)
[ -z "$strange" ] || fail "exports $strange"

echo "needs ${needed:-nothing}; asks for $asked"
exit $failed
