# awk -f means.awk results.txt: for each row and metric its mean over the seeds, and the values in the order of the seeds.
{
    key = $1 " " $3
    if (!(key in n)) keys[++count] = key
    n[key]++
    sum[key] += $4
    values[key, $2] = $4
    if ($2 > most) most = $2
}
END {
    for (i = 1; i <= count; i++) {
        key = keys[i]
        printf "%-24s mean %.4f of", key, sum[key] / n[key]
        for (seed = 1; seed <= most; seed++) if ((key, seed) in values) printf " %s", values[key, seed]
        print ""
    }
}
