#!/bin/sh
# Installs what the build and the tests need (Debian 12, root or sudo), builds, and runs every test.
set -eu
cd "$(dirname "$0")/.."
sh examples/install.sh tests
build=${NNC_BUILD:-build}
cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DNNC_TESTS=ON
cmake --build "$build"
exec ctest --test-dir "$build" --output-on-failure -j2 --timeout 300 "$@"
