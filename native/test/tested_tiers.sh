#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Whether every test that goes over tiers ran on all that this CPU has, as Linux and not the library says. Those named
# *_lto are of the scalar tier alone.
# Usage: tested_tiers.sh LastTest.log [CPUINFO]
set -eu
log=$1
cpuinfo=${2:-/proc/cpuinfo}

flags=" $(sed -n -E 's/^(flags|Features)[[:space:]]*: *//p' "$cpuinfo" 2>/dev/null | head -n 1) "
has() {
  for flag in "$@"; do
    case $flags in *" $flag "*) ;; *) return 1 ;; esac
  done
}
tiers=' scalar'
if has avx2 fma f16c; then tiers="$tiers avx2"; fi
if has avx2 fma f16c avx512f avx512bw avx512dq avx512vl; then tiers="$tiers avx512"; fi
if has asimd; then tiers="$tiers neon"; fi

lines=$(awk '$2 == "Test:" { name = $3 } /^tiers:/ && name !~ /_lto$/' "$log")
programs=$(printf '%s\n' "$lines" | grep -c '^tiers:' || true)
[ "$programs" -gt 0 ] || { echo "$log: no test says on which tiers it ran" >&2 && exit 1; }
others=$(printf '%s\n' "$lines" | sed -n 's/^tiers:\([^;]*\).*/\1/p' | grep -vx "$tiers" || true)
if [ -n "$others" ]; then
  echo "this CPU has$tiers; tests ran on:" >&2
  echo "$others" | sort | uniq -c >&2
  exit 1
fi
echo "$programs test programs ran on$tiers, all that this CPU has"
