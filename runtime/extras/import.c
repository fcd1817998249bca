#include "extras/import.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/element.h"
#include "core/status.h"
#include "extras/array.h"
#include "extras/convert.h"
#include "extras/nearest.h"

typedef struct Take {  /* for one slot */
    nnrt_array *array; /* NULL: keeps its value */
    bool        transposed;
} Take;

typedef struct Import {
    nnrt_instance *instance;
    const char    *path;
    nnrt_content   content;
    Take          *takes; /* one a slot */
    bool          *used;  /* one an array of the file */
} Import;

static bool is_weight(const nnrt_slot *slot) {
    return slot->kind == NNRT_PARAM || slot->kind == NNRT_STATE || slot->kind == NNRT_FIT;
}

static int find_array(const nnrt_content *content, const char *name) {
    for (int i = 0; i < content->n_arrays; i++)
        if (strcmp(content->arrays[i].name, name) == 0) return i;
    return -1;
}

static const char *array_name(int i, const void *content) {
    return ((const nnrt_content *)content)->arrays[i].name;
}

/* ---- does it fit ------------------------------------------------------------------------------------------------- */

/* The array's axes, the other way round if swapped, are the slot's; an array of fewer axes may have neighbours joined, as
 * [inputs, 4 units] for [inputs, 4, units]. */
static bool same_shape(const nnrt_array *array, const int64_t *shape, int rank, bool swapped) {
    if (array->rank > rank || (swapped && array->rank != 2)) return false;
    int at = 0; /* the slot's next axis */
    for (int axis = 0; axis < array->rank; axis++) {
        int64_t wanted = array->shape[swapped ? 1 - axis : axis], joined = shape[at++];
        int     left = rank - at - (array->rank - axis - 1); /* axes that the array's others can spare */
        for (; joined < wanted && left > 0; left--) joined *= shape[at++];
        if (joined != wanted) return false;
    }
    return at == rank;
}

static nnrt_status fail_shape(const Import *import, int slot, const Take *take, nnrt_error *error) {
    const nnrt_tensor *tensor = &import->instance->model->slots[slot].tensor;
    const int64_t     *shape  = nnrt_instance_shape(import->instance, tensor);
    const nnrt_array  *array  = take->array;
    char               text[160], help[512];
    const char        *swap = take->transposed ? "" : ":t";
    if (same_shape(array, shape, tensor->rank, !take->transposed))
        snprintf(help, sizeof help, "--map '%.150s=%.150s%s' %s", tensor->name, array->name, swap,
                 take->transposed ? "takes it as it is" : "transposes it");
    else
        snprintf(help, sizeof help, "--map '%.150s=' leaves it as it is", tensor->name);
    return nnrt_fail(
        error, NNRT_BAD_DATA, "%s: '%.100s' is %s%s%s, '%.100s' of the model is %s%s: %s", import->path, array->name,
        nnrt_elem_name(array->elem), nnrt_shape_text(array->shape, array->rank, text, sizeof text),
        take->transposed ? " transposed" : "", tensor->name, nnrt_elem_name(tensor->elem), tensor->shape_text, help);
}

static nnrt_status check_fit(const Import *import, int slot, const Take *take, nnrt_error *error) {
    const nnrt_tensor *tensor = &import->instance->model->slots[slot].tensor;
    nnrt_array        *array  = take->array;
    if (!same_shape(array, nnrt_instance_shape(import->instance, tensor), tensor->rank, take->transposed))
        return fail_shape(import, slot, take, error);
    bool        floats = nnrt_elem_is_float(tensor->elem);
    nnrt_status status = floats ? NNRT_OK : nnrt_array_fetch(&import->content, array, error);
    if (status != NNRT_OK) return status;
    bool fits = floats || nnrt_convert_check(array->data, array->elem, array->count, tensor->elem) < 0;
    nnrt_array_drop(&import->content, array);
    if (nnrt_elem_is_float(array->elem) == floats && fits) return NNRT_OK;
    return nnrt_fail(error, NNRT_BAD_DATA, "%s: '%.100s' is %s, '%.100s' of the model is %s: the values do not fit",
                     import->path, array->name, nnrt_elem_name(array->elem), tensor->name,
                     nnrt_elem_name(tensor->elem));
}

