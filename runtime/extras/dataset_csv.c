/* Columns of a CSV to inputs. An input with a source says its columns itself. The others find theirs by name where the
 * header names every one of them, else by order among the columns that no source takes: the first fill the inputs and
 * the last the targets. */
#include <stdlib.h>
#include <string.h>

#include "core/element.h"
#include "core/instance.h"
#include "core/status.h"
#include "extras/dataset.h"
#include "extras/nearest.h"

typedef struct Mapping { /* of one input */
    bool     wanted;
    bool     is_named; /* its source names columns */
    int64_t  width;    /* columns a sample; -1: not known from the model alone */
    int64_t *columns;  /* width of them */
} Mapping;

typedef struct Mapper {
    nnrt_dataset     *set;
    const nnrt_model *model;
    const char       *path;
    nnrt_table       *table;
    Mapping          *maps;
    int64_t          *free; /* the columns that no source takes, ascending */
    int64_t           n_free;
    nnrt_error       *error;
} Mapper;

nnrt_status nnrt_sample_widths(const nnrt_model *model, int64_t *widths, nnrt_error *error) {
    int      sample  = nnrt_model_sample_dim(model);
    int64_t *symbols = calloc((size_t)model->n_symbols + 1, sizeof *symbols);
    int64_t *shapes  = calloc((size_t)model->n_shape_values + 1, sizeof *shapes);
    if (symbols && shapes) {
        for (int i = 0; i < model->n_symbols; i++) symbols[i] = 1;
        model->shapes(symbols, shapes);
        for (int i = 0; i < model->n_inputs; i++) {
            const nnrt_tensor *tensor = &model->inputs[i].tensor;
            widths[i]                 = nnrt_shape_count(shapes + tensor->shape_at, tensor->rank);
            if (sample < 0 || tensor->rank == 0 || tensor->symbol[0] != sample) widths[i] = -1;
            for (int axis = 1; axis < tensor->rank; axis++)
                if (tensor->symbol[axis] >= 0) widths[i] = -1;
            if (model->inputs[i].source.n_columns > 0) widths[i] = model->inputs[i].source.n_columns;
        }
    }
    nnrt_status status = symbols && shapes ? NNRT_OK : nnrt_fail_memory(error, 0, "columns");
    free(symbols);
    free(shapes);
    return status;
}

/* ---- names ------------------------------------------------------------------------------------------------------- */

static int64_t find_column(const nnrt_table *table, const char *name) {
    for (int64_t i = 0; table->names && i < table->n_columns; i++)
        if (strcmp(table->names[i], name) == 0) return i;
    return -1;
}

/* A source's column: a name of the header, or a number. */
static int64_t find_source_column(const nnrt_table *table, const char *name) {
    int64_t found = find_column(table, name);
    if (found >= 0 || name[strspn(name, "0123456789")] != 0) return found;
    long long number = strtoll(name, NULL, 10);
    return number < table->n_columns ? number : -1;
}

/* A column `x`, or `x_0` to `x_<width - 1>` as `predict` writes them. */
static bool map_by_name(const nnrt_table *table, const char *name, Mapping *map) {
    for (int64_t i = 0; i < map->width; i++) {
        char numbered[256];
        snprintf(numbered, sizeof numbered, "%.200s_%lld", name, (long long)i);
        map->columns[i] = map->width == 1 ? find_column(table, name) : -1;
        if (map->columns[i] < 0) map->columns[i] = find_column(table, numbered);
        if (map->columns[i] < 0) return false;
    }
    return true;
}

/* A column that was found by its name, the first of that name, must be the only one. */
static nnrt_status check_once(const Mapper *m, int64_t column) {
    char **names = m->table->names;
    for (int64_t i = column + 1; i < m->table->n_columns; i++)
        if (strcmp(names[i], names[column]) == 0)
            return nnrt_fail(m->error, NNRT_BAD_DATA,
                             "%s: columns %lld and %lld (from 0) are both named \"%.60s\": rename one", m->path,
                             (long long)column, (long long)i, names[column]);
    return NNRT_OK;
}

static const char *column_name(int i, const void *table) {
    return ((const nnrt_table *)table)->names[i];
}

