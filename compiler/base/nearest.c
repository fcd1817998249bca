/* "did you mean": the nearest of some names by edit distance (Damerau-Levenshtein with adjacent swaps). */
#include "base/diag.h"

#include <ctype.h>
#include <string.h>

enum { MAX_NAME = 64 };

static int min3(int a, int b, int c) {
    int least = a < b ? a : b;
    return least < c ? least : c;
}

static bool same_letter(char a, char b) {
    return tolower((unsigned char)a) == tolower((unsigned char)b);
}

/* Case counts for nothing: `Batch` is as near to `batch` as can be. */
static int edit_distance(const char *a, int n, const char *b, int m) {
    int rows[3][MAX_NAME + 1];
    for (int j = 0; j <= m; j++) rows[0][j] = j;
    for (int i = 1; i <= n; i++) {
        int *row = rows[i % 3], *above = rows[(i + 2) % 3], *two_above = rows[(i + 1) % 3];
        row[0] = i;
        for (int j = 1; j <= m; j++) {
            int change = same_letter(a[i - 1], b[j - 1]) ? 0 : 1;
            row[j]     = min3(above[j] + 1, row[j - 1] + 1, above[j - 1] + change);
            bool swap  = i > 1 && j > 1 && same_letter(a[i - 1], b[j - 2]) && same_letter(a[i - 2], b[j - 1]);
            if (swap && two_above[j - 2] + 1 < row[j]) row[j] = two_above[j - 2] + 1;
        }
    }
    return rows[n % 3][m];
}

/* A third of the name may be wrong; of names of one or two letters nothing but their case. */
static int allowed_distance(int length) {
    return length <= 2 ? 0 : length / 3;
}

const char *nearest_name(const char *name, const char *const *candidates, int count) {
    int length = (int)strlen(name);
    if (length == 0 || length > MAX_NAME) return NULL;
    const char *best          = NULL;
    int         best_distance = allowed_distance(length) + 1;
    for (int i = 0; i < count; i++) {
        int candidate_length = (int)strlen(candidates[i]);
        if (candidate_length > MAX_NAME || strcmp(candidates[i], name) == 0) continue;
        int distance = edit_distance(name, length, candidates[i], candidate_length);
        if (distance < best_distance) {
            best          = candidates[i];
            best_distance = distance;
        }
    }
    return best;
}
