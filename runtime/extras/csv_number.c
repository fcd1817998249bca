/* Cells of a CSV as numbers. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/status.h"
#include "extras/table.h"

enum { SHOWN = 40 /* characters of an offending cell in a message */ };

static const double POWERS[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

/* Up to 15 digits and a power of ten that a double holds exactly are one correctly rounded operation (Clinger, "How to
 * read floating point numbers accurately", 1990); the rest is strtod's. */
bool nnrt_parse_number(const nnrt_field *field, double *value) {
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
    char kept                = field->text[field->size]; /* what ends the cell */
    field->text[field->size] = 0;
    *value                   = strtod(field->text, NULL);
    field->text[field->size] = kept;
    return true;
}

static bool is_one_of(const nnrt_field *field, const char *const *words, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (strlen(words[i]) == field->size && strncasecmp(words[i], field->text, field->size) == 0) return true;
    return false;
}

bool nnrt_is_missing(const nnrt_field *field) {
    static const char *const WORDS[] = {"", "?", "na", "n/a", "nan", "null"};
    return field->size <= 4 && is_one_of(field, WORDS, sizeof WORDS / sizeof *WORDS);
}

static bool is_infinity(const nnrt_field *field) {
    static const char *const WORDS[] = {"inf", "-inf", "+inf", "infinity", "-infinity", "+infinity"};
    return is_one_of(field, WORDS, sizeof WORDS / sizeof *WORDS);
}

/* 1,5 or 1.234,5 */
static bool has_decimal_comma(const nnrt_field *field) {
    size_t n_digits = 0, n_commas = 0;
    for (size_t i = 0; i < field->size; i++) {
        char c = field->text[i];
        n_digits += c >= '0' && c <= '9';
        n_commas += c == ',';
        if ((c < '0' || c > '9') && !strchr(",.-+eE", c)) return false;
    }
    return n_commas == 1 && n_digits > 1;
}

nnrt_status nnrt_fail_cell(const char *path, const nnrt_table *table, int64_t row, int64_t column,
                           const nnrt_field *field, nnrt_error *error) {
    char   name[64] = "", place[80];
    int    shown    = field->size > SHOWN ? SHOWN : (int)field->size;
    double value;
    if (table->names) snprintf(name, sizeof name, " (%.50s)", table->names[column]);
    snprintf(place, sizeof place, "%d: column %lld", table->lines[row], (long long)column + 1);
    if (nnrt_is_missing(field)) {
        char what[16] = "is empty";
        if (field->size > 0) snprintf(what, sizeof what, "is '%.*s'", shown, field->text);
        return nnrt_fail(
            error, NNRT_BAD_DATA,
            "%s:%s%s %s, a missing number: say in the model what it becomes, as in 'from column(\"%.40s\", "
            "missing = mean)', or remove the row",
            path, place, name, what, table->names ? table->names[column] : "name");
    }
    if (is_infinity(field) || nnrt_parse_number(field, &value))
        return nnrt_fail(error, NNRT_BAD_DATA,
                         "%s:%s%s: '%.*s' is not a finite number: fill in a number or remove the row", path, place,
                         name, shown, field->text);
    if (has_decimal_comma(field))
        return nnrt_fail(error, NNRT_BAD_DATA,
                         "%s:%s%s: '%.*s' has a decimal comma: write numbers with a point, as in 1.5", path, place,
                         name, shown, field->text);
    return nnrt_fail(error, NNRT_BAD_DATA,
                     "%s:%s%s: '%.*s' is not a number: give texts to an input 'from category(...)', or write classes "
                     "as 0, 1, 2, ...",
                     path, place, name, shown, field->text);
}
