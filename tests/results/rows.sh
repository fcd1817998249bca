# Sourced by run.sh: the rows of docs/results.md. A function row_NAME SEED runs in the row's own folder: it compiles, trains, evaluates, and prints lines
# `METRIC VALUE`. From run.sh: nnc, data, examples, folder, threads ("" or "--threads N").

# Each row and its seeds.
rows() {
    cat <<'END'
lenet 1 2 3
resnet 1 2
vit 1 2 3
vae 1 2 3
mnist-gan 1 2 3
diffusion 1 2 3
transfer 1 2 3 4 5
sms-lstm 1 2 3 4 5
sms-gru 1 2 3 4 5
sms-rnn 1 2 3 4 5
temperatures 1 2 3 4 5
gpt 1 2 3
gcn 1 2 3 4 5 6 7 8 9 10
gat 1 2 3 4 5 6 7 8 9 10
spoken-digits 1 2 3 4 5
END
}

# The files that a row needs, a line each.
needs() {
    case $1 in
    lenet | vit | vae | mnist-gan | transfer) echo "$mnist/train-images-idx3-ubyte.gz" ;;
    resnet) echo "$data/cifar10/data_batch_1.bin.gz" ;;
    sms-*) echo "$data/sms-spam/SMSSpamCollection" ;;
    temperatures) echo "$data/time-series/daily-min-temperatures.csv" ;;
    gpt) echo "$data/tinyshakespeare/input.txt" ;;
    gcn | gat) echo "$data/cora/cora.nodes.tsv" ;;
    spoken-digits) echo "$data/fsdd/recordings" ;;
    esac
}
mnist=$data/mnist
images="image=$mnist/train-images-idx3-ubyte.gz" labels="label=$mnist/train-labels-idx1-ubyte.gz"
test_images="image=$mnist/t10k-images-idx3-ubyte.gz" test_labels="label=$mnist/t10k-labels-idx1-ubyte.gz"

# compile PROGRAM MODEL.nnet OPTIONS...: once, unless the compiler or the model is newer.
compile() {
    program=$1 model=$examples/$2
    shift 2
    if [ -x "$program" ] && [ "$program" -nt "$nnc" ] && [ "$program" -nt "$model" ]; then return; fi
    "$nnc" "$@" "$model" -o "$program" >&2
}

# train PROGRAM SEED ARGUMENTS...: its weights are PROGRAM.SEED.safetensors, what it prints is kept in PROGRAM.SEED.log. A training that was interrupted
# (Ctrl-C) goes on where it was.
train() {
    program=$1 seed=$2 resume=''
    shift 2
    if [ -f "$program.$seed.log" ] && tail -n 1 "$program.$seed.log" | grep -q '^interrupted '; then resume="--resume $program.$seed.safetensors"; fi
    # shellcheck disable=SC2086
    "./$program" train "$@" --seed "$seed" $threads $resume --save "$program.$seed.safetensors" >"$program.$seed.log"
}

# result PROGRAM SEED NAME METRIC: the value of the last line `NAME: VALUE` that the training printed, as METRIC.
result() {
    sed -n "s/^$3: //p" "$1.$2.log" | tail -n 1 | sed "s/^/$4 /" | grep .
}

row_lenet() {
    compile lenet lenet/lenet.nnet
    train lenet "$1" --data "$images" "$labels" --test "$test_images" "$test_labels"
    result lenet "$1" 'test accuracy' accuracy
}

row_vit() {
    compile vit vit/vit.nnet
    train vit "$1" --data "$images" "$labels" --test "$test_images" "$test_labels"
    result vit "$1" 'test accuracy' accuracy
}

row_vae() {
    compile vae vae/vae-mnist.nnet
    train vae "$1" --data "$images" --test "$test_images"
    result vae "$1" 'test loss' bound
}

row_resnet() {
    compile resnet resnet/resnet.nnet
    train resnet "$1" --data "$data/cifar10/data_batch_1.bin.gz" --test "$data/cifar10/test_subset_2000.bin.gz"
    result resnet "$1" 'test accuracy' accuracy
}

# judged: of probabilities (CSV with a header) how many are at least 0.9 sure, their mean confidence, and how often the rarest class was found.
judged() {
    awk -F, 'NR > 1 {
        best = 1
        for (i = 2; i <= 10; i++) if ($i > $best) best = i
        total += $best; seen[best]++; if ($best >= 0.9) sure++
    } END {
        rarest = NR - 1
        for (i = 1; i <= 10; i++) if (seen[i] + 0 < rarest) rarest = seen[i] + 0
        printf "sure %d\nconfidence %.4f\nrarest %d\n", sure, total / (NR - 1), rarest
    }'
}

