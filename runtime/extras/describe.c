#include "extras/describe.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/element.h"
#include "core/status.h"
#include "extras/media.h"
#include "extras/vocabulary.h"

enum { SHOWN_TEXTS = 4, VALUES_WIDTH = 60, MARGIN = 24, MAX_COLUMNS = 100 /* listed; more are cut */ };

typedef struct Summary { /* of numbers */
    int64_t n, n_missing, n_texts;
    double  low, high, mean;
    bool    whole;
} Summary;

static void add_number(Summary *s, double value) {
    if (s->n == 0) s->low = s->high = value, s->whole = true;
    if (value < s->low) s->low = value;
    if (value > s->high) s->high = value;
    s->whole &= value == floor(value);
    s->mean += (value - s->mean) / (double)++s->n;
}

static void numbers_text(const Summary *s, char *text, size_t size) {
    snprintf(text, size, "%s%.6g to %.6g, mean %.4g", s->whole ? "whole, " : "", s->low, s->high, s->mean);
}

/* ---- which inputs ------------------------------------------------------------------------------------------------ */

static bool comes_from(const nnrt_dataset *set, int input, const char *path) {
    const nnrt_column *column = &set->columns[input];
    bool               found  = column->array.data && column->array.source && strcmp(column->array.source, path) == 0;
    for (int i = 0; i < column->n_parts; i++) found |= strcmp(column->parts[i].path, path) == 0;
    return found;
}

static size_t add_name(const nnrt_model *model, int input, char *text, size_t size, size_t used) {
    if (used >= size) return used;
    return used + (size_t)snprintf(text + used, size - used, "%s%s%s", used ? ", " : "",
                                   model->inputs[input].is_target ? "target " : "", model->inputs[input].tensor.name);
}

/* The inputs that a column of this file fills: "x", "target y", or "". */
static const char *filled_by(const nnrt_model *model, const nnrt_dataset *set, const char *path, int64_t column,
                             char *text, size_t size) {
    size_t used = 0;
    text[0]     = 0;
    for (int i = 0; set->columns && i < model->n_inputs; i++) {
        const nnrt_column *data  = &set->columns[i];
        bool               found = false;
        if (!comes_from(set, i, path) || !data->array.lines) continue;
        for (int64_t k = 0; k < data->n_columns && !found; k++) found = nnrt_column_number(data, k) == column;
        if (found) used = add_name(model, i, text, size, used);
    }
    return text;
}

/* ---- tables ------------------------------------------------------------------------------------------------------ */

/* "3 texts: S 644, C 168, Q 77": as many as there is room for. */
static void vocabulary_text(const nnrt_vocabulary *v, char *text, size_t size) {
    bool    repeat = v->n_texts > 0 && v->counts[0] > 1;
    int64_t shown  = 0;
    size_t  used   = (size_t)snprintf(text, size, "%lld text%s%s", (long long)v->n_texts, v->n_texts == 1 ? "" : "s",
                                   repeat ? "" : ", all different");
    for (; shown < v->n_texts && shown < SHOWN_TEXTS && used + MARGIN < VALUES_WIDTH; shown++) {
        used += (size_t)snprintf(text + used, size - used, "%s%.30s", shown ? ", " : ": ", v->texts[shown]);
        if (repeat) used += (size_t)snprintf(text + used, size - used, " %lld", (long long)v->counts[shown]);
    }
    if (shown < v->n_texts) snprintf(text + used, size - used, ", ...");
    for (char *p = text; *p; p++)
        if ((unsigned char)*p < ' ') *p = ' ';
}

static nnrt_status texts_text(const char *path, const nnrt_table *table, int64_t column, char *text, size_t size,
                              nnrt_error *error) {
    nnrt_texts      texts      = {0};
    nnrt_vocabulary vocabulary = {0};
    nnrt_status     status     = nnrt_texts_take(&texts, table, column, NNRT_FROM_CATEGORY, path, error);
    if (status == NNRT_OK && !nnrt_vocabulary_of(&vocabulary, &texts, NNRT_FROM_CATEGORY))
        status = nnrt_fail_memory(error, 0, path);
    if (status == NNRT_OK) vocabulary_text(&vocabulary, text, size);
    nnrt_vocabulary_free(&vocabulary);
    nnrt_texts_free(&texts);
    return status;
}

static nnrt_status summarise(const nnrt_table *table, Summary *summaries, const char *path, nnrt_error *error) {
    nnrt_field *fields = malloc(((size_t)table->n_columns + 1) * sizeof *fields);
    if (!fields) return nnrt_fail_memory(error, 0, path);
    for (int64_t row = 0; row < table->n_rows; row++) {
        nnrt_table_row(table, row, fields);
        for (int64_t i = 0; i < table->n_columns; i++) {
            double value;
            if (nnrt_is_missing(&fields[i]))
                summaries[i].n_missing++;
            else if (nnrt_parse_number(&fields[i], &value) && isfinite(value))
                add_number(&summaries[i], value);
            else
                summaries[i].n_texts++;
        }
    }
    free(fields);
    return NNRT_OK;
}

