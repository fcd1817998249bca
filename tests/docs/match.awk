# match.awk EXPECTED ACTUAL: do the lines agree? `...` on a line of its own stands for any lines, within a line for any text; a number
# before " s" stands for any time. Prints the first line that is missing.

function plain(line) {
    sub(/[ \t\r]+$/, "", line)
    gsub(/[0-9]+(\.[0-9]+)? s( |$)/, "TIME", line)
    return line
}

function line_agrees(want, have,    parts, n, i, at) {
    n = split(want, parts, /\.\.\./)
    if (index(have, parts[1]) != 1) return 0
    if (n == 1) return want == have
    have = substr(have, length(parts[1]) + 1)
    for (i = 2; i < n; i++) {
        at = index(have, parts[i])
        if (!at) return 0
        have = substr(have, at + length(parts[i]))
    }
    return length(have) >= length(parts[n]) && substr(have, length(have) - length(parts[n]) + 1) == parts[n]
}

# Lines from `i` of what is wanted against those from `j` of what there is.
function agree(i, j) {
    for (; i <= n_want; i++) {
        if (want[i] == "...") {
            for (; j <= n_have + 1; j++)
                if (agree(i + 1, j)) return 1
            return 0
        }
        if (j > n_have || !line_agrees(want[i], have[j])) {
            if (i > furthest) furthest = i
            return 0
        }
        j++
    }
    return j > n_have
}

FNR == NR { want[++n_want] = plain($0); next }
{ have[++n_have] = plain($0) }
END {
    while (n_want && want[n_want] == "") n_want--
    while (n_have && have[n_have] == "") n_have--
    if (agree(1, 1)) exit 0
    if (furthest) print "not found, or not in its place: " want[furthest]
    else print "more was printed than is stated"
    exit 1
}
