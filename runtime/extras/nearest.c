#include "extras/nearest.h"

#include <string.h>

enum { LONGEST = 63 };

/* Optimal string alignment distance: insertions, deletions, substitutions, swaps of neighbours. */
static int distance(const char *a, const char *b) {
    int na = (int)strlen(a), nb = (int)strlen(b);
    if (na > LONGEST || nb > LONGEST) return LONGEST;
    int rows[3][LONGEST + 1];
    for (int j = 0; j <= nb; j++) rows[0][j] = j;
    for (int i = 1; i <= na; i++) {
        int *row = rows[i % 3], *above = rows[(i + 2) % 3], *above2 = rows[(i + 1) % 3];
        row[0] = i;
        for (int j = 1; j <= nb; j++) {
            int best = above[j - 1] + (a[i - 1] != b[j - 1]);
            if (above[j] + 1 < best) best = above[j] + 1;
            if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && above2[j - 2] + 1 < best)
                best = above2[j - 2] + 1;
            row[j] = best;
        }
    }
    return rows[na % 3][nb];
}

const char *nnrt_nearest(const char *name, const char *(*at)(int i, const void *context), const void *context, int n) {
    int         size = (int)strlen(name), limit = size / 3, best = (limit >= 1 ? limit : size > 1) + 1;
    const char *found = NULL;
    for (int i = 0; i < n; i++) {
        int d = distance(name, at(i, context));
        if (d >= best) continue;
        best  = d;
        found = at(i, context);
    }
    return found;
}
