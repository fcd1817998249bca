/* Rules: RFC 4180 quotes (a cell in double quotes may hold separators, line ends and doubled quotes), LF or CRLF, blank
 * lines skipped, blanks around a cell removed. Between tabs a quote is a letter like any other, unless the cell is quoted
 * whole and on one line: texts begin with quotes. */
#include "extras/csv_scan.h"

#include <string.h>

#include "core/status.h"

enum { SAMPLE = 200 /* records that decide the separator */ };

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r';
}

/* Does the cell end here? */
static bool ends(const nnrt_scanner *s, const char *at) {
    return at >= s->end || *at == '\n' || *at == s->delimiter || (s->delimiter == ' ' && *at == '\t');
}

static void put(nnrt_scanner *s, char c) {
    bool reserved = c == NNRT_CELL_END || c == NNRT_ROW_END || c == 0;
    if (s->out) *s->out++ = reserved ? ' ' : c;
}

static void put_trimmed(nnrt_scanner *s, const char *from, const char *to) {
    while (from < to && is_blank(*from)) from++;
    while (to > from && is_blank(to[-1])) to--;
    while (from < to) put(s, *from++);
}

/* The quote that ends the cell which begins with one at `at`, or NULL. */
static char *closing_quote(nnrt_scanner *s) {
    char *at = s->at + 1, *end = s->end, *line_end = NULL;
    if (s->delimiter == '\t') line_end = memchr(at, '\n', (size_t)(end - at));
    if (line_end) end = line_end;
    while ((at = memchr(at, '"', (size_t)(end - at)))) {
        if (at + 1 >= end || at[1] != '"') return at;
        at += 2;
    }
    return NULL;
}

static void scan_quoted(nnrt_scanner *s, char *closing) {
    for (char *from = s->at + 1; from < closing; from++) {
        if (*from == '"') from++;
        s->next_line += *from == '\n';
        put(s, *from);
    }
    s->at = closing + 1;
}

static bool scan_quoted_cell(nnrt_scanner *s) {
    char *closing = closing_quote(s), *after = closing ? closing + 1 : NULL;
    while (after && after < s->end && !ends(s, after) && is_blank(*after)) after++;
    if (s->delimiter == '\t') {
        bool whole = closing && ends(s, after) && !memchr(s->at, '\t', (size_t)(closing - s->at));
        if (!whole) return false;
    } else if (!closing || !ends(s, after)) {
        s->status = nnrt_fail(s->error, NNRT_BAD_DATA,
                              closing ? "%s:%d: column %lld: text after a closing quote"
                                      : "%s:%d: column %lld: a quote is opened and not closed",
                              s->path, s->line, (long long)s->n_fields + 1);
        return true;
    }
    scan_quoted(s, closing);
    s->at = after;
    return true;
}

static void scan_cell(nnrt_scanner *s) {
    char *start = s->at;
    while (start < s->end && is_blank(*start) && !ends(s, start)) start++;
    if (start < s->end && *start == '"') {
        s->at = start;
        if (scan_quoted_cell(s)) return;
    }
    while (!ends(s, s->at)) s->at++;
    put_trimmed(s, start, s->at);
}

static void skip_blanks(nnrt_scanner *s) {
    while (s->at < s->end && is_blank(*s->at)) s->at++;
}

/* Past lines with nothing on them. */
static void skip_blank_lines(nnrt_scanner *s) {
    for (char *start = s->at; s->at < s->end; start = s->at) {
        skip_blanks(s);
        if (s->at < s->end && *s->at != '\n') {
            if (s->delimiter != ' ') s->at = start; /* where runs of blanks separate, those in front do not */
            return;
        }
        if (s->at < s->end) s->at++, s->next_line++;
    }
}

bool nnrt_scan_record(nnrt_scanner *s) {
    skip_blank_lines(s);
    if (s->at >= s->end || s->status != NNRT_OK) return false;
    s->line     = s->next_line;
    s->record   = s->out;
    s->n_fields = 0;
    for (bool more = true; more;) {
        scan_cell(s);
        if (s->status != NNRT_OK) return false;
        s->n_fields++;
        if (s->delimiter == ' ') skip_blanks(s);
        more = s->at < s->end && *s->at != '\n';
        if (more && s->delimiter != ' ') s->at++;
        if (s->out) *s->out++ = more ? NNRT_CELL_END : NNRT_ROW_END;
    }
    if (s->at < s->end) s->at++;
    s->next_line++;
    return true;
}

/* ---- the separator ----------------------------------------------------------------------------------------------- */

/* The share of the first records that have as many cells as most of them have; 0 where most have one. */
static double share_of_equal(char *text, size_t size, char delimiter) {
    int64_t      counts[SAMPLE];
    int          n = 0, most = 0;
    int64_t      width = 0;
    nnrt_scanner s     = {.path = "", .at = text, .end = text + size, .delimiter = delimiter, .next_line = 1};
    while (n < SAMPLE && nnrt_scan_record(&s)) counts[n++] = s.n_fields;
    int first = n > 1; /* the first line may be a title */
    for (int i = first; i < n; i++) {
        int equal = 0;
        for (int k = first; k < n; k++) equal += counts[k] == counts[i];
        if (equal > most) most = equal, width = counts[i];
    }
    return width > 1 ? (double)most / (n - first + (s.status != NNRT_OK)) : 0;
}

char nnrt_find_delimiter(char *text, size_t size) {
    static const char CANDIDATES[] = {'\t', ';', ','};
    double            best         = 0;
    char              found        = ',';
    for (size_t i = 0; i < sizeof CANDIDATES; i++) {
        double share = share_of_equal(text, size, CANDIDATES[i]);
        if (share > best) best = share, found = CANDIDATES[i];
    }
    return best == 0 && share_of_equal(text, size, ' ') == 1 ? ' ' : found;
}
