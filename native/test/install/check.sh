#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Installs a build into a new folder, moves it, and uses it as users do: by pkg-config, by find_package, shared and
# static, and from Python.
# Usage: check.sh CMAKE BUILD_DIRECTORY PYTHON, PYTHON having NumPy, or empty
set -eu
cmake=$1 build=$2 python=$3
here=$(dirname "$(readlink -f "$0")")
work=$build/install-test
expected='losses 0.507606 0.336513 0.000000, gradient -0.268092'

fail() {
  printf 'install test: %s\n' "$1" >&2
  exit 1
}
compare() { # what, program...
  what=$1
  shift
  printed=$("$@") || fail "$what did not run"
  [ "$printed" = "$expected" ] || fail "$what printed '$printed', not '$expected'"
  echo "$what: $printed"
}

rm -rf "$work"
"$cmake" --install "$build" --prefix "$work/first" >"$work.log"
mv "$work/first" "$work/prefix"
prefix=$work/prefix
library=$(find "$prefix" -name libxent.so)
lib=$(dirname "$library")
for file in "$prefix/include/xent.h" "$prefix/include/xent_bindings.h" "$lib/libxent.so" "$lib/libxent.so.1" "$lib/libxent.a" "$lib/pkgconfig/xent.pc" \
  "$lib/cmake/xent/xentConfig.cmake"; do
  [ -f "$file" ] || fail "$file is missing"
done
if grep -r "$build" "$lib/pkgconfig" "$lib/cmake"; then fail 'the package names the folder that it was built in'; fi

if command -v pkg-config >/dev/null; then
  export PKG_CONFIG_PATH="$lib/pkgconfig"
  # shellcheck disable=SC2046 # several flags are several words
  ${CC:-cc} -o "$work/by-pkg-config" "$here/consumer.c" $(pkg-config --cflags --libs xent)
  compare 'C by pkg-config' env LD_LIBRARY_PATH="$lib" "$work/by-pkg-config"
else
  echo 'C by pkg-config: skipped, there is no pkg-config on the PATH'
  [ -z "${XENT_REQUIRE_ALL-}" ] || exit 1
fi

# The same file in a process of another C library.
if command -v musl-gcc >/dev/null; then
  musl-gcc -o "$work/by-musl" "$here/consumer.c" -I"$prefix/include" "$library"
  compare 'C of musl' env LD_LIBRARY_PATH="$lib" "$work/by-musl"
else
  echo 'C of musl: skipped, there is no musl-gcc on the PATH'
  [ -z "${XENT_REQUIRE_ALL-}" ] || exit 1
fi

"$cmake" -S "$here" -B "$work/build" -DCMAKE_PREFIX_PATH="$prefix" >>"$work.log"
"$cmake" --build "$work/build" >>"$work.log"
compare 'C by find_package, shared' "$work/build/shared"
compare 'C by find_package, static' "$work/build/static"

if [ -n "$python" ]; then
  compare 'Python by ctypes' "$python" "$here/consumer.py" "$library"
else
  echo 'Python by ctypes: skipped, there is no Python with NumPy'
  [ -z "${XENT_REQUIRE_NUMPY-}" ] || exit 1
fi
