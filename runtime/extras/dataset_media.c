/* Inputs whose samples are files: the paths that a table gives become arrays. */
#include "extras/media.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/instance.h"
#include "core/status.h"

#pragma weak nnrt_picture_read
#pragma weak nnrt_sound_read

static bool is_media_source(const nnrt_input *input) {
    return input->source.kind == NNRT_FROM_IMAGE || input->source.kind == NNRT_FROM_WAV;
}

bool nnrt_takes_media(const nnrt_model *model) {
    for (int i = 0; i < model->n_inputs; i++)
        if (is_media_source(&model->inputs[i])) return true;
    return false;
}

/* ---- paths ------------------------------------------------------------------------------------------------------- */

/* Bytes of `list` before the names of its files: the folder itself, or the folder that a list stands in. */
static size_t base_size(const char *list) {
    struct stat info;
    const char *slash = strrchr(list, '/');
    if (stat(list, &info) == 0 && S_ISDIR(info.st_mode)) return strlen(list);
    return slash ? (size_t)(slash - list) : 0;
}

nnrt_status nnrt_media_paths(nnrt_texts *texts, const char *list, const int32_t *lines, nnrt_error *error) {
    size_t  base   = base_size(list);
    size_t *starts = malloc(((size_t)texts->n + 1) * sizeof *starts);
    char   *text = malloc(texts->starts[texts->n] + (size_t)texts->n * (base + 1) + 1), *out = text;
    if (!starts || !text) {
        free(starts);
        free(text);
        return nnrt_fail_memory(error, 0, list);
    }
    for (int64_t i = 0; i < texts->n; i++) {
        nnrt_field name = nnrt_texts_at(texts, i);
        starts[i]       = (size_t)(out - text);
        if (name.size == 0 || memchr(name.text, 0, name.size)) {
            free(starts);
            free(text);
            return nnrt_fail(error, NNRT_BAD_DATA, "%s:%d: names no file", list, lines[i]);
        }
        if (name.text[0] != '/' && base > 0) {
            memcpy(out, list, base);
            out += base;
            if (list[base - 1] != '/') *out++ = '/';
        }
        memcpy(out, name.text, name.size);
        out += name.size;
    }
    starts[texts->n] = (size_t)(out - text);
    *out             = 0;
    int64_t n        = texts->n;
    nnrt_texts_free(texts);
    *texts = (nnrt_texts){text, starts, n};
    return NNRT_OK;
}

/* ---- arrays ------------------------------------------------------------------------------------------------------ */

typedef struct Media { /* one input's */
    const nnrt_dataset *set;
    nnrt_column        *column;
    const nnrt_input   *input;
    int64_t             shape[NNRT_MAX_RANK]; /* the model's, for one sample */
    nnrt_error         *error;
} Media;

static nnrt_status find_shape(Media *m) {
    const nnrt_model *model   = m->set->model;
    int64_t          *symbols = calloc((size_t)model->n_symbols + 1, sizeof *symbols);
    int64_t          *shapes  = calloc((size_t)model->n_shape_values + 1, sizeof *shapes);
    if (symbols && shapes) {
        for (int i = 0; i < model->n_symbols; i++) symbols[i] = 1;
        model->shapes(symbols, shapes);
        for (int axis = 0; axis < m->input->tensor.rank; axis++)
            m->shape[axis] = shapes[m->input->tensor.shape_at + axis];
    }
    nnrt_status status = symbols && shapes ? NNRT_OK : nnrt_fail_memory(m->error, 0, "shapes");
    free(symbols);
    free(shapes);
    return status;
}

/* The path of file i; false where it is too long. */
static bool path_of(const Media *m, int64_t i, char *path, size_t size) {
    nnrt_field text = nnrt_texts_at(&m->column->texts, i);
    return snprintf(path, size, "%.*s", (int)text.size, text.text) < (int)size;
}

static nnrt_sound sound_of(const Media *m) {
    return (nnrt_sound){m->input->source.rate, m->input->tensor.rank == 3 ? (int)m->shape[2] : 1};
}

static nnrt_picture picture_of(const Media *m) {
    return (nnrt_picture){m->shape[1], m->shape[2], m->input->tensor.rank == 4 ? (int)m->shape[3] : 1};
}

/* File i into its place; `out` NULL: only *length is found. */
static nnrt_status read_one(const Media *m, int64_t i, void *out, int64_t *length) {
    char        path[4096];
    nnrt_status status;
    if (!path_of(m, i, path, sizeof path))
        return nnrt_fail(m->error, NNRT_BAD_DATA, "%.200s...: the path is too long", path);
    if (m->input->source.kind == NNRT_FROM_IMAGE) {
        const nnrt_picture picture = picture_of(m);
        status                     = nnrt_picture_read(path, &picture, out, m->error);
    } else {
        const nnrt_sound sound = sound_of(m);
        status                 = nnrt_sound_read(path, &sound, out, m->shape[1], length, m->error);
    }
    return status;
}

/* A dim's length: that of the longest sound, at most its bound. */
static nnrt_status find_length(Media *m) {
    int         symbol  = m->input->tensor.symbol[1];
    int64_t     longest = 1, bound;
    nnrt_status status  = NNRT_OK;
    if (m->input->source.kind != NNRT_FROM_WAV || symbol < 0) return NNRT_OK;
    bound = m->set->model->dims[symbol].bound;
    for (int64_t i = 0; i < m->column->texts.n && status == NNRT_OK; i++) {
        int64_t length = 0;
        status         = read_one(m, i, NULL, &length);
        if (length > longest) longest = length;
    }
    m->shape[1] = bound > 0 && longest > bound ? bound : longest;
    return status;
}

static nnrt_status read_all(Media *m) {
    nnrt_array *array  = &m->column->array;
    int64_t     n      = m->column->texts.n, length;
    bool        image  = m->input->source.kind == NNRT_FROM_IMAGE;
    nnrt_status status = find_length(m);
    if (status != NNRT_OK) return status;
    array->elem = image ? NNRT_U8 : NNRT_F32;
    array->rank = m->input->tensor.rank;
    memcpy(array->shape, m->shape, sizeof array->shape);
    array->shape[0] = n;
    status          = nnrt_array_alloc(array, array->source, m->error);
    if (status != NNRT_OK) return status;
    memset(array->data, 0, nnrt_array_nbytes(array)); /* after a sound: silence */
    size_t sample = nnrt_array_nbytes(array) / (size_t)n;
    for (int64_t i = 0; i < n && status == NNRT_OK; i++)
        status = read_one(m, i, (char *)array->data + (size_t)i * sample, &length);
    nnrt_texts_free(&m->column->texts);
    return status;
}

nnrt_status nnrt_dataset_read_media(nnrt_dataset *set, nnrt_error *error) {
    nnrt_status status = NNRT_OK;
    for (int i = 0; i < set->model->n_inputs && status == NNRT_OK; i++) {
        Media m = {.set = set, .column = &set->columns[i], .input = &set->model->inputs[i], .error = error};
        if (!is_media_source(m.input) || !m.column->texts.text) continue;
        bool linked = m.input->source.kind == NNRT_FROM_IMAGE ? nnrt_picture_read != NULL : nnrt_sound_read != NULL;
        if (!linked)
            return nnrt_fail(error, NNRT_ERROR, "this program was linked without the reader of '%s'",
                             m.input->tensor.name);
        status = find_shape(&m);
        if (status == NNRT_OK) status = read_all(&m);
    }
    return status;
}
