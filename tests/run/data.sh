# Sourced by the tests here: a temporary folder with three well separated clusters in data.csv and a train/test pair.
model=$1
. "$(dirname "$0")/../common.sh"
clusters() { # clusters ROWS SEED
  awk -v rows="$1" -v seed="$2" 'BEGIN {
    srand(seed)
    for (i = 0; i < rows; i++) {
      c = i % 3
      for (k = 0; k < 4; k++) printf "%.3f,", 2 * (k == c) + 0.8 * (rand() - 0.5)
      print c
    }
  }'
}
clusters 150 1 > data.csv
clusters 60 2 > test.csv
