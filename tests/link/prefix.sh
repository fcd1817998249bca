# Sourced by pages of documentation (tests/docs/page.sh) whose commands are those of a user: installs this build into ./prefix and
# puts it where a shell, pkg-config and CMake look. `nnc` is the compiler's path.
cmake --install "$(dirname "$nnc")" --prefix "$PWD/prefix" > /dev/null
PATH=$PWD/prefix/bin:$PATH
PKG_CONFIG_PATH=$PWD/prefix/lib/pkgconfig
CMAKE_PREFIX_PATH=$PWD/prefix
export PATH PKG_CONFIG_PATH CMAKE_PREFIX_PATH
if nm "$PWD/prefix/lib/nnc/libnnrt.a" 2> /dev/null | grep -q __asan_; then # what is linked with it must be the same
  mkdir -p tools
  for tool in cc c++; do
    printf '#!/bin/sh\nexec %s -fsanitize=address,undefined "$@"\n' "$(command -v $tool)" > tools/$tool
    chmod +x tools/$tool
  done
  PATH=$PWD/tools:$PATH
fi
