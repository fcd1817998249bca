# Models without a sample dim take each array whole: vocabularies are of all rows, files may come in any order, `eval` and --val share what they do not name.
nnc=$1
. "$(dirname "$0")/../common.sh"

cat > graph.nnet << 'END'
import std.nn
model Graph {
  dim nodes, edges
  input word: i32[nodes, 2] from words(0, max = 9)
  input kind: i32[nodes] from category(1, max = 5)
  input links: i32[edges, 2]
  target y: f64[nodes, 1] from column(2)
  part table = embedding(9, 1, init = ones)
  let h = graph_conv(1, kernel_init = ones)(expand(cast(kind, f64), "n -> n 1"), links)
  output numbers = word
  output kinds = kind
  loss mse(sum(table(word), "n l d -> n d") + h, y)
  train { optimizer = sgd(lr = 0.0); epochs = 1; precision = f64 }
}
END
"$nnc" graph.nnet -o graph || exit 1
printf 'words\tkind\ty\nred green\tb\t1\nblue\ta\t2\ngreen red\tc\t3\n' > nodes.tsv
printf 'from,to\n0,1\n1,2\n' > links.csv

# The most frequent words first, those of one count in order of the alphabet; kinds in order of the alphabet; 0 is what is not known.
for files in "links=links.csv nodes.tsv" "nodes.tsv links=links.csv"; do
  # shellcheck disable=SC2086
  ./graph train --data $files --val $files --save w --quiet > out.txt 2>&1 || fail "$files: $(cat out.txt)"
  # shellcheck disable=SC2086
  says "$(printf 'numbers_0,numbers_1\n2,1\n3,0\n1,2')" ./graph predict --weights w --data $files --output numbers
  # shellcheck disable=SC2086
  says "$(./graph eval --weights w --data links=links.csv nodes.tsv)" ./graph eval --weights w --data $files
done
# A word and a kind that were not there, and a graph of another size.
printf 'words\tkind\ty\nblack red\tz\t1\nblue\ta\t2\n' > nodes.tsv
printf '0,1\n' > links.csv
says "$(printf 'numbers_0,numbers_1\n0,2\n3,0')" ./graph predict --weights w --data nodes.tsv --data links=links.csv --output numbers
says "$(printf 'kinds\n0\n1')" ./graph predict --weights w --data nodes.tsv --data links=links.csv --output kinds
finish
