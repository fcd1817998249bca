/* CSV of numbers.
 *
 * Rules: commas, fields optionally in double quotes, LF or CRLF, blank lines skipped, a byte order mark ignored. A
 * first line without numbers is a header. A first line `rows,features,name,...` (scikit-learn's) gives class names.
 * Everything else is data, and every field of it a finite decimal number. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"
#include "extras/array.h"

enum { QUOTE_SHOWN = 40 /* characters of an offending field in a message */ };

typedef struct Field {
    char  *text;
    size_t size;
} Field;

typedef struct Scanner {
    const char *path;
    char       *at, *end;
    int32_t     line; /* of the record read last, from 1 */
    int32_t     next_line;
    Field      *fields; /* of the record read last */
    int64_t     n_fields, capacity;
    nnrt_error *error;
    nnrt_status status;
} Scanner;

static void scan_fail_memory(Scanner *s) {
    s->status = nnrt_fail_memory(s->error, 0, s->path);
}

static void add_field(Scanner *s, char *text, size_t size) {
    while (size > 0 && (text[0] == ' ' || text[0] == '\t')) text++, size--;
    while (size > 0 && (text[size - 1] == ' ' || text[size - 1] == '\t' || text[size - 1] == '\r')) size--;
    if (s->n_fields == s->capacity) {
        s->capacity = s->capacity ? 2 * s->capacity : 64;
        Field *more = realloc(s->fields, (size_t)s->capacity * sizeof *more);
        if (!more) {
            scan_fail_memory(s);
            return;
        }
        s->fields = more;
    }
    s->fields[s->n_fields++] = (Field){text, size};
}

/* A quoted field, unquoted in place ("" is one quote); `at` stands on the opening quote. */
static void scan_quoted(Scanner *s) {
    char *start = s->at + 1, *from = start, *to = start;
    while (from < s->end) {
        if (*from == '"') {
            if (from + 1 >= s->end || from[1] != '"') break;
            from++;
        }
        if (*from == '\n') s->next_line++;
        *to++ = *from++;
    }
    if (from >= s->end) {
        s->status = nnrt_fail(s->error, NNRT_BAD_DATA, "%s:%d: column %lld: a quote is opened and not closed", s->path,
                              s->line, (long long)s->n_fields + 1);
        return;
    }
    s->at = from + 1;
    while (s->at < s->end && (*s->at == ' ' || *s->at == '\r')) s->at++;
    if (s->at < s->end && *s->at != ',' && *s->at != '\n') {
        s->status = nnrt_fail(s->error, NNRT_BAD_DATA, "%s:%d: column %lld: text after a closing quote", s->path,
                              s->line, (long long)s->n_fields + 1);
        return;
    }
    add_field(s, start, (size_t)(to - start));
}

static void scan_plain(Scanner *s) {
    char *start = s->at;
    while (s->at < s->end && *s->at != ',' && *s->at != '\n') s->at++;
    add_field(s, start, (size_t)(s->at - start));
}

/* The next record that is not blank; false at the end of the file or after an error. */
static bool scan_record(Scanner *s) {
    do {
        if (s->at >= s->end) return false;
        s->n_fields = 0;
        s->line     = s->next_line;
        for (;;) {
            char *first = s->at;
            while (first < s->end && (*first == ' ' || *first == '\t')) first++;
            if (first < s->end && *first == '"') {
                s->at = first;
                scan_quoted(s);
            } else {
                scan_plain(s);
            }
            if (s->status != NNRT_OK) return false;
            if (s->at >= s->end || *s->at == '\n') break;
            s->at++; /* the comma */
        }
        s->at++;
        s->next_line++;
    } while (s->n_fields == 1 && s->fields[0].size == 0);
    return true;
}

