#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Old CPUs, emulated by qemu-user: each gets the tier that it can run and no other, and the bits of conformance/.
# Usage: emulated_test.sh conformance_test DIRECTORY
set -eu
test=$1
cases=$2

command -v qemu-x86_64 >/dev/null || { echo 'skipped: there is no qemu-x86_64 on the PATH (qemu-user)' && exit 77; }
failed=0
while read -r tier cpu; do
  said=$(qemu-x86_64 -cpu "$cpu" "$test" "$cases" 2>&1) || failed=1
  said=$(printf '%s\n' "$said" | grep -v '^qemu-x86_64: warning' || true)
  printf '%s: %s\n' "$cpu" "$said"
  case $said in
    *"every tier up to $tier:"*) ;;
    *)
      printf '%s: expected the tier %s\n' "$cpu" "$tier" >&2
      failed=1
      ;;
  esac
done <<'CPUS'
scalar Westmere
scalar SandyBridge
scalar Haswell,-avx2
scalar Haswell,-xsave
avx2 Haswell
CPUS
exit $failed
