#include "weights.h"

#include <stdlib.h>
#include <string.h>

#include "core/element.h"
#include "extras/array.h"

enum { SHOWN = 4 /* differences in a message */ };

static bool holds_weights(const Slot *slot) {
    return slot->kind == SLOT_PARAM || slot->kind == SLOT_STATE || slot->kind == SLOT_FIT || slot->kind == SLOT_EMA;
}

static const nnrt_array *find_array(const nnrt_content *content, const char *name) {
    for (int i = 0; i < content->n_arrays; i++)
        if (strcmp(content->arrays[i].name, name) == 0) return &content->arrays[i];
    return NULL;
}

static bool fits(const nnrt_array *array, const Type *type) {
    bool    same = array->elem == (int)type->elem && array->rank == type->rank;
    int64_t length;
    for (int axis = 0; same && axis < type->rank; axis++)
        same = dim_is_const(type->dims[axis], &length) && array->shape[axis] == length;
    return same;
}

/* A file of weights alone has no moving averages: they are what their parameters are. */
static const nnrt_array *array_of(const Program *program, const nnrt_content *content, const Slot *slot) {
    const nnrt_array *array = find_array(content, slot->path);
    if (array || slot->kind != SLOT_EMA || slot->param < 0) return array;
    return find_array(content, program->slots.data[slot->param].path);
}

/* One difference, or NULL: then the slot has its data. */
static const char *take(Compilation *c, const Program *program, const nnrt_content *content, Slot *slot) {
    const nnrt_array *array = array_of(program, content, slot);
    if (!array) return arena_printf(c->arena, "missing: %s %s", slot->path, type_print(c->arena, &slot->type));
    if (!fits(array, &slot->type)) {
        char text[200];
        return arena_printf(c->arena, "differs: %s is %s%s, the model has %s", slot->path, nnrt_elem_name(array->elem),
                            nnrt_shape_text(array->shape, array->rank, text, sizeof text),
                            type_print(c->arena, &slot->type));
    }
    size_t nbytes = nnrt_array_nbytes(array);
    void  *data   = arena_alloc(c->arena, nbytes + 1);
    memcpy(data, array->data, nbytes);
    slot->data = data;
    return NULL;
}

static bool take_all(Compilation *c, Program *program, const nnrt_content *content) {
    Diag *diag = NULL;
    int   n    = 0;
    for (int i = 0; i < program->slots.len; i++) {
        Slot       *slot = &program->slots.data[i];
        const char *told = holds_weights(slot) ? take(c, program, content, slot) : NULL;
        if (!told) continue;
        if (!diag)
            diag = diag_error(c->diags, (Span){0}, E0745, "%s: these weights are not model %s's", c->options.weights,
                              program->model);
        if (n++ < SHOWN) diag_note(diag, "%s", told);
    }
    if (n > SHOWN) diag_note(diag, "and %d more", n - SHOWN);
    return n == 0;
}

bool weights_read(Compilation *c, Program *program) {
    nnrt_bytes   bytes;
    nnrt_content content = {0};
    nnrt_error   error   = {0};
    nnrt_status  status  = nnrt_read_file(c->options.weights, &bytes, &error);
    if (status == NNRT_OK) {
        status = nnrt_read_safetensors(c->options.weights, &bytes, &content, &error);
        free(bytes.data);
    }
    bool ok = status == NNRT_OK;
    if (!ok) diag_error(c->diags, (Span){0}, E0745, "%s", error.message);
    ok = ok && take_all(c, program, &content);
    if (ok) program->weights = content.metadata ? arena_printf(c->arena, "%s", content.metadata) : "{}";
    nnrt_content_free(&content);
    return ok;
}