# The judge is the row lenet's network of seed 1.
row_mnist_gan() {
    judge=$folder/lenet
    if ! [ -f "$judge/lenet.1.safetensors" ]; then (mkdir -p "$judge" && cd "$judge" && row_lenet 1 >&2); fi
    compile gan mnist-gan/mnist-gan.nnet
    train gan "$1" --data "$images"
    ./gan predict --weights "gan.$1.safetensors" --batch 1000 --output sample --out samples.npy
    "$judge/lenet" predict --weights "$judge/lenet.1.safetensors" --data image=samples.npy --output probability | judged
}

# The judge is the example digits without label smoothing, which would keep it from being sure.
row_diffusion() {
    gzip -dc "$examples/digits/digits.csv.gz" | cut -d, -f1-64 >pixels.csv
    if ! [ -f judge.1.safetensors ]; then
        sed 's/, label_smoothing = 0.1//' "$examples/digits/digits.nnet" >judge.nnet
        "$nnc" judge.nnet -o judge >&2
        train judge 1 --data "$examples/digits/digits.csv.gz"
    fi
    compile diffusion diffusion/diffusion.nnet -D count=1000
    train diffusion "$1" --data pixels.csv
    ./diffusion predict --weights "diffusion.$1.safetensors" --output sample | tail -n +2 >samples.csv
    ./judge predict --weights judge.1.safetensors --data samples.csv --output p | judged
}

# Both sides from the same images, the convolutions of the one learnt by Source with seed 1; of each training counts the epoch that is best on the
# validation set, among 60, 20 or 5.
row_transfer() {
    sh "$source/tests/examples/few.sh" "$mnist" .
    for side in Source Head Scratch; do compile $side transfer/transfer.nnet --model $side; done
    if ! [ -f Source.1.log ] || ! result Source 1 'train accuracy' accuracy >&2; then train Source 1 --data "$images" "$labels"; fi
    few="--data image=few-images label=few-labels --val image=val-images label=val-labels"
    for epochs in 60 20 5; do
        # shellcheck disable=SC2086
        train Head "$1" $few --test "$test_images" "$test_labels" --epochs $epochs --init Source.1.safetensors --map 'head/*='
        result Head "$1" 'test accuracy' "kept_$epochs"
        # shellcheck disable=SC2086
        train Scratch "$1" $few --test "$test_images" "$test_labels" --epochs $epochs
        result Scratch "$1" 'test accuracy' "scratch_$epochs"
    done
}

# spam SEED CELL
spam() {
    compile "$2" sms-spam/sms-spam.nnet -D "cell=$2"
    train "$2" "$1" --data "$data/sms-spam/SMSSpamCollection"
    result "$2" "$1" 'test f1' f1
}
row_sms_lstm() { spam "$1" lstm; }
row_sms_gru() { spam "$1" gru; }
row_sms_rnn() { spam "$1" rnn; }

row_temperatures() {
    awk -f "$examples/temperatures/lags.awk" "$data/time-series/daily-min-temperatures.csv" | sed 's/^persistence rmse:/persistence/'
    compile temperatures temperatures/temperatures.nnet
    train temperatures "$1" --data train.csv --test test.csv
    result temperatures "$1" 'test rmse' rmse
}

row_gpt() {
    compile gpt gpt/gpt.nnet
    train gpt "$1" --data "$data/tinyshakespeare/input.txt"
    result gpt "$1" 'val loss' loss
}

# graph SEED MODEL
graph() {
    compile "$2" cora/cora.nnet --model "$2"
    train "$2" "$1" --data "cites=$data/cora/cora.edges.tsv" "$data/cora/cora.nodes.tsv" --val "cites=$data/cora/cora.edges.tsv" "$data/cora/cora.nodes.tsv"
    result "$2" "$1" 'val test_part' accuracy
}
row_gcn() { graph "$1" Gcn; }
row_gat() { graph "$1" Gat; }

row_spoken_digits() {
    compile spoken spoken-digits/spoken-digits.nnet
    train spoken "$1" --data "$data"/fsdd/recordings/*_[567].wav --test "$data"/fsdd/recordings/*_[01].wav
    result spoken "$1" 'test accuracy' accuracy
}
