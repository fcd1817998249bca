#!/bin/sh
# packages.sh BUILD SOURCE_DIR: an installed nnc is found by CMake and by pkg-config from outside the tree, and what it makes links
# with gcc and clang, into C and C++, into programs at any address and into shared libraries.
set -eu
build=$1 source=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "FAILED: $*"; exit 1; }
cmake --install "$build" --prefix "$work/prefix" > "$work/log" || { cat "$work/log"; exit 1; }
PATH=$work/prefix/bin:$PATH
PKG_CONFIG_PATH=$work/prefix/lib/pkgconfig
export PATH PKG_CONFIG_PATH

# An application with a model of two files, and one of a definition.
mkdir "$work/app"
cd "$work/app"
cat > half.nnet <<'END'
fn half(x: real[...S]) -> real[...S] {
  return 0.5 * x
}
END
cat > tiny.nnet <<'END'
import half
model Tiny(units: int) {
  dim batch
  input x: f32[batch, 3]
  target y: f32[batch, units]
  output p = x |> dense(units) |> half
  loss mse(p, y)
}
END
cat > main.c <<'END'
#include "tiny.h"
#include <stdio.h>
int main(void) {
    const float bias[5] = {0, 2, 4, 6, 8}, x[3] = {0, 0, 0};
    float       p[5];
    nnrt_pool  *pool  = nnrt_pool_new(2);
    tiny_model *model = tiny_model_new(NULL, NULL);
    tiny_ctx   *ctx   = model ? tiny_ctx_new(model, pool, NULL) : NULL;
    tiny_inputs inputs = {};
    tiny_outputs outputs = {};
    inputs.batch = 1;
    inputs.x     = x;
    outputs.p    = p;
    if (!ctx || tiny_set(model, "dense/bias", bias, sizeof bias, NULL) != TINY_OK ||
        tiny_predict(model, ctx, &inputs, &outputs, NULL) != TINY_OK)
        return 1;
    printf("%g %g %g %g %g\n", p[0], p[1], p[2], p[3], p[4]);
    tiny_ctx_free(ctx);
    tiny_model_free(model);
    nnrt_pool_free(pool);
    return 0;
}
END
cp main.c main.cpp
cat > CMakeLists.txt <<'END'
cmake_minimum_required(VERSION 3.18)
project(app C CXX)
find_package(nnc REQUIRED)
nnc_add_model(tiny SOURCES tiny.nnet MODEL Tiny DEFINES units=5 OPTIONS -O1)
add_executable(app main.c)
target_link_libraries(app tiny)
add_executable(app_cpp main.cpp)
target_link_libraries(app_cpp tiny nnc::extras)
END
expected="0 1 2 3 4"
compilers="gcc/g++"
command -v clang-19 > /dev/null && command -v clang++-19 > /dev/null && compilers="$compilers clang-19/clang++-19"
for pair in $compilers; do
    c=${pair%/*} cpp=${pair#*/} folder=$work/built.${pair%/*}
    cmake -S . -B "$folder" -DCMAKE_PREFIX_PATH="$work/prefix" -DCMAKE_C_COMPILER="$c" -DCMAKE_CXX_COMPILER="$cpp" > "$work/log" 2>&1 &&
        cmake --build "$folder" > "$work/log" 2>&1 || { cat "$work/log"; fail "find_package with $pair"; }
    for app in app app_cpp; do
        [ "$("$folder/$app")" = "$expected" ] || fail "$app of $pair said $("$folder/$app")"
    done
    nnc -c tiny.nnet -D units=5 -o tiny.o
    "$c" -Wall -Werror main.c tiny.o $(pkg-config --cflags --libs nnrt) -o with_pkg_config
    [ "$(./with_pkg_config)" = "$expected" ] || fail "pkg-config with $c"
    "$c" -fPIE -pie main.c tiny.o $(pkg-config --cflags --libs nnrt) -o pie
    [ "$(./pie)" = "$expected" ] || fail "a position-independent program by $c"
    "$c" -shared -fPIC -o libinner.so tiny.o $(pkg-config --libs nnrt-extras)
    "$cpp" -x c++ main.c -x none -o outer ./libinner.so $(pkg-config --cflags --libs nnrt)
    [ "$(./outer)" = "$expected" ] || fail "a shared library by $c"
done

# What a model imports is what it depends on.
folder=$work/built.gcc
before=$(stat -c %Y "$folder/tiny.nnc/tiny.o")
cmake --build "$folder" > "$work/log"
[ "$(stat -c %Y "$folder/tiny.nnc/tiny.o")" = "$before" ] || fail "built again for nothing"
sleep 1
touch half.nnet
cmake --build "$folder" > "$work/log"
[ "$(stat -c %Y "$folder/tiny.nnc/tiny.o")" != "$before" ] || fail "an import has changed, and nothing was built"
nnc --emit=dep tiny.nnet -D units=5 -o "a b.d"
[ "$(cat "a b.d")" = 'a\ b.o: tiny.nnet ./half.nnet' ] || [ "$(cat "a b.d")" = 'a\ b.o: tiny.nnet half.nnet' ] || fail "dependencies: $(cat "a b.d")"

# A library of its own, and a shared one.
nnc --emit=lib tiny.nnet -D units=5
gcc main.c libtiny.a -lm -lpthread $(pkg-config --cflags nnrt) -o whole
[ "$(./whole)" = "$expected" ] || fail "--emit=lib"
nnc --emit=shared tiny.nnet -D units=5
gcc main.c ./libtiny.so $(pkg-config --cflags nnrt) -o shared
[ "$(./shared)" = "$expected" ] || fail "--emit=shared"
foreign=$(nm -D --defined-only libtiny.so | awk '{ print $3 }' | grep -vE '^(tiny_|nnrt_|_init$|_fini$)' || true)
[ -z "$foreign" ] || fail "the shared library exports $foreign"

# Errors.
if AR=no-such-archiver nnc --emit=lib tiny.nnet -D units=5 -o new.a 2> errors; then fail "no archiver was noticed"; fi
grep -q "error\[E0740\]: cannot run 'no-such-archiver' to link" errors || fail "$(cat errors)"
if CC="gcc -no-such-option" nnc --emit=shared tiny.nnet -D units=5 -o new.so 2> errors; then fail "a failed link was not noticed"; fi
grep -q "error\[E0741\]: linking failed: 'gcc' ended with status 1" errors || fail "$(cat errors)"
[ -z "$(ls | grep new)" ] || fail "left behind: $(ls)"
