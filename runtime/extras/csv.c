/* A CSV file to a table: its header, scikit-learn's first line, rows of equal length. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"
#include "extras/csv_scan.h"

enum { LOOKED_AT = 100 /* rows that tell whether a column holds numbers */ };

void nnrt_table_free(nnrt_table *table) {
    for (int64_t i = 0; table->names && i < table->n_columns; i++) free(table->names[i]);
    for (int64_t i = 0; table->classes && i < table->n_classes; i++) free(table->classes[i]);
    free(table->names);
    free(table->classes);
    free(table->text);
    free(table->starts);
    free(table->lines);
    free(table->title);
    *table = (nnrt_table){0};
}

void nnrt_table_row(const nnrt_table *table, int64_t row, nnrt_field *fields) {
    char *at = table->text + table->starts[row];
    for (int64_t i = 0; i < table->n_columns; i++) {
        char *start = at;
        at          = strchr(at, i + 1 < table->n_columns ? NNRT_CELL_END : NNRT_ROW_END);
        fields[i]   = (nnrt_field){start, (size_t)(at - start)};
        at++;
    }
}

const char *nnrt_delimiter_name(char delimiter) {
    return delimiter == ',' ? "comma" : delimiter == ';' ? "semicolon" : delimiter == '\t' ? "tab" : "blank";
}

/* ---- rows -------------------------------------------------------------------------------------------------------- */

static bool add_row(nnrt_table *table, const nnrt_scanner *s, int64_t *capacity) {
    if (table->n_rows == *capacity) {
        int64_t wanted = *capacity ? 2 * *capacity : 256;
        size_t *starts = realloc(table->starts, (size_t)wanted * sizeof *starts);
        if (starts) table->starts = starts;
        int32_t *lines = realloc(table->lines, (size_t)wanted * sizeof *lines);
        if (lines) table->lines = lines;
        if (!starts || !lines) return false;
        *capacity = wanted;
    }
    table->starts[table->n_rows]  = (size_t)(s->record - table->text);
    table->lines[table->n_rows++] = s->line;
    return true;
}

static void drop_first_row(nnrt_table *table) {
    table->n_rows--;
    memmove(table->starts, table->starts + 1, (size_t)table->n_rows * sizeof *table->starts);
    memmove(table->lines, table->lines + 1, (size_t)table->n_rows * sizeof *table->lines);
}

/* Is the first line, a single text, the title of rows that have several columns? */
static bool is_title(const nnrt_table *table, const nnrt_scanner *s) {
    if (table->n_rows != 1 || table->n_columns != 1 || s->n_fields == 1) return false;
    nnrt_field field;
    double     value;
    nnrt_table_row(table, 0, &field);
    return !nnrt_parse_number(&field, &value);
}

static bool is_count(const nnrt_field *field, int64_t *value) {
    double number;
    if (!nnrt_parse_number(field, &number) || number < 0 || number != floor(number) || number > 1e15) return false;
    *value = (int64_t)number;
    return true;
}

static char **copy_names(const nnrt_field *fields, int64_t n) {
    char **names = calloc((size_t)n + 1, sizeof *names);
    bool   whole = names != NULL;
    for (int64_t i = 0; whole && i < n; i++) whole = (names[i] = strndup(fields[i].text, fields[i].size)) != NULL;
    if (whole) return names;
    for (int64_t i = 0; names && i < n; i++) free(names[i]);
    free(names);
    return NULL;
}

/* `rows,features,name,...` before records of features + 1 cells; `promised` gets the rows. */
static bool is_class_line(const nnrt_table *table, const nnrt_scanner *s, const nnrt_field *fields, int64_t *promised) {
    int64_t n_features;
    double  value;
    bool    found = table->n_columns >= 3 && is_count(&fields[0], promised) && is_count(&fields[1], &n_features) &&
                 n_features + 1 == s->n_fields;
    for (int64_t i = 2; found && i < table->n_columns; i++)
        found = fields[i].size > 0 && !nnrt_parse_number(&fields[i], &value);
    return found;
}

/* The second record, which was just read, shows what the first one was. */
static nnrt_status judge_first_line(nnrt_table *table, const nnrt_scanner *s, int64_t *promised) {
    nnrt_field *fields = malloc((size_t)table->n_columns * sizeof *fields);
    if (!fields) return nnrt_fail_memory(s->error, 0, s->path);
    nnrt_table_row(table, 0, fields);
    bool title = is_title(table, s), classes = is_class_line(table, s, fields, promised);
    if (title) table->title = strndup(fields[0].text, fields[0].size);
    if (classes) table->classes = copy_names(fields + 2, table->n_columns - 2);
    free(fields);
    if ((title && !table->title) || (classes && !table->classes)) return nnrt_fail_memory(s->error, 0, s->path);
    if (!title && !classes) return NNRT_OK;
    table->n_classes = classes ? table->n_columns - 2 : 0;
    table->n_rows    = 0;
    table->n_columns = s->n_fields;
    return NNRT_OK;
}

