# Reads "date","temperature" lines; writes rows of 30 days and the day after them, x_0 ... x_29, y: train.csv from the first 80 % of the
# rows in order of time, test.csv from the rest. Prints the error of saying that each day is like the one before.
BEGIN { FS = "," }
NR > 1 { t[n++] = $2 + 0 }
END {
  for (k = 0; k < 30; k++) header = header "x_" k ","
  print header "y" > "train.csv"
  print header "y" > "test.csv"
  cut = 30 + int(0.8 * (n - 30))
  for (i = 30; i < n; i++) {
    row = ""
    for (k = i - 30; k < i; k++) row = row t[k] ","
    print row t[i] > (i < cut ? "train.csv" : "test.csv")
    if (i >= cut) { squares += (t[i] - t[i - 1]) ^ 2; rows++ }
  }
  printf "persistence rmse: %.4f\n", sqrt(squares / rows)
}
