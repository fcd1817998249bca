#!/bin/sh
# Installs the Debian packages that nnc needs: `sh examples/install.sh` to build and use it, `... tests` for its tests too.
set -eu
packages="gcc libc6-dev cmake ninja-build flex bison llvm-19-dev zlib1g-dev libminizip-dev libcjson-dev libpng-dev libjpeg62-turbo-dev libsndfile1-dev"
if [ "${1:-}" = tests ]; then
    packages="$packages make g++ pkgconf libcmocka-dev clang-19 clang-format-19 qemu-user gcc-aarch64-linux-gnu libc6-dev-arm64-cross binutils"
fi

missing=""
for package in $packages; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q "ok installed" || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -eq 0 ]; then
    sudo=""
elif command -v sudo >/dev/null; then
    sudo=sudo
else
    echo "install.sh: needs root or sudo to install:$missing" >&2
    exit 1
fi
echo "Installing:$missing"
$sudo apt-get update -qq
DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends $missing >/dev/null
