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

/* `rows,features,name,...` before records of features + 1 cells; promised gets the rows. */
static bool names_classes(nnrt_table *table, const nnrt_scanner *s, int64_t *promised) {
    if (table->n_rows != 1 || table->n_columns < 3) return false;
    nnrt_field *fields = malloc((size_t)table->n_columns * sizeof *fields);
    int64_t     n_features;
    if (!fields) return false;
    nnrt_table_row(table, 0, fields);
    bool   found = is_count(&fields[0], promised) && is_count(&fields[1], &n_features) && n_features + 1 == s->n_fields;
    double value;
    for (int64_t i = 2; found && i < table->n_columns; i++)
        found = fields[i].size > 0 && !nnrt_parse_number(&fields[i], &value);
    if (found) {
        table->classes   = copy_names(fields + 2, table->n_columns - 2);
        table->n_classes = table->classes ? table->n_columns - 2 : 0;
    }
    free(fields);
    return found && table->classes;
}

/* The second record shows what the first one was. */
static void judge_first_line(nnrt_table *table, const nnrt_scanner *s, int64_t *promised) {
    bool title = is_title(table, s);
    if (title) {
        nnrt_field field;
        nnrt_table_row(table, 0, &field);
        table->title = strndup(field.text, field.size);
    }
    if (!title && !names_classes(table, s, promised)) return;
    table->n_rows    = 0;
    table->n_columns = s->n_fields;
}

static nnrt_status read_rows(nnrt_scanner *s, nnrt_table *table, int64_t *promised) {
    int64_t capacity = 0, n_records = 0;
    while (nnrt_scan_record(s)) {
        if (++n_records == 1) table->n_columns = s->n_fields;
        if (n_records == 2) judge_first_line(table, s, promised);
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

/* Has some column numbers below its first row, and nothing else but missing ones? */
static bool has_numbers_below(const nnrt_table *table, nnrt_field *fields, bool *is_text) {
    int64_t n       = table->n_rows < LOOKED_AT ? table->n_rows : LOOKED_AT;
    bool   *numbers = calloc((size_t)table->n_columns, sizeof *numbers);
    bool    found   = false;
    for (int64_t row = 1; numbers && row < n; row++) {
        nnrt_table_row(table, row, fields);
        for (int64_t i = 0; i < table->n_columns; i++) {
            bool number = is_number(&fields[i]);
            numbers[i] |= number;
            is_text[i] |= !number && !nnrt_is_missing(&fields[i]);
        }
    }
    for (int64_t i = 0; numbers && i < table->n_columns; i++) found |= numbers[i] && !is_text[i];
    free(numbers);
    return found;
}

/* A first line without numbers is a header; where no column has numbers below it that is a guess. */
static nnrt_status take_header(nnrt_table *table, const char *path, nnrt_error *error) {
    nnrt_field *fields  = malloc(((size_t)table->n_columns + 1) * sizeof *fields);
    bool       *is_text = calloc((size_t)table->n_columns + 1, sizeof *is_text);
    bool        header  = fields && is_text && table->n_rows > 0 && !table->classes;
    if (header) nnrt_table_row(table, 0, fields);
    for (int64_t i = 0; header && i < table->n_columns; i++)
        header = !is_number(&fields[i]) && !(fields[i].size > 0 && nnrt_is_missing(&fields[i]));
    nnrt_status status = fields && is_text ? NNRT_OK : nnrt_fail_memory(error, 0, path);
    if (header) {
        for (; fields[0].size > 0 && (*fields[0].text == '#' || *fields[0].text == ' '); fields[0].size--)
            fields[0].text++;
        table->names     = copy_names(fields, table->n_columns);
        table->is_unsure = true;
        if (!table->names) status = nnrt_fail_memory(error, 0, path);
        if (table->names && has_numbers_below(table, fields, is_text)) nnrt_table_settle(table, true);
    }
    free(fields);
    free(is_text);
    return status;
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
