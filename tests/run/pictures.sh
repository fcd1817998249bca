# Predictions as pictures and as text: size, kind, what is refused.
nnc=$1
. "$(dirname "$0")/../common.sh"
cat > out.nnet << 'END'
import std.nn
model Out {
  dim batch
  output rgb = full([batch, 6, 8, 3], 0.5)
  output flat = full([batch, 16], 2.0)
  output bytes = cast(full([batch, 4, 4], 7.0), u8)
  output letters = cast(full([batch, 5], 65.0), u8)
  output row = full([batch], 0.0)
  output odd = full([batch, 15], 0.0)
}
END
"$nnc" out.nnet -o out || exit 1
# picture OUTPUT WIDTH HEIGHT COLOUR(00: grey, 02: RGB): 10 images in a grid, a line of one pixel between them
picture() {
  ./out predict --batch 10 --output "$1" --out "$1.png" || fail "$1"
  head=$(od -An -tx1 -N26 "$1.png" | tr -d ' \n')
  expected=$(printf '89504e470d0a1a0a0000000d49484452%08x%08x08%s' "$2" "$3" "$4")
  [ "$head" = "$expected" ] || fail "$1.png begins with $head, not $expected"
  [ "$(tail -c 12 "$1.png" | od -An -tx1 | tr -d ' \n')" = 0000000049454e44ae426082 ] || fail "$1.png has no end"
}
picture rgb 26 27 02
picture flat 19 14 00
picture bytes 19 14 00
refused() { # refused OUTPUT FILE TEXT
  ./out predict --batch 10 --output "$1" --out "$2" 2> error && fail "$1 is written to $2"
  grep -qF "$3" error || fail "$1 to $2: $(cat error)"
  [ ! -e "$2" ] || fail "$2 was left"
}
refused row row.png "output 'row' is no images: [n, height, width]"
refused odd odd.png "output 'odd' is no images"
refused rgb rgb.txt "a .txt file holds bytes, and output 'rgb' is not of u8"
./out predict --batch 2 --out all.png 2> error && fail "a picture of all outputs"
grep -qF "a picture shows one output: choose it by --output NAME" error || fail "$(cat error)"
./out predict --batch 2 --output letters --out letters.txt || fail letters
[ "$(cat letters.txt)" = "$(printf 'AAAAA\nAAAAA')" ] || fail "letters.txt: $(cat letters.txt)"

# A picture that is read stays.
cat > dim.nnet << 'END'
import std.nn
model Dim {
  dim batch
  input image: u8[batch, 27, 26, 3] from image("file")
  output half = cast(image, real) / 510.0
}
END
"$nnc" dim.nnet -o dim || exit 1
mkdir shots && cp rgb.png shots/a.png && cp rgb.png shots/b.png
printf 'file\nshots/a.png\n' > list.csv
for data in shots list.csv; do
  ./dim predict --data $data --out shots/a.png 2> error && fail "a picture that is read was replaced"
  grep -qF -- "--out shots/a.png is there and lies among the data, which may name it: name another file" error || fail "$(cat error)"
done
cmp -s rgb.png shots/a.png || fail "a picture of the data changed"
./dim predict --data list.csv --out new.png || fail "a new picture beside the data"
finish
