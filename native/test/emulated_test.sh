#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Old CPUs, emulated by qemu-user: each gets the tiers that it can run and no other, and the bits of conformance/, of
# every fourth case, or of every twentieth where another CPU has the same tier. All cases would take minutes, and ask
# whether a tier has the right bits, which every CPU with that tier answers.
# Usage: emulated_test.sh conformance_test INDEX DIRECTORY
set -eu

command -v qemu-x86_64 >/dev/null || { echo 'skipped: there is no qemu-x86_64 on the PATH (qemu-user)' && exit 77; }
failed=0
while read -r cpu every tiers; do
  said=$(qemu-x86_64 -cpu "$cpu" "$@" "$every" 2>&1) || failed=1
  said=$(printf '%s\n' "$said" | grep -v '^qemu-x86_64: warning' || true)
  printf '%s: %s\n' "$cpu" "$(printf '%s' "$said" | tr '\n' ' ')"
  case $said in
    *"tiers: $tiers; no avx"*) ;;
    *)
      printf '%s: expected the tiers %s\n' "$cpu" "$tiers" >&2
      failed=1
      ;;
  esac
done <<'CPUS'
Westmere 4 scalar
SandyBridge 20 scalar
Haswell,-avx2 20 scalar
Haswell,-xsave 20 scalar
Haswell 4 scalar avx2
CPUS
exit $failed
