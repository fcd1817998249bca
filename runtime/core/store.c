#include "core/store.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/element.h"
#include "core/status.h"

enum { CACHE_LINE = 64, PAGE = 4096, LARGE = 16 * PAGE, GAP = 64 << 10, DRAM_SIZED = 4 << 20 };

static nnrt_status size_slots(nnrt_store *store, const int64_t *shape_values, nnrt_error *error) {
    for (int i = 0; i < store->model->n_slots; i++) {
        const nnrt_tensor *tensor = &store->model->slots[i].tensor;
        int64_t            count  = nnrt_shape_count(shape_values + tensor->shape_at, tensor->rank);
        if (count < 0) return nnrt_fail(error, NNRT_ERROR, "'%s' %s is too large", tensor->name, tensor->shape_text);
        store->nbytes[i] = (size_t)count * nnrt_elem_size(tensor->elem);
    }
    return NNRT_OK;
}

static bool is_held(const nnrt_store *store, unsigned kinds, int i) {
    return kinds >> store->model->slots[i].kind & 1;
}

/* Where slot i starts when those before it end at `end`. What an optimizer walks through side by side (a weight and its moments) has one size;
 * with a distance of a power of two and a few KiB, rows of one bank of DRAM take turns, and an Adam step took 1.7 times as long. */
static size_t start_of(const nnrt_store *store, int i, size_t end) {
    if (store->nbytes[i] >= DRAM_SIZED) return ((end + GAP - 1) / GAP + 1) * GAP;
    size_t unit = store->nbytes[i] >= LARGE ? PAGE : CACHE_LINE;
    return (end + unit - 1) / unit * unit;
}

static nnrt_status place_slots(nnrt_store *store, unsigned kinds, nnrt_error *error) {
    size_t end = 0;
    for (int i = 0; i < store->model->n_slots; i++) {
        if (!is_held(store, kinds, i)) continue;
        size_t start = start_of(store, i, end);
        end          = start + (store->nbytes[i] > 0 ? store->nbytes[i] : 1);
        if (start > SIZE_MAX / 4 || end < start) return nnrt_fail_memory(error, SIZE_MAX / 4, "the weights");
    }
    store->memory_nbytes = end;
    store->memory        = nnrt_alloc(end);
    if (!store->memory) return nnrt_fail_memory(error, end, "the weights");
    end = 0;
    for (int i = 0; i < store->model->n_slots; i++) {
        const nnrt_slot *slot = &store->model->slots[i];
        if (!is_held(store, kinds, i)) continue;
        size_t start    = start_of(store, i, end);
        store->slots[i] = store->memory + start;
        end             = start + (store->nbytes[i] > 0 ? store->nbytes[i] : 1);
        if (slot->kind == NNRT_HYPER) memcpy(store->slots[i], &slot->value, sizeof slot->value);
    }
    return NNRT_OK;
}

/* Slots have constant shapes, so any dims do to compute them. */
static nnrt_status alloc_slots(nnrt_store *store, unsigned kinds, nnrt_error *error) {
    const nnrt_model *model        = store->model;
    int64_t          *symbols      = malloc(((size_t)model->n_symbols + 1) * sizeof *symbols);
    int64_t          *shape_values = calloc((size_t)model->n_shape_values + 1, sizeof *shape_values);
    nnrt_status       status       = symbols && shape_values ? NNRT_OK : nnrt_fail_memory(error, 0, "shapes");
    if (status == NNRT_OK) {
        for (int i = 0; i < model->n_symbols; i++) symbols[i] = 1;
        model->shapes(symbols, shape_values);
        status = size_slots(store, shape_values, error);
    }
    if (status == NNRT_OK) status = place_slots(store, kinds, error);
    free(symbols);
    free(shape_values);
    return status;
}

nnrt_status nnrt_store_open(nnrt_store *store, const nnrt_model *model, unsigned kinds, nnrt_error *error) {
    *store = (nnrt_store){.model  = model,
                          .slots  = calloc((size_t)model->n_slots + 1, sizeof *store->slots),
                          .nbytes = calloc((size_t)model->n_slots + 1, sizeof *store->nbytes)};
    if (!store->slots || !store->nbytes) return nnrt_fail_memory(error, 0, "tables");
    return alloc_slots(store, kinds, error);
}

void nnrt_store_close(nnrt_store *store) {
    nnrt_free(store->memory, store->memory_nbytes);
    free(store->slots);
    free(store->nbytes);
    *store = (nnrt_store){0};
}

void nnrt_store_fill(nnrt_store *store) {
    for (int i = 0; i < store->model->n_slots; i++)
        if (store->model->slots[i].data && store->slots[i])
            memcpy(store->slots[i], store->model->slots[i].data, store->nbytes[i]);
}
