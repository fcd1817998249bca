#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/worker/step.h"
#include "core/element.h"

static uint32_t drawn(uint32_t stream, int64_t index) {
    uint32_t counter[4] = {(uint32_t)index, (uint32_t)(index >> 32), stream, 0}, key[2] = {1, 2}, out[4];
    nnrt_philox(counter, key, out);
    return out[0];
}

static void draw_input(const nnrt_input *input, int64_t count, uint32_t stream, int64_t limit, void *data) {
    int elem = input->tensor.elem;
    if (input->class_limit) limit = input->class_limit;
    if (elem == NNRT_U8 && limit > 256) limit = 256;
    for (int64_t i = 0; i < count; i++) {
        uint32_t bits = drawn(stream, i);
        nnrt_elem_put(elem, data, i, nnrt_elem_is_float(elem) ? (bits >> 8) * 0x1p-24 - 0.5 : bits % (uint32_t)limit);
    }
}

/* The edges of a graph, both directions of each line "u v", as often as they are needed; false where there is no such file. */
static bool read_edges(const char *path, int elem, int64_t count, void *data) {
    FILE     *file = fopen(path, "r");
    char      line[128];
    long long ends[2];
    int64_t   at = 0;
    if (!file) return false;
    while (at + 4 <= count && fgets(line, sizeof line, file)) {
        if (sscanf(line, "%lld %lld", &ends[0], &ends[1]) != 2) continue;
        for (int i = 0; i < 4; i++) nnrt_elem_put(elem, data, at++, (double)ends[i == 1 || i == 2]);
    }
    fclose(file);
    if (at != count) fprintf(stderr, "bench: %s has not the %lld edges needed\n", path, (long long)count / 4), exit(1);
    return true;
}

static bool is_graph(const nnrt_instance *instance, const nnrt_tensor *tensor) {
    return tensor->elem == NNRT_I32 && tensor->rank == 2 && nnrt_instance_shape(instance, tensor)[1] == 2;
}

void step_draw(const nnrt_instance *instance, int64_t limit, const void **data) {
    const char       *edges = getenv("BENCH_EDGES");
    const nnrt_model *model = instance->model;
    for (int i = 0; i < model->n_inputs; i++) {
        const nnrt_input *input  = &model->inputs[i];
        int64_t           count  = nnrt_shape_count(nnrt_instance_shape(instance, &input->tensor), input->tensor.rank);
        void             *values = nnrt_alloc((size_t)count * nnrt_elem_size(input->tensor.elem));
        if (!values) fprintf(stderr, "bench: no memory for input %s\n", input->tensor.name), exit(1);
        bool read = edges && is_graph(instance, &input->tensor) && read_edges(edges, input->tensor.elem, count, values);
        if (!read) draw_input(input, count, (uint32_t)i, limit, values);
        data[i] = values;
    }
}

typedef struct Entry { /* of a safetensors file */
    const char        *prefix;
    const nnrt_tensor *tensor;
    const void        *data;
    int64_t            count;
} Entry;

static const char *dtype_of(int elem) {
    switch (elem) {
    case NNRT_F32: return "F32";
    case NNRT_I32: return "I32";
    case NNRT_U8: return "U8";
    default: fprintf(stderr, "bench: an element type that is not exported\n"), exit(1);
    }
}

/* "name":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]} */
static void put_entry(FILE *text, const nnrt_instance *instance, const Entry *entry, int64_t begin) {
    const nnrt_tensor *tensor = entry->tensor;
    const int64_t     *shape  = nnrt_instance_shape(instance, tensor);
    fprintf(text, "%s\"%s%s\":{\"dtype\":\"%s\",\"shape\":[", begin ? "," : "", entry->prefix, tensor->name,
            dtype_of(tensor->elem));
    for (int axis = 0; axis < tensor->rank; axis++) fprintf(text, "%s%lld", axis ? "," : "", (long long)shape[axis]);
    fprintf(text, "],\"data_offsets\":[%lld,%lld]}", (long long)begin,
            (long long)(begin + entry->count * (int64_t)nnrt_elem_size(tensor->elem)));
}

static Entry entry_of(const nnrt_instance *instance, const char *prefix, const nnrt_tensor *tensor, const void *data) {
    return (Entry){prefix, tensor, data, nnrt_shape_count(nnrt_instance_shape(instance, tensor), tensor->rank)};
}

static int collect(const nnrt_instance *instance, const void *const *data, Entry *entries) {
    const nnrt_model *model = instance->model;
    int               n     = 0;
    for (int i = 0; i < model->n_inputs; i++)
        entries[n++] = entry_of(instance, "input/", &model->inputs[i].tensor, data[i]);
    for (int i = 0; i < model->n_slots; i++)
        if (model->slots[i].kind == NNRT_PARAM)
            entries[n++] = entry_of(instance, "", &model->slots[i].tensor, instance->slots[i]);
    return n;
}

void step_export(const nnrt_instance *instance, const void *const *data, const char *path) {
    const nnrt_model *model   = instance->model;
    Entry            *entries = calloc((size_t)(model->n_inputs + model->n_slots), sizeof *entries);
    char             *header  = NULL;
    size_t            size    = 0;
    int64_t           at      = 0;
    FILE             *text = open_memstream(&header, &size), *file = fopen(path, "wb");
    if (!entries || !text || !file) fprintf(stderr, "bench: cannot write %s\n", path), exit(1);
    int n = collect(instance, data, entries);
    fputc('{', text);
    for (int i = 0; i < n; i++) {
        put_entry(text, instance, &entries[i], at);
        at += entries[i].count * (int64_t)nnrt_elem_size(entries[i].tensor->elem);
    }
    fputc('}', text);
    fflush(text); /* sets size */
    fprintf(text, "%*s", (int)((8 - size % 8) % 8), "");
    fclose(text);
    uint64_t length = size; /* little-endian, as this machine is */
    bool     good   = fwrite(&length, sizeof length, 1, file) == 1 && fwrite(header, size, 1, file) == 1;
    for (int i = 0; i < n; i++) {
        size_t count = (size_t)entries[i].count;
        good         = good && fwrite(entries[i].data, nnrt_elem_size(entries[i].tensor->elem), count, file) == count;
    }
    if (fclose(file) != 0 || !good) fprintf(stderr, "bench: cannot write %s\n", path), exit(1);
    free(header);
    free(entries);
}
