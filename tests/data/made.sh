# made.sh NNC: what a program makes of columns, categories, words, missing values and class names, in its own words.
nnc=$1
. "$(dirname "$0")/../common.sh"
# code N COMMAND...: its exit code.
code() {
  expected=$1
  shift
  "$@" > /dev/null 2>&1
  [ $? -eq "$expected" ] || fail "$*: exit code not $expected"
}

cat > pets.nnet << 'END'
import std.nn
model Pets {
  dim batch, time <= 3
  input weight: f32[batch] from column("weight", missing = mean)
  input colour: i32[batch] from category("colour", max = 3)
  input note: i32[batch, time] from words("note", max = 5)
  input raw: u8[batch, 4] from bytes("note")
  target kind: i32[batch] from category("kind", max = 3)
  let words = cast(note, real) / 10.0 |> sum(axis = 1)
  let logits = concat([unsqueeze(weight, axis = 1) / 10.0, unsqueeze(words, axis = 1), one_hot(colour, 3)], axis = 1) |> dense(3)
  output kind_of = argmax(logits, axis = 1)
  output p = softmax(logits)
  output colours = colour
  output notes = note
  output bytes = raw
  output weights = weight
  loss sparse_cross_entropy(logits, kind)
  metric accuracy(logits, kind)
  train { batch = 2; epochs = 200; optimizer = adam(lr = 0.1); seed = 1 }
}
END
"$nnc" pets.nnet -o pets || exit 1
cat > pets.csv << 'END'
kind,weight,colour,note
dog,30,brown,"a ""good"" dog, a dog"
cat,4,grey,the cat
"guinea, pig",1,brown,
cat,NA,red,a cat that sleeps all day
END
says "train accuracy: 1.0000" sh -c './pets train --data pets.csv --quiet | tail -n 1'
says "test accuracy: 1.0000" sh -c './pets eval --data pets.csv --all --quiet | sed "s/^all/test/" | tail -n 1'
says 'kind_of
dog
cat
"guinea, pig"
cat' ./pets predict --data pets.csv --output kind_of
says 'kind_of
1
0
2
0' ./pets predict --data pets.csv --output kind_of --raw
says 'p_cat,p_dog,"p_guinea, pig"' sh -c './pets predict --data pets.csv --output p | head -n 1'
says 'weights
30
4
1
11.666667' ./pets predict --data pets.csv --output weights
printf 'colour,note,weight\nblue,"good cats: a cat",?\nbrown,dog,2\n' > new.csv
says 'colours
0
1' ./pets predict --data new.csv --output colours --raw
# brown first, then grey and red in order of their letters; red is left out by max = 3
says 'colours
1
2
1
0' ./pets predict --data pets.csv --output colours --raw
# words: a (3 times), cat and dog (twice), then all, by its letters; 'good cats: a cat' is cut to 3
says 'notes_0,notes_1,notes_2
0,0,1
3,0,0' ./pets predict --data new.csv --output notes
says 'bytes_0,bytes_1,bytes_2,bytes_3
103,111,111,100
100,111,103,0' ./pets predict --data new.csv --output bytes
./pets predict --data pets.csv --out p.npz || fail "predict --out p.npz"
says "p.npz: .npz, 6 arrays" sh -c './pets data raw=p.npz 2> errors.txt | head -n 1'
code 2 ./pets predict --data new.csv --out p.txt
code 2 ./pets predict --data new.csv --out p.npy

cat > data.txt << 'END'
pets.csv: CSV, 4 rows of 4 columns between commas, with a header
  column               values                                                        missing  fills
  0 kind               3 texts: cat 2, dog 1, guinea, pig 1                                0  target kind
  1 weight             whole, 1 to 30, mean 11.67                                          1  weight
  2 colour             3 texts: brown 2, grey 1, red 1                                     0  colour
  3 note               3 texts, all different: a "good" dog, a dog, ...                    1  note, raw

inputs of Pets
  input  weight           f32[batch]           from column("weight", missing = mean): f32 [4, 1], means 11.6667
  input  colour           i32[batch]           from category("colour", max = 3): 2 texts by number, 1 rarer left out by max, 1 of 4 rows unknown or missing
  input  note             i32[batch, time]     from words("note", max = 5): 4 words by number, 5 rarer left out by max, 2 of 4 texts cut to 3 words
  input  raw              u8[batch, 4]         from bytes("note"): u8 [4, 4]
  target kind             i32[batch]           from category("kind", max = 3): 0 cat, 1 dog, 2 guinea, pig