/* ---- choosing ---------------------------------------------------------------------------------------------------- */

/* A name that an entry without a star states must be in the file. */
static nnrt_status fail_absent(const Import *import, const char *to, const nnrt_mapping *mapping, nnrt_error *error) {
    const char *near = nnrt_nearest(mapping->name, array_name, &import->content, import->content.n_arrays);
    return nnrt_fail(error, NNRT_BAD_DATA, "%s: holds no '%.100s', which --map gives for '%.100s'%s%.100s%s",
                     import->path, mapping->name, to, near ? "; did you mean '" : "", near ? near : "",
                     near ? "'?" : "");
}

static nnrt_status choose(Import *import, int slot, nnrt_map *map, nnrt_error *error) {
    const char  *name = import->instance->model->slots[slot].tensor.name;
    nnrt_mapping mapping;
    nnrt_status  status = nnrt_map_apply(map, name, &mapping, error);
    if (status != NNRT_OK || mapping.nothing) return status;
    int found = find_array(&import->content, mapping.name);
    if (found < 0) return mapping.same ? NNRT_OK : fail_absent(import, name, &mapping, error);
    import->used[found] = true;
    import->takes[slot] = (Take){&import->content.arrays[found], mapping.transposed};
    return check_fit(import, slot, &import->takes[slot], error);
}

/* ---- filling ----------------------------------------------------------------------------------------------------- */

static void copy_swapped(const nnrt_array *array, int elem, void *out) {
    int64_t rows = array->shape[1], columns = array->shape[0]; /* of the slot */
    size_t  from = nnrt_elem_size(array->elem), to = nnrt_elem_size(elem);
    for (int64_t i = 0; i < rows; i++)
        for (int64_t k = 0; k < columns; k++)
            nnrt_convert((const char *)array->data + (size_t)(k * rows + i) * from, array->elem,
                         (char *)out + (size_t)(i * columns + k) * to, elem, 1);
}

static nnrt_status fill(Import *import, nnrt_error *error) {
    nnrt_instance    *instance = import->instance;
    const nnrt_model *model    = instance->model;
    for (int i = 0; i < model->n_slots; i++) {
        const Take *take = &import->takes[i];
        if (!take->array) continue;
        nnrt_status status = nnrt_array_fetch(&import->content, take->array, error);
        if (status != NNRT_OK) return status;
        if (take->transposed)
            copy_swapped(take->array, model->slots[i].tensor.elem, instance->slots[i]);
        else
            nnrt_convert(take->array->data, take->array->elem, instance->slots[i], model->slots[i].tensor.elem,
                         take->array->count);
        nnrt_array_drop(&import->content, take->array);
    }
    for (int i = 0; i < model->n_slots; i++)
        if (model->slots[i].kind == NNRT_EMA && model->slots[i].param >= 0)
            memcpy(instance->slots[i], instance->slots[model->slots[i].param], instance->slot_nbytes[i]);
    return NNRT_OK;
}

/* ---- the report -------------------------------------------------------------------------------------------------- */

/* A checkpoint's optimizer state and averages are left out without a word. */
static bool is_training_state(const nnrt_model *model, const char *name) {
    for (int i = 0; i < model->n_slots; i++)
        if (!is_weight(&model->slots[i]) && strcmp(model->slots[i].tensor.name, name) == 0) return true;
    return strncmp(name, "optimizer/", 10) == 0 || strncmp(name, "best/", 5) == 0;
}