static const double POWERS[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

/* A decimal number and nothing else. Up to 15 digits and a power of ten that a double holds exactly are one correctly
 * rounded operation (Clinger, "How to read floating point numbers accurately", 1990); the rest is strtod's. */
static bool parse_number(const Field *field, double *value) {
    const char *p = field->text, *end = p + field->size;
    bool        negative = p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+')) p++;
    uint64_t mantissa = 0;
    int      digits = 0, significant = 0, exponent = 0;
    bool     dot = false;
    for (; p < end && ((*p >= '0' && *p <= '9') || (*p == '.' && !dot)); p++) {
        if (*p == '.') {
            dot = true;
            continue;
        }
        digits++;
        exponent -= dot;
        if (significant > 0 || *p != '0') significant++;
        if (significant <= 15) mantissa = mantissa * 10 + (uint64_t)(*p - '0');
    }
    if (digits == 0) return false;
    bool scientific = p < end && (*p == 'e' || *p == 'E');
    if (scientific) {
        const char *start = ++p;
        if (p < end && (*p == '-' || *p == '+')) start = ++p;
        while (p < end && *p >= '0' && *p <= '9') p++;
        if (p == start) return false;
    }
    if (p != end) return false;
    if (!scientific && significant <= 15 && exponent >= -22) {
        double magnitude = (double)mantissa / POWERS[-exponent];
        *value           = negative ? -magnitude : magnitude;
        return true;
    }
    char kept                = field->text[field->size]; /* a separator, or the NUL after the file */
    field->text[field->size] = 0;
    *value                   = strtod(field->text, NULL);
    field->text[field->size] = kept;
    return true;
}

static bool is_not_finite_word(const Field *field) {
    static const char *const WORDS[] = {"nan",       "inf",  "-inf", "+inf", "infinity",
                                        "-infinity", "null", "na",   "n/a",  "none"};
    for (size_t i = 0; i < sizeof WORDS / sizeof *WORDS; i++)
        if (strlen(WORDS[i]) == field->size && strncasecmp(WORDS[i], field->text, field->size) == 0) return true;
    return false;
}

/* What separates the columns of a line that was read as one field, or NULL: it begins with a number. */
static const char *other_separator(const Scanner *s) {
    static const struct {
        char        letter;
        const char *name;
    } SEPARATORS[] = {{';', "semicolons"}, {'\t', "tabs"}, {' ', "blanks"}};
    for (size_t i = 0; s->n_fields == 1 && i < sizeof SEPARATORS / sizeof *SEPARATORS; i++) {
        const char *end   = memchr(s->fields[0].text, SEPARATORS[i].letter, s->fields[0].size);
        Field       first = {s->fields[0].text, end ? (size_t)(end - s->fields[0].text) : 0};
        double      value;
        if (end && parse_number(&first, &value)) return SEPARATORS[i].name;
    }
    return NULL;
}

static nnrt_status fail_field(const Scanner *s, const nnrt_table *table, int64_t column) {
    const Field *field    = &s->fields[column];
    char         name[64] = "";
    int          shown    = field->size > QUOTE_SHOWN ? QUOTE_SHOWN : (int)field->size;
    if (table->names && column < table->n_columns) snprintf(name, sizeof name, " (%.50s)", table->names[column]);
    if (field->size == 0)
        return nnrt_fail(s->error, NNRT_BAD_DATA, "%s:%d: column %lld%s is empty: fill in a number or remove the row",
                         s->path, s->line, (long long)column + 1, name);
    double value;
    if (is_not_finite_word(field) || parse_number(field, &value))
        return nnrt_fail(s->error, NNRT_BAD_DATA,
                         "%s:%d: column %lld%s: '%.*s' is not a finite number: fill in a number or remove the row",
                         s->path, s->line, (long long)column + 1, name, shown, field->text);
    const char *separator = other_separator(s);
    if (separator)
        return nnrt_fail(s->error, NNRT_BAD_DATA,
                         "%s:%d: '%.*s': the columns are separated by %s where commas are needed: convert the file",
                         s->path, s->line, shown, field->text, separator);
    return nnrt_fail(s->error, NNRT_BAD_DATA,
                     "%s:%d: column %lld%s: '%.*s' is not a number: columns hold decimal numbers "
                     "(classes as 0, 1, 2, ...) separated by commas",
                     s->path, s->line, (long long)column + 1, name, shown, field->text);
}

static char **copy_names(const Field *fields, int64_t n) {
    char **names = calloc((size_t)n, sizeof *names);
    bool   whole = names != NULL;
    for (int64_t i = 0; whole && i < n; i++) whole = (names[i] = strndup(fields[i].text, fields[i].size)) != NULL;
    if (whole) return names;
    for (int64_t i = 0; names && i < n; i++) free(names[i]);
    free(names);
    return NULL;
}

static bool is_count(const Field *field, int64_t *value) {
    double number;
    if (!parse_number(field, &number) || number < 0 || number != floor(number) || number > 1e15) return false;
    *value = (int64_t)number;
    return true;
}

/* What the first record is: a header, scikit-learn's line, or data (false). `promised` gets scikit-learn's row
 * count. */
static bool take_first_line(Scanner *s, nnrt_table *table, int64_t *promised) {
    int64_t n_numbers = 0, n_features;
    double  value;
    for (int64_t i = 0; i < s->n_fields; i++)
        n_numbers += parse_number(&s->fields[i], &value) || is_not_finite_word(&s->fields[i]);
    if (n_numbers == 0) {
        table->n_columns = s->n_fields;
        table->names     = copy_names(s->fields, s->n_fields);
        if (!table->names) scan_fail_memory(s);
        return true;
    }
    bool names_classes =
        s->n_fields >= 3 && n_numbers == 2 && is_count(&s->fields[0], promised) && is_count(&s->fields[1], &n_features);
    if (!names_classes) return false;
    for (int64_t i = 2; i < s->n_fields; i++) names_classes &= s->fields[i].size > 0;
    if (!names_classes) return false;
    table->n_columns = n_features + 1;
    table->n_classes = s->n_fields - 2;
    table->classes   = copy_names(s->fields + 2, table->n_classes);
    if (!table->classes) scan_fail_memory(s);
    return true;
}

static bool reserve_row(nnrt_table *table, int64_t *capacity) {
    if (table->n_rows < *capacity) return true;
    int64_t wanted = *capacity ? 2 * *capacity : 256;
    double *values = realloc(table->values, (size_t)(wanted * table->n_columns) * sizeof *values);
    if (values) table->values = values;
    int32_t *lines = realloc(table->lines, (size_t)wanted * sizeof *lines);
    if (lines) table->lines = lines;
    if (!values || !lines) return false;
    *capacity = wanted;
    return true;
}

static void take_row(Scanner *s, nnrt_table *table, int64_t *capacity) {
    if (table->n_columns == 0) table->n_columns = s->n_fields;
    if (s->n_fields != table->n_columns) {
        s->status = nnrt_fail(
            s->error, NNRT_BAD_DATA, "%s:%d: the row has %lld column%s where %lld are expected: complete or remove it",
            s->path, s->line, (long long)s->n_fields, s->n_fields == 1 ? "" : "s", (long long)table->n_columns);
        return;
    }
    if (!reserve_row(table, capacity)) {
        scan_fail_memory(s);
        return;
    }
    double *row = table->values + table->n_rows * table->n_columns;
    for (int64_t i = 0; i < s->n_fields; i++) {
        if (parse_number(&s->fields[i], &row[i]) && isfinite(row[i])) continue;
        s->status = fail_field(s, table, i);
        return;
    }
    table->lines[table->n_rows++] = s->line;
}

nnrt_status nnrt_read_csv(const char *path, const nnrt_bytes *bytes, nnrt_table *table, nnrt_error *error) {
    *table           = (nnrt_table){0};
    char   *text     = (char *)bytes->data;
    Scanner s        = {.path = path, .at = text, .end = text + bytes->size, .next_line = 1, .error = error};
    int64_t promised = -1, capacity = 0;
    if (bytes->size >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) s.at += 3;
    bool more = scan_record(&s);
    if (more && take_first_line(&s, table, &promised)) more = scan_record(&s);
    while (more && s.status == NNRT_OK) {
        take_row(&s, table, &capacity);
        more = s.status == NNRT_OK && scan_record(&s);
    }
    free(s.fields);
    if (s.status == NNRT_OK && table->n_rows == 0)
        s.status = nnrt_fail(error, NNRT_BAD_DATA, "%s: has no rows of data", path);
    if (s.status == NNRT_OK && promised >= 0 && promised != table->n_rows)
        s.status =
            nnrt_fail(error, NNRT_BAD_DATA, "%s: its first line promises %lld rows, it has %lld: get the file again",
                      path, (long long)promised, (long long)table->n_rows);
    if (s.status != NNRT_OK) nnrt_table_free(table);
    return s.status;
}
