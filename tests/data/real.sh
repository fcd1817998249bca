# real.sh NNC PROGRAMS DATA: public data sets as they are published, trained on and predicted without any preparation.
nnc=$1 programs=$2 data=$3
[ -d "$data" ] || { echo "skipped: no $data"; exit 77; }
. "$(dirname "$0")/../common.sh"
# trains NAME FILE SCORE LOW: the last line states SCORE, at least LOW; at most -LOW where LOW is negative.
trains() {
  [ -f "$data/$2" ] || { echo "skipped: no $data/$2"; return; }
  "$nnc" "$programs/$1.nnet" -o "$1" || fail "$1 does not compile"
  last=$("./$1" train --data "$data/$2" --quiet 2>&1 | tail -n 1)
  value=${last#"$3: "}
  awk -v value="$value" -v low="$4" 'BEGIN { exit !(value ~ /^[0-9.]+$/ && (low < 0 ? value <= -low : value >= low)) }' ||
    fail "$1: '$last', where $3 of $4 is expected"
}
# prints COMMAND TEXT: the output has a line with TEXT.
prints() {
  $1 2>&1 | grep -qF -- "$2" || fail "$1: no '$2' in: $($1 2>&1 | head -n 20)"
}

trains titanic titanic/titanic.csv "test accuracy" 0.78
trains german german-credit/german.data "test accuracy" 0.70
trains credit credit-approval/crx.data "test accuracy" 0.78
trains housing california-housing/housing.csv "test loss" -0.40
trains spam sms-spam/SMSSpamCollection "test accuracy" 0.97
trains sentiment sentiment-sentences/yelp_labelled.txt "test accuracy" 0.72
trains sentiment sentiment-sentences/imdb_labelled.txt "test accuracy" 0.70
trains sentiment sentiment-sentences/amazon_cells_labelled.txt "test accuracy" 0.75
trains chars tinyshakespeare/input.txt "val accuracy" 0.23

if [ -f spam.safetensors ]; then
  printf 'WINNER!! You have won a free prize, call now to claim\nSee you at home tonight\n' | sed 's/^/?\t/' > new.tsv
  [ "$(./spam predict --data new.tsv --output class | tr '\n' ' ')" = "class spam ham " ] ||
    fail "spam: $(./spam predict --data new.tsv --output class)"
  prints "./spam predict --data new.tsv" "class,p_ham,p_spam"
  prints "./spam data $data/sms-spam/SMSSpamCollection" "5574 rows of 2 columns between tabs, no header"
  prints "./spam data $data/sms-spam/SMSSpamCollection" "5574 samples: they fit"
fi
if [ -f titanic.safetensors ]; then
  prints "./titanic data $data/titanic/titanic.csv" "891 rows of 12 columns between commas, with a header"
  prints "./titanic data $data/titanic/titanic.csv" "0.42 to 80, mean 29.7"
  prints "./titanic data $data/titanic/titanic.csv" "from column(\"Age\", \"SibSp\", \"Parch\", \"Fare\", missing = mean)"
  prints "./titanic data $data/credit-approval/crx.data" "has no header, and 'x' comes from column \"Age\""
fi
finish
