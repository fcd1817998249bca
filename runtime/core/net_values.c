/* A net's values, by the paths of its parameters. */
#include <math.h>
#include <string.h>

#include "core/element.h"
#include "core/net.h"
#include "core/status.h"

static const char *const KINDS[] = {
    [NNRT_PARAM] = "parameter",     [NNRT_STATE] = "state",           [NNRT_FIT] = "statistic",
    [NNRT_OPTIMIZER] = "optimizer", [NNRT_HYPER] = "hyper-parameter", [NNRT_EMA] = "average"};

/* What accumulation and evaluations hold in between is nobody else's. */
static bool is_public(const nnrt_slot *slot) {
    return slot->kind != NNRT_METRIC && slot->kind != NNRT_GRADIENT;
}

int64_t nnrt_net_param_count(const nnrt_net *net) {
    int64_t n = 0;
    for (int i = 0; net && i < net->model->n_slots; i++) n += is_public(&net->model->slots[i]);
    return n;
}

static int slot_at(const nnrt_model *model, int64_t index) {
    for (int i = 0; index >= 0 && i < model->n_slots; i++)
        if (is_public(&model->slots[i]) && index-- == 0) return i;
    return -1;
}

/* Shapes of slots are constant: any dims do. */
static void put_shape(const nnrt_model *model, const nnrt_tensor *tensor, nnrt_net_param *param) {
    int64_t symbols[model->n_symbols + 1], values[model->n_shape_values + 1];
    for (int i = 0; i < model->n_symbols; i++) symbols[i] = 1;
    model->shapes(symbols, values);
    for (int axis = 0; axis < tensor->rank; axis++) param->shape[axis] = values[tensor->shape_at + axis];
}

nnrt_status nnrt_net_param_info(const nnrt_net *net, int64_t index, nnrt_net_param *param, nnrt_error *error) {
    if (!net || !param) return nnrt_fail(error, NNRT_USAGE, "the %s is NULL", net ? "parameter's struct" : "model");
    int i = slot_at(net->model, index);
    if (i < 0)
        return nnrt_fail(error, NNRT_USAGE, "there is no parameter %lld: the model has %lld", (long long)index,
                         (long long)nnrt_net_param_count(net));
    const nnrt_slot *slot = &net->model->slots[i];
    *param                = (nnrt_net_param){.path   = slot->tensor.name,
                                             .type   = nnrt_elem_name(slot->tensor.elem),
                                             .kind   = KINDS[slot->kind],
                                             .nbytes = net->store.nbytes[i],
                                             .rank   = slot->tensor.rank};
    put_shape(net->model, &slot->tensor, param);
    return NNRT_OK;
}

/* The slot of a path, -1 with an error. */
static int find(const nnrt_net *net, const char *path, const char *what, nnrt_error *error) {
    if (!net || !path) {
        nnrt_fail(error, NNRT_USAGE, "the %s is NULL", net ? what : "model");
        return -1;
    }
    for (int i = 0; i < net->model->n_slots; i++)
        if (is_public(&net->model->slots[i]) && strcmp(net->model->slots[i].tensor.name, path) == 0) return i;
    nnrt_fail(error, NNRT_USAGE, "model %s has no %s '%s'", net->model->name, what, path);
    return -1;
}

static nnrt_status check_bytes(const nnrt_net *net, int slot, const void *data, size_t nbytes, nnrt_error *error) {
    const nnrt_tensor *tensor = &net->model->slots[slot].tensor;
    if (!data) return nnrt_fail(error, NNRT_USAGE, "the memory for '%s' is NULL", tensor->name);
    if (nbytes == net->store.nbytes[slot]) return NNRT_OK;
    return nnrt_fail(error, NNRT_USAGE, "'%s' is %s%s, %zu bytes, not %zu", tensor->name, nnrt_elem_name(tensor->elem),
                     tensor->shape_text, net->store.nbytes[slot], nbytes);
}

nnrt_status nnrt_net_get(const nnrt_net *net, const char *path, void *data, size_t nbytes, nnrt_error *error) {
    int i = find(net, path, "parameter", error);
    if (i < 0 || check_bytes(net, i, data, nbytes, error) != NNRT_OK) return NNRT_USAGE;
    memcpy(data, net->store.slots[i], nbytes);
    return NNRT_OK;
}