static nnrt_status read_rows(nnrt_scanner *s, nnrt_table *table, int64_t *promised) {
    int64_t capacity = 0, n_records = 0;
    while (nnrt_scan_record(s)) {
        if (++n_records == 1) table->n_columns = s->n_fields;
        nnrt_status status = n_records == 2 ? judge_first_line(table, s, promised) : NNRT_OK;
        if (status != NNRT_OK) return status;
        if (s->n_fields != table->n_columns)
            return nnrt_fail(s->error, NNRT_BAD_DATA,
                             "%s:%d: the row has %lld column%s where %lld are expected: complete or remove it", s->path,
                             s->line, (long long)s->n_fields, s->n_fields == 1 ? "" : "s", (long long)table->n_columns);
        if (!add_row(table, s, &capacity)) return nnrt_fail_memory(s->error, 0, s->path);
    }
    return s->status;
}

/* ---- the header -------------------------------------------------------------------------------------------------- */

static bool is_number(const nnrt_field *field) {
    double value;
    return nnrt_parse_number(field, &value);
}

/* Below the first row: does column i hold a number, and a text? */
static void look_below(const nnrt_table *table, nnrt_field *fields, bool *has_number, bool *has_text) {
    int64_t n = table->n_rows < LOOKED_AT ? table->n_rows : LOOKED_AT;
    for (int64_t row = 1; row < n; row++) {
        nnrt_table_row(table, row, fields);
        for (int64_t i = 0; i < table->n_columns; i++) {
            bool number = is_number(&fields[i]);
            has_number[i] |= number;
            has_text[i] |= !number && !nnrt_is_missing(&fields[i]);
        }
    }
}

static bool may_be_header(const nnrt_table *table, const nnrt_field *fields) {
    for (int64_t i = 0; i < table->n_columns; i++)
        if (is_number(&fields[i]) || (fields[i].size > 0 && nnrt_is_missing(&fields[i]))) return false;
    return true;
}

/* A first line without numbers is a header; where no column has numbers below it that is a guess. */
static nnrt_status take_header(nnrt_table *table, const char *path, nnrt_error *error) {
    size_t      n          = (size_t)table->n_columns + 1;
    nnrt_field *fields     = malloc(n * sizeof *fields);
    bool       *has_number = calloc(2 * n, sizeof *has_number), *has_text = has_number ? has_number + n : NULL;
    bool        whole = fields && has_number;
    if (whole) nnrt_table_row(table, 0, fields);
    if (whole && !table->classes && may_be_header(table, fields)) {
        nnrt_field *first = &fields[0]; /* "# name" is a name, too */
        for (; first->size > 0 && (*first->text == '#' || *first->text == ' '); first->size--) first->text++;
        table->names     = copy_names(fields, table->n_columns);
        table->is_unsure = true;
        whole            = table->names != NULL;
        look_below(table, fields, has_number, has_text);
        for (int64_t i = 0; whole && i < table->n_columns; i++)
            if (has_number[i] && !has_text[i]) nnrt_table_settle(table, true);
    }
    free(fields);
    free(has_number);
    return whole ? NNRT_OK : nnrt_fail_memory(error, 0, path);
}

void nnrt_table_settle(nnrt_table *table, bool is_header) {
    if (!table->is_unsure) return;
    table->is_unsure = false;
    if (is_header) {
        drop_first_row(table);
        return;
    }
    for (int64_t i = 0; i < table->n_columns; i++) free(table->names[i]);
    free(table->names);
    table->names = NULL;
}

nnrt_status nnrt_read_csv(const char *path, nnrt_bytes *bytes, nnrt_table *table, nnrt_error *error) {
    size_t  mark        = bytes->size >= 3 && memcmp(bytes->data, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    int64_t promised    = -1;
    *table              = (nnrt_table){.text = (char *)bytes->data};
    bytes->data         = NULL;
    table->delimiter    = nnrt_find_delimiter(table->text + mark, bytes->size - mark);
    nnrt_scanner s      = {.path      = path,
                           .at        = table->text + mark,
                           .end       = table->text + bytes->size,
                           .out       = table->text,
                           .delimiter = table->delimiter,
                           .next_line = 1,
                           .error     = error};
    nnrt_status  status = read_rows(&s, table, &promised);
    if (status == NNRT_OK && table->n_rows == 0)
        status = nnrt_fail(error, NNRT_BAD_DATA, "%s: has no rows of data", path);
    if (status == NNRT_OK && table->classes && promised != table->n_rows)
        status =
            nnrt_fail(error, NNRT_BAD_DATA, "%s: its first line promises %lld rows, it has %lld: get the file again",
                      path, (long long)promised, (long long)table->n_rows);
    if (status == NNRT_OK) status = take_header(table, path, error);
    if (status != NNRT_OK) nnrt_table_free(table);
    return status;
}