static nnrt_status describe(const Import *import, nnrt_import *result, nnrt_error *error) {
    const nnrt_model *model = import->instance->model;
    size_t            kept_size, unused_size;
    FILE             *kept   = open_memstream(&result->kept, &kept_size);
    FILE             *unused = kept ? open_memstream(&result->unused, &unused_size) : NULL;
    char              text[160];
    for (int i = 0; unused && i < model->n_slots; i++) {
        if (!is_weight(&model->slots[i])) continue;
        result->n_wanted++;
        if (import->takes[i].array)
            result->n_taken++;
        else
            fprintf(kept, "  %s %s%s\n", model->slots[i].tensor.name, nnrt_elem_name(model->slots[i].tensor.elem),
                    model->slots[i].tensor.shape_text);
    }
    for (int i = 0; unused && i < import->content.n_arrays; i++) {
        const nnrt_array *array = &import->content.arrays[i];
        if (!import->used[i] && !is_training_state(model, array->name))
            fprintf(unused, "  %.200s %s%s\n", array->name, nnrt_elem_name(array->elem),
                    nnrt_shape_text(array->shape, array->rank, text, sizeof text));
    }
    bool whole = kept && unused;
    if (kept) whole &= fclose(kept) == 0;
    if (unused) whole &= fclose(unused) == 0;
    return whole ? NNRT_OK : nnrt_fail_memory(error, 0, "a list of weights");
}

/* The first few lines of a list, for a message. */
static void shorten(const char *list, char *text, size_t size) {
    const char *end = list;
    for (int n = 0; n < 3 && *end; n++) end = strchr(end, '\n') + 1;
    int length = (int)(end - list);
    snprintf(text, size, "%.*s%s", length < (int)size - 8 ? length : (int)size - 8, list, *end ? "  ...\n" : "");
    size_t used = strlen(text);
    if (used > 0 && text[used - 1] == '\n') text[used - 1] = 0;
}

static nnrt_status judge(const Import *import, const nnrt_map *map, const nnrt_import *result, bool all_needed,
                         nnrt_error *error) {
    const nnrt_map_entry *entry = nnrt_map_unused(map);
    char                  kept[160], unused[160];
    shorten(result->kept, kept, sizeof kept);
    shorten(result->unused, unused, sizeof unused);
    if (entry)
        return nnrt_fail(error, NNRT_USAGE,
                         "--map '%.100s=%.100s': no weight of the model is called so; it has, for example\n%s",
                         entry->to, entry->from, kept[0] ? kept : "  (all are taken)");
    if (result->n_taken == 0 || (all_needed && result->n_taken < result->n_wanted))
        return nnrt_fail(error, NNRT_BAD_DATA,
                         "%s: %s of model %s's weights %s in it: name them by --map TO=FROM. Missing:\n%s%s%s",
                         import->path, result->n_taken == 0 ? "none" : "not all", import->instance->model->name,
                         result->n_taken == 0 ? "is" : "are", kept, unused[0] ? "\nthe file also holds\n" : "", unused);
    return NNRT_OK;
}

static nnrt_status run(Import *import, nnrt_map *map, bool all_needed, nnrt_import *result, nnrt_error *error) {
    const nnrt_model *model = import->instance->model;
    import->takes           = calloc((size_t)model->n_slots + 1, sizeof *import->takes);
    import->used            = calloc((size_t)import->content.n_arrays + 1, sizeof *import->used);
    nnrt_status status      = import->takes && import->used ? NNRT_OK : nnrt_fail_memory(error, 0, "weights");
    for (int i = 0; i < model->n_slots && status == NNRT_OK; i++)
        if (is_weight(&model->slots[i])) status = choose(import, i, map, error);
    if (status == NNRT_OK) status = describe(import, result, error);
    if (status == NNRT_OK) status = judge(import, map, result, all_needed, error);
    return status == NNRT_OK ? fill(import, error) : status;
}

nnrt_status nnrt_import_weights(nnrt_instance *instance, const char *path, nnrt_map *map, bool all_needed,
                                nnrt_import *result, nnrt_error *error) {
    Import import      = {.instance = instance, .path = path};
    *result            = (nnrt_import){0};
    nnrt_status status = nnrt_open_safetensors(path, &import.content, error);
    if (status == NNRT_OK) status = run(&import, map, all_needed, result, error);
    nnrt_content_free(&import.content);
    free(import.takes);
    free(import.used);
    return status;
}

void nnrt_import_free(nnrt_import *result) {
    free(result->kept);
    free(result->unused);
    *result = (nnrt_import){0};
}