/* A parameter's moving average becomes it, so that predictions are of what was set. */
nnrt_status nnrt_net_set(nnrt_net *net, const char *path, const void *data, size_t nbytes, nnrt_error *error) {
    int i = find(net, path, "parameter", error);
    if (i < 0 || check_bytes(net, i, data, nbytes, error) != NNRT_OK) return NNRT_USAGE;
    const nnrt_slot *slots = net->model->slots;
    if (slots[i].kind == NNRT_HYPER) {
        double value;
        memcpy(&value, data, sizeof value);
        return nnrt_net_set_hyper(net, path, value, error);
    }
    for (int k = 0; k < net->model->n_slots; k++) {
        if (k != i && !(slots[k].kind == NNRT_EMA && slots[k].param == i)) continue;
        memcpy(net->store.slots[k], data, nbytes);
        net->is_set[k] = 1;
    }
    return NNRT_OK;
}

/* What predictions read: no optimizer state, no settings. */
nnrt_status nnrt_net_copy_params(nnrt_net *to, const nnrt_net *from, nnrt_error *error) {
    if (!to || !from) return nnrt_fail(error, NNRT_USAGE, "the model to copy %s is NULL", to ? "from" : "to");
    if (to->model != from->model)
        return nnrt_fail(error, NNRT_USAGE, "parameters of model %s are not model %s's", from->model->name,
                         to->model->name);
    for (int i = 0; to != from && i < to->model->n_slots; i++) {
        int kind = to->model->slots[i].kind;
        if (kind != NNRT_PARAM && kind != NNRT_STATE && kind != NNRT_FIT && kind != NNRT_EMA) continue;
        memcpy(to->store.slots[i], from->store.slots[i], to->store.nbytes[i]);
        to->is_set[i] = from->is_set[i];
    }
    return NNRT_OK;
}

/* ---- hyper-parameters --------------------------------------------------------------------------------------------------- */

static int find_hyper(const nnrt_net *net, const char *name, nnrt_error *error) {
    int i = find(net, name, "hyper-parameter", error);
    if (i < 0 || net->model->slots[i].kind == NNRT_HYPER) return i;
    nnrt_fail(error, NNRT_USAGE, "'%s' is no hyper-parameter: get and set take parameters", name);
    return -1;
}

nnrt_status nnrt_net_get_hyper(const nnrt_net *net, const char *name, double *value, nnrt_error *error) {
    int i = find_hyper(net, name, error);
    if (i < 0) return NNRT_USAGE;
    return nnrt_net_get(net, name, value, sizeof *value, error);
}

nnrt_status nnrt_net_set_hyper(nnrt_net *net, const char *name, double value, nnrt_error *error) {
    int i = find_hyper(net, name, error);
    if (i < 0) return NNRT_USAGE;
    if (net->model->slots[i].frozen)
        return nnrt_fail(error, NNRT_USAGE, "hyper-parameter '%s' is compiled in: change it in the .nnet file", name);
    if (!isfinite(value)) return nnrt_fail(error, NNRT_USAGE, "hyper-parameter '%s' must be a finite number", name);
    memcpy(net->store.slots[i], &value, sizeof value);
    return NNRT_OK;
}

nnrt_status nnrt_net_check_set(const nnrt_net *net, nnrt_error *error) {
    for (int i = 0; i < net->model->n_slots; i++) {
        const nnrt_slot *slot = &net->model->slots[i];
        if (net->is_set[i]) continue;
        if (slot->kind == NNRT_FIT)
            return nnrt_fail(error, NNRT_USAGE,
                             "statistic '%s' has no value: call fit_statistics with the training data, or load weights",
                             slot->tensor.name);
        if (slot->kind == NNRT_PARAM || slot->kind == NNRT_STATE || slot->kind == NNRT_EMA)
            return nnrt_fail(error, NNRT_USAGE, "parameter '%s' has no value: load weights, set it, or compile it in",
                             slot->tensor.name);
    }
    return NNRT_OK;
}
