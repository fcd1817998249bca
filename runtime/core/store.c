#include "core/store.h"

#include <stdlib.h>
#include <string.h>

#include "core/element.h"
#include "core/status.h"

static nnrt_status alloc_slot(nnrt_store *store, int i, const int64_t *shape_values, bool held, nnrt_error *error) {
    const nnrt_slot *slot  = &store->model->slots[i];
    int64_t          count = nnrt_shape_count(shape_values + slot->tensor.shape_at, slot->tensor.rank);
    if (count < 0)
        return nnrt_fail(error, NNRT_ERROR, "'%s' %s is too large", slot->tensor.name, slot->tensor.shape_text);
    store->nbytes[i] = (size_t)count * nnrt_elem_size(slot->tensor.elem);
    if (!held) return NNRT_OK;
    store->slots[i] = nnrt_alloc(store->nbytes[i]);
    if (!store->slots[i]) return nnrt_fail_memory(error, store->nbytes[i], slot->tensor.name);
    if (slot->kind == NNRT_HYPER) memcpy(store->slots[i], &slot->value, sizeof slot->value);
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
    }
    for (int i = 0; i < model->n_slots && status == NNRT_OK; i++)
        status = alloc_slot(store, i, shape_values, kinds >> model->slots[i].kind & 1, error);
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
    for (int i = 0; store->slots && store->nbytes && i < store->model->n_slots; i++)
        nnrt_free(store->slots[i], store->nbytes[i]);
    free(store->slots);
    free(store->nbytes);
    *store = (nnrt_store){0};
}

void nnrt_store_fill(nnrt_store *store) {
    for (int i = 0; i < store->model->n_slots; i++)
        if (store->model->slots[i].data && store->slots[i])
            memcpy(store->slots[i], store->model->slots[i].data, store->nbytes[i]);
}