static nnrt_status print_columns(FILE *out, const char *path, const nnrt_table *table, const nnrt_model *model,
                                 const nnrt_dataset *set, nnrt_error *error) {
    Summary    *summaries = calloc((size_t)table->n_columns + 1, sizeof *summaries);
    nnrt_status status    = summaries ? summarise(table, summaries, path, error) : nnrt_fail_memory(error, 0, path);
    if (status == NNRT_OK) fprintf(out, "  %-20s %-60s %8s  %s\n", "column", "values", "missing", "fills");
    for (int64_t i = 0; i < table->n_columns && i < MAX_COLUMNS && status == NNRT_OK; i++) {
        const Summary *s = &summaries[i];
        char           name[64], values[400] = "none", fills[200];
        snprintf(name, sizeof name, table->names ? "%lld %.50s" : "%lld", (long long)i,
                 table->names ? table->names[i] : "");
        if (s->n_texts > 0)
            status = texts_text(path, table, i, values, sizeof values, error);
        else if (s->n > 0)
            numbers_text(s, values, sizeof values);
        fprintf(out, "  %-20s %-60s %8lld  %s\n", name, values, (long long)s->n_missing,
                filled_by(model, set, path, i, fills, sizeof fills));
    }
    if (status == NNRT_OK && table->n_columns > MAX_COLUMNS)
        fprintf(out, "  and %lld more\n", (long long)(table->n_columns - MAX_COLUMNS));
    free(summaries);
    return status;
}

static nnrt_status describe_table(FILE *out, const char *path, bool media, const nnrt_table *table,
                                  const nnrt_model *model, const nnrt_dataset *set, nnrt_error *error) {
    if (media) {
        fprintf(out, "%s: %lld file%s\n", path, (long long)table->n_rows, table->n_rows == 1 ? "" : "s");
        return print_columns(out, path, table, model, set, error);
    }
    fprintf(out, "%s: CSV, %lld row%s of %lld column%s", path, (long long)table->n_rows, table->n_rows == 1 ? "" : "s",
            (long long)table->n_columns, table->n_columns == 1 ? "" : "s");
    if (table->n_columns > 1) fprintf(out, " between %ss", nnrt_delimiter_name(table->delimiter));
    fprintf(out, ", %s\n", table->names ? "with a header" : "no header");
    if (table->title) fprintf(out, "  skipped, its first line: %.60s\n", table->title);
    if (table->classes) {
        fprintf(out, "  classes, from its first line:");
        for (int64_t i = 0; i < table->n_classes && i < MAX_COLUMNS; i++)
            fprintf(out, " %lld %s", (long long)i, table->classes[i]);
        fputc('\n', out);
    }
    return print_columns(out, path, table, model, set, error);
}

/* ---- arrays ------------------------------------------------------------------------------------------------------ */

/* Is array k of a file this input's? */
static bool is_array_of(const nnrt_content *content, int k, const nnrt_input *input) {
    const char *name = content->arrays[k].name;
    return !name || strcmp(name, input->tensor.name) == 0 || (content->is_pair && k == input->is_target);
}

static void describe_array(FILE *out, const char *path, const nnrt_content *content, int k, const nnrt_model *model,
                           const nnrt_dataset *set) {
    const nnrt_array *array = &content->arrays[k];
    Summary           s     = {0};
    char              shape[160], values[200] = "none", type[200], fills[200] = "";
    size_t            used = 0;
    for (int64_t i = 0; i < array->count; i++) {
        double value = nnrt_elem_get(array->elem, array->data, i);
        if (isfinite(value))
            add_number(&s, value);
        else
            s.n_missing++;
    }
    if (s.n > 0) numbers_text(&s, values, sizeof values);
    for (int i = 0; set->columns && i < model->n_inputs; i++)
        if (comes_from(set, i, path) && is_array_of(content, k, &model->inputs[i]))
            used = add_name(model, i, fills, sizeof fills, used);
    snprintf(type, sizeof type, "%s%s", nnrt_elem_name(array->elem),
             nnrt_shape_text(array->shape, array->rank, shape, sizeof shape));
    fprintf(out, "  %-20s %-24s %-35s %8lld  %s\n", array->name ? array->name : "", type, values,
            (long long)s.n_missing, fills);
}

static void describe_arrays(FILE *out, const char *path, const nnrt_content *content, const nnrt_model *model,
                            const nnrt_dataset *set) {
    fprintf(out, "%s: %s, %d array%s\n", path, content->format, content->n_arrays, content->n_arrays == 1 ? "" : "s");
    fprintf(out, "  %-20s %-24s %-35s %8s  %s\n", "array", "type", "values", "missing", "fills");
    for (int i = 0; i < content->n_arrays; i++) describe_array(out, path, content, i, model, set);
}

nnrt_status nnrt_describe_file(FILE *out, const char *path, const nnrt_model *model, const nnrt_dataset *set,
                               nnrt_error *error) {
    nnrt_content content = {.format = "files"};
    bool         media   = nnrt_takes_media(model) && nnrt_is_media(path);
    nnrt_status  status =
        media ? nnrt_list_media(path, &content.table, error) : nnrt_read_content(path, &content, error);
    if (status != NNRT_OK) return status;
    if (content.n_arrays > 0) {
        describe_arrays(out, path, &content, model, set);
    } else {
        nnrt_settle_first_line(model, &content.table);
        status = describe_table(out, path, media, &content.table, model, set, error);
    }
    nnrt_content_free(&content);
    return status;
}
