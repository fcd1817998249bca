#!/bin/sh
# runner.sh NNC TESTS_DOCS_DIR: page.sh finds what is wrong in a page, and takes one that is right.
set -eu
nnc=$1 tools=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
status=0
page() { # NAME EXIT-CODE MESSAGE <PAGE
    cat >"$work/$1.md"
    code=0
    sh "$tools/page.sh" "$nnc" "$work" "$1.md" >"$work/said" 2>&1 || code=$?
    if [ "$code" -ne "$2" ] || { [ -n "$3" ] && ! grep -qF -- "$3" "$work/said"; }; then
        echo "$1: exit code $code, $2 is right; it should say: $3"
        cat "$work/said"
        status=1
    fi
}
page right 0 '' <<'END'
<!-- run: hidden=1 -->
```sh
folder=made
mkdir $folder; cd $folder        # a comment
echo one; echo two               # prints: t...
```
```sh
pwd | sed 's|.*/||'
echo "$hidden in 3.25 s"
```
```text
ma...
1 in 0.1 s
```
```nnet file=half.nnet
fn half(x: real[...S]) -> real[...S] { return x / 2.0 }
```
```nnet file=half.nnet more
test "half" { assert half([4.0]) == [2.0] }
```
```sh exit=1
nnc check missing.nnet
```
<!-- within
fn f(x: real[B]) -> real[B] {
  ...
  return y
}
-->
```nnet
let y = x + 1.0
```
<!-- not run: there is no such program -->
```sh
no-such-program
```
```c
int answer(void) { return 42; }
```
END
page unlabelled 1 'unlabelled.md:1: a code block without a label' <<'END'
```
x
```
END
page other_output 1 'not found, or not in its place: two' <<'END'
```sh
echo one
```

```text
one
two
```
END
page more_output 1 'more was printed than is stated' <<'END'
```sh
echo one; echo two
```
```text
one
```
END
page other_line 1 'other_line.md:2: stated: 2' <<'END'
```sh
echo 1      # prints: 2
echo done
```
END
page fails 1 'fails.md:1: a command failed' <<'END'
```sh
false
echo after
```
END
page succeeds 1 'exit code 0, 1 is stated' <<'END'
```sh exit=1
true
```
END
page no_program 1 'no_program.md:1: does not compile' <<'END'
```nnet
fn f(x: real[B]) -> real[B] { return x + nothing }
```
END
page no_c 1 'no_c.md:1: does not compile' <<'END'
```c
int f(void) { return x; }
```
END
page failed_test 1 'failed_test.md:1: its tests fail' <<'END'
```nnet
test "wrong" { assert 1 == 2 }
```
END
page open_block 1 'a code block without an end' <<'END'
```sh
true
END
exit $status