static nnrt_status fail_source(const Mapper *m, int input, const char *column) {
    const nnrt_table *table = m->table;
    const char       *name  = m->model->inputs[input].tensor.name;
    if (column[strspn(column, "0123456789")] == 0)
        return nnrt_fail(m->error, NNRT_BAD_DATA, "%s: has %lld column%s; '%s' comes from column %s (the first is 0)",
                         m->path, (long long)table->n_columns, table->n_columns == 1 ? "" : "s", name, column);
    if (!table->names)
        return nnrt_fail(m->error, NNRT_BAD_DATA,
                         "%s: has no header, and '%s' comes from column \"%.60s\": add a first line with the columns' "
                         "names, or give their numbers from 0 in the model",
                         m->path, name, column);
    const char *near =
        table->n_columns <= 1000 ? nnrt_nearest(column, column_name, table, (int)table->n_columns) : NULL;
    return nnrt_fail(m->error, NNRT_BAD_DATA, "%s: has no column \"%.60s\", from which '%s' comes%s%.60s%s", m->path,
                     column, name, near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

/* Does the first line name anything that the model asks for? */
static bool names_some_input(const nnrt_model *model, const nnrt_table *table) {
    for (int i = 0; i < model->n_inputs; i++) {
        const nnrt_source *source = &model->inputs[i].source;
        const char        *name   = model->inputs[i].tensor.name;
        char               first[256];
        snprintf(first, sizeof first, "%.200s_0", name);
        if (source->kind == NNRT_FROM_NAME && (find_column(table, name) >= 0 || find_column(table, first) >= 0))
            return true;
        for (int64_t k = 0; k < source->n_columns; k++)
            if (find_column(table, source->columns[k]) >= 0) return true;
    }
    return false;
}

/* A first line of texts above columns of texts is a header where it names inputs, and where no input takes texts. */
void nnrt_settle_first_line(const nnrt_model *model, nnrt_table *table) {
    bool takes_texts = false;
    for (int i = 0; i < model->n_inputs; i++) takes_texts |= model->inputs[i].source.kind > NNRT_FROM_COLUMN;
    if (table->is_unsure) nnrt_table_settle(table, !takes_texts || names_some_input(model, table));
}

/* ---- sources ----------------------------------------------------------------------------------------------------- */

static nnrt_status map_source(const Mapper *m, int input) {
    const nnrt_source *source = &m->model->inputs[input].source;
    for (int64_t k = 0; k < source->n_columns; k++) {
        int64_t found = find_source_column(m->table, source->columns[k]);
        if (found < 0) return fail_source(m, input, source->columns[k]);
        m->maps[input].columns[k] = found;
        bool        is_by_name    = m->table->names && strcmp(m->table->names[found], source->columns[k]) == 0;
        nnrt_status status        = is_by_name ? check_once(m, found) : NNRT_OK;
        if (status != NNRT_OK) return status;
    }
    return NNRT_OK;
}

/* Columns that a source takes are not filled by order, also those of inputs that are not wanted now. */
static nnrt_status find_free_columns(Mapper *m) {
    bool *taken = calloc((size_t)m->table->n_columns + 1, sizeof *taken);
    if (!taken) return nnrt_fail_memory(m->error, 0, m->path);
    for (int i = 0; i < m->model->n_inputs; i++) {
        const nnrt_source *source = &m->model->inputs[i].source;
        for (int64_t k = 0; k < source->n_columns; k++) {
            int64_t found = find_source_column(m->table, source->columns[k]);
            if (found >= 0) taken[found] = true;
        }
    }
    for (int64_t i = 0; i < m->table->n_columns; i++)
        if (!taken[i]) m->free[m->n_free++] = i;
    free(taken);
    return NNRT_OK;
}

/* ---- names and order --------------------------------------------------------------------------------------------- */

/* Is this an input that looks for its columns by name or order? */
static bool is_plain(const Mapper *m, int input) {
    return !m->maps[input].is_named && m->model->inputs[input].source.kind == NNRT_FROM_NAME;
}

static bool wants_plain(const Mapper *m, int input) {
    return m->maps[input].wanted && is_plain(m, input);
}

static bool map_all_by_name(const Mapper *m) {
    for (int i = 0; i < m->model->n_inputs; i++)
        if (wants_plain(m, i) && !map_by_name(m->table, m->model->inputs[i].tensor.name, &m->maps[i])) return false;
    return m->table->names != NULL;
}

static nnrt_status check_all_once(const Mapper *m) {
    nnrt_status status = NNRT_OK;
    for (int i = 0; i < m->model->n_inputs; i++)
        for (int64_t k = 0; wants_plain(m, i) && k < m->maps[i].width && status == NNRT_OK; k++)
            status = check_once(m, m->maps[i].columns[k]);
    return status;
}

static nnrt_status fail_columns(const Mapper *m) {
    char   parts[300] = "";
    size_t used       = 0;
    for (int i = 0; i < m->model->n_inputs && used < sizeof parts; i++)
        if (wants_plain(m, i))
            used += (size_t)snprintf(parts + used, sizeof parts - used, "%s%lld for %s '%s'", used ? ", " : "",
                                     (long long)m->maps[i].width, m->model->inputs[i].is_target ? "target" : "input",
                                     m->model->inputs[i].tensor.name);
    return nnrt_fail(m->error, NNRT_BAD_DATA,
                     "%s: has %lld %scolumn%s; %s takes %s: remove or add columns, or name them in a header", m->path,
                     (long long)m->n_free, m->n_free < m->table->n_columns ? "other " : "", m->n_free == 1 ? "" : "s",
                     m->model->name, parts);
}

/* Inputs from the left, targets from the right. Surplus columns are an error, unless they can only be targets that
 * are not asked for. */
static nnrt_status map_by_order(const Mapper *m) {
    const nnrt_model *model  = m->model;
    int64_t           wanted = 0, with_targets = 0, left = 0;
    bool              targets_known = true;
    for (int i = 0; i < model->n_inputs; i++) {
        if (!is_plain(m, i)) continue;
        bool counts = m->maps[i].wanted || model->inputs[i].is_target;
        targets_known &= !counts || m->maps[i].width >= 0;
        if (m->maps[i].wanted) wanted += m->maps[i].width;
        if (counts) with_targets += m->maps[i].width;
    }
    if (m->n_free != wanted && !(targets_known && m->n_free == with_targets)) return fail_columns(m);
    int64_t right = m->n_free;
    for (int i = model->n_inputs - 1; i >= 0; i--) {
        Mapping *map = &m->maps[i];
        if (!is_plain(m, i) || !model->inputs[i].is_target || map->width < 0) continue;
        if (!map->wanted && m->n_free == wanted) continue;
        right -= map->width;
        for (int64_t k = 0; map->wanted && k < map->width; k++) map->columns[k] = m->free[right + k];
    }
    for (int i = 0; i < model->n_inputs; i++)
        for (int64_t k = 0; wants_plain(m, i) && !model->inputs[i].is_target && k < m->maps[i].width; k++)
            m->maps[i].columns[k] = m->free[left++];
    return NNRT_OK;
}

/* A header that names some inputs must not contradict the order, which the rest goes by. */
static nnrt_status check_names(const Mapper *m) {
    const char *named = NULL, *unnamed = NULL;
    for (int i = 0; i < m->model->n_inputs; i++) {
        Mapping found = {.width = m->maps[i].width};
        if (!wants_plain(m, i)) continue;
        found.columns = malloc(((size_t)found.width + 1) * sizeof *found.columns);
        if (!found.columns) return nnrt_fail_memory(m->error, 0, m->path);
        const char *name = m->model->inputs[i].tensor.name;
        if (!map_by_name(m->table, name, &found))
            unnamed = unnamed ? unnamed : name;
        else if (memcmp(found.columns, m->maps[i].columns, (size_t)found.width * sizeof *found.columns) != 0)
            named = name;
        free(found.columns);
    }
    if (!named || !unnamed) return NNRT_OK;
    return nnrt_fail(m->error, NNRT_BAD_DATA,
                     "%s: its header names '%s' but not '%s': name the columns of every input, or put the inputs "
                     "first and the targets last",
                     m->path, named, unnamed);
}

static nnrt_status map_plain(const Mapper *m) {
    bool some = false;
    for (int i = 0; i < m->model->n_inputs; i++) {
        some |= wants_plain(m, i);
        if (!wants_plain(m, i) || m->maps[i].width >= 0) continue;
        const nnrt_tensor *tensor = &m->model->inputs[i].tensor;
        return nnrt_fail(m->error, NNRT_BAD_DATA,
                         "%s: the columns of '%s' (%s%s) cannot be told from the model: give --data %s=FILE", m->path,
                         tensor->name, nnrt_elem_name(tensor->elem), tensor->shape_text, tensor->name);
    }
    if (!some) return NNRT_OK;
    if (map_all_by_name(m)) return check_all_once(m);
    nnrt_status status = map_by_order(m);
    return status == NNRT_OK && m->table->names ? check_names(m) : status;
}

/* ---- all of it --------------------------------------------------------------------------------------------------- */

static nnrt_status prepare(Mapper *m, const bool *needed) {
    int64_t *widths    = calloc((size_t)m->model->n_inputs + 1, sizeof *widths);
    m->maps            = calloc((size_t)m->model->n_inputs + 1, sizeof *m->maps);
    m->free            = calloc((size_t)m->table->n_columns + 1, sizeof *m->free);
    nnrt_status status = widths && m->maps && m->free ? NNRT_OK : nnrt_fail_memory(m->error, 0, "columns");
    if (status == NNRT_OK) status = nnrt_sample_widths(m->model, widths, m->error);
    for (int i = 0; i < m->model->n_inputs && status == NNRT_OK; i++) {
        const nnrt_column *column = &m->set->columns[i];
        m->maps[i]                = (Mapping){.wanted   = needed[i] && !column->array.data && !column->texts.text,
                                              .is_named = m->model->inputs[i].source.n_columns > 0,
                                              .width    = widths[i]};
        if (!m->maps[i].wanted || widths[i] < 0) continue;
        m->maps[i].columns = malloc(((size_t)widths[i] + 1) * sizeof *m->maps[i].columns);
        if (!m->maps[i].columns) status = nnrt_fail_memory(m->error, 0, m->path);
    }
    free(widths);
    return status;
}

static nnrt_status map_and_fill(Mapper *m, const bool *needed) {
    nnrt_status status = prepare(m, needed);
    for (int i = 0; i < m->model->n_inputs && status == NNRT_OK; i++)
        if (m->maps[i].wanted && m->maps[i].is_named) status = map_source(m, i);
    if (status == NNRT_OK) status = find_free_columns(m);
    if (status == NNRT_OK) status = map_plain(m);
    for (int i = 0; i < m->model->n_inputs && status == NNRT_OK; i++) {
        if (!m->maps[i].wanted || !m->maps[i].columns) continue;
        int64_t *columns   = m->maps[i].columns;
        m->maps[i].columns = NULL;
        status             = nnrt_dataset_fill(m->set, i, m->path, m->table, columns, m->maps[i].width, m->error);
    }
    return status;
}

/* A file for one input alone: all of its columns, where they are as many as the input takes. */
static nnrt_status fill_only(Mapper *m, int input) {
    const nnrt_source *source = &m->model->inputs[input].source;
    bool               all    = source->n_columns == 0 || source->n_columns == m->table->n_columns;
    if (all) return nnrt_dataset_fill(m->set, input, m->path, m->table, NULL, m->table->n_columns, m->error);
    Mapping *maps = calloc((size_t)m->model->n_inputs + 1, sizeof *maps);
    m->maps       = maps;
    if (maps) maps[input].columns = malloc((size_t)source->n_columns * sizeof *maps[input].columns);
    if (!maps || !maps[input].columns) return nnrt_fail_memory(m->error, 0, m->path);
    nnrt_status status = map_source(m, input);
    if (status != NNRT_OK) return status;
    int64_t *columns    = maps[input].columns;
    maps[input].columns = NULL;
    return nnrt_dataset_fill(m->set, input, m->path, m->table, columns, source->n_columns, m->error);
}

nnrt_status nnrt_dataset_from_table(nnrt_dataset *set, const char *path, nnrt_table *table, const bool *needed,
                                    int only_input, nnrt_error *error) {
    Mapper m = {.set = set, .model = set->model, .path = path, .table = table, .error = error};
    nnrt_settle_first_line(m.model, table);
    nnrt_status status = only_input >= 0 ? fill_only(&m, only_input) : map_and_fill(&m, needed);
    for (int i = 0; m.maps && i < m.model->n_inputs; i++) free(m.maps[i].columns);
    free(m.maps);
    free(m.free);
    return status;
}