4 samples: they fit
END
says "$(cat data.txt)" ./pets data pets.csv
./pets data new.csv > out.txt 2>&1
grep -q "^2 samples: they fit 'predict'$" out.txt || fail "data new.csv: $(cat out.txt)"
grep -q "^not 'train' and 'eval': new.csv: has no column \"kind\", from which 'kind' comes$" out.txt || fail "data new.csv: $(cat out.txt)"
code 0 ./pets data pets.csv --weights pets.safetensors
code 3 ./pets data missing.csv
code 2 ./pets data
printf 'kind,weight,colour,note\nbird,1,red,x\n' > bird.csv
says "error: bird.csv:2: column 1: 'bird' is no class of target 'kind' in the training data, which has cat, dog, guinea, pig" ./pets eval --data bird.csv
printf 'kind,weight,colour,note\ncat,heavy,red,x\n' > heavy.csv
says "error: heavy.csv:2: column 2 (weight): 'heavy' is not a number: give texts to an input 'from category(...)', or write classes as 0, 1, 2, ..." ./pets train --data heavy.csv --quiet

# The same training twice gives the same file, texts and all; going on with it keeps its vocabulary.
./pets train --data pets.csv --quiet --save a.safetensors > /dev/null && ./pets train --data pets.csv --quiet --save b.safetensors > /dev/null
cmp -s a.safetensors b.safetensors || fail "two trainings differ"
./pets train --data pets.csv --init a.safetensors --epochs 1 --quiet --save c.safetensors > /dev/null || fail "--init"
says 'colours
1
2
1
0' ./pets predict --data pets.csv --output colours --raw --weights c.safetensors

# Windows of rows: each begins a row after the one before it; what follows is shifted; the last ones are held out.
cat > series.nnet << 'END'
model Series {
  dim batch
  input lags: f32[batch, 3] from column("t", window = 3)
  input pairs: f32[batch, 2, 2] from column("t", "u", window = 2)
  target next: f32[batch] from column("t", shift = 3)
  let y = reshape(dense(1)(lags), [batch])
  output seen = lags
  output both = reshape(pairs, [batch, 4])
  output forecast = y
  loss mse(y, next)
  train {
    batch = 1
    epochs = 1
    test_split = 0.5
    seed = 1
  }
}
END
printf 't,u,name\n1,10,a\n2,20,b\n3,30,c\n4,40,d\n5,50,e\n6,60,f\n' > series.csv
"$nnc" series.nnet -o series || fail "series"
./series train --data series.csv --quiet > /dev/null || fail "series train"
says 'seen_0,seen_1,seen_2
1,2,3
2,3,4
3,4,5' ./series predict --data series.csv --output seen
says 'both_0,both_1,both_2,both_3
1,10,2,20
2,20,3,30
3,30,4,40' ./series predict --data series.csv --output both
printf 't,u,name\n1,10,a\n2,20,b\n3,30,c\n' > short.csv
says "error: short.csv: has 3 rows, a sample of Series reaches over 4" ./series train --data short.csv --quiet
printf 't,u\n1,1\n2,2\n3,3\n4,4\nx,5\n' > text.csv
./series train --data text.csv --quiet 2>&1 | grep -q "^error: text.csv:6: column 1 (t): 'x' is not a number" || fail "text in a series"

# A program has the libraries of pictures and sounds where its model asks for them, and only there.
printf 'model M {\n  dim batch\n  input x: u8[batch, 2, 2] from image("file")\n  output y = x\n}\n' > picture.nnet
"$nnc" picture.nnet -o picture || fail "picture"
for program in series picture; do
  readelf -d $program | grep -cE 'NEEDED.*(png|jpeg|sndfile)' > count.txt
  case $program in series) expected=0 ;; picture) expected=2 ;; esac
  [ "$(cat count.txt)" -eq $expected ] || fail "$program: $(cat count.txt) libraries of pictures and sounds"
done
./picture data --help | grep -q 'a table of its files with the columns file, folder and prefix' || fail "help on folders"
echo text > no.png
says "error: no.png: is no PNG and no JPEG file" ./picture predict --data no.png

# What the compiler can tell is refused when compiling.
cat > small.nnet << 'END'
model Small {
  dim batch
  input job: i32[batch] from category("job", max = 16)
  output y = gather(full([10, 3], 0.5), job)
}
END
says "error[E0622]: 'category' gives numbers from 0 to 15, but 'job' is used as an index below 10" sh -c '"$0" check small.nnet 2>&1 | head -n 1' "$nnc"
finish
