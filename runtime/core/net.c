/* Nets: made, copied, freed. */
#include "core/net.h"

#include <stdlib.h>
#include <string.h>

#include "core/status.h"

static const unsigned METRICS = 1u << NNRT_METRIC;

/* INIT writes every slot of the net: it runs once, in a context that goes away. Statistics that `fit` has not seen data for, and
 * weights of a model without INIT, mean nothing yet. */
static nnrt_status start(nnrt_net *net, nnrt_error *error) {
    const nnrt_model *model    = net->model;
    int               init     = nnrt_model_fn(model, NNRT_FN_INIT, 0);
    nnrt_instance    *instance = init >= 0 ? nnrt_instance_part(model, NULL, METRICS, error) : NULL;
    if (init >= 0 && !instance) return NNRT_ERROR;
    nnrt_status status = NNRT_OK;
    if (instance) {
        nnrt_instance_use(instance, &net->store);
        status = nnrt_instance_call_plain(instance, init, net->steps.seed, error);
        nnrt_instance_free(instance);
    }
    nnrt_store_fill(&net->store);
    for (int i = 0; i < model->n_slots; i++)
        net->is_set[i] = model->slots[i].data || (init >= 0 && model->slots[i].kind != NNRT_FIT);
    return status;
}

static void configure(nnrt_net *net, const nnrt_net_config *config) {
    const nnrt_train_settings   *train = &net->model->train;
    static const nnrt_net_config NONE  = {0};
    if (!config) config = &NONE;
    net->steps             = nnrt_steps_of(net->model, 0);
    net->steps.seed        = config->seed ? config->seed : (uint64_t)train->seed;
    net->steps.epoch_steps = config->epoch_steps;
    net->steps.total_steps = config->total_steps ? config->total_steps : train->steps;
    if (!net->steps.total_steps && config->epoch_steps &&
        __builtin_mul_overflow(train->epochs, config->epoch_steps, &net->steps.total_steps))
        net->steps.total_steps = INT64_MAX;
}

static nnrt_net *alloc_net(const nnrt_model *model, nnrt_error *error) {
    nnrt_net *net = calloc(1, sizeof *net);
    if (net) net->is_set = calloc((size_t)model->n_slots + 1, 1);
    if (!net || !net->is_set) {
        nnrt_fail_memory(error, 0, "a model");
        free(net);
        return NULL;
    }
    net->model = model;
    if (nnrt_store_open(&net->store, model, NNRT_ALL_SLOTS & ~METRICS, error) == NNRT_OK) return net;
    nnrt_net_free(net);
    return NULL;
}

nnrt_net *nnrt_net_new(const nnrt_model *model, const nnrt_net_config *config, nnrt_error *error) {
    if (model->abi != NNRT_ABI) {
        nnrt_fail(error, NNRT_ERROR, "model '%s' was compiled for runtime ABI %d, this is %d: compile it again",
                  model->name, (int)model->abi, NNRT_ABI);
        return NULL;
    }
    if (config && (config->total_steps < 0 || config->epoch_steps < 0)) {
        nnrt_fail(error, NNRT_USAGE, "total_steps and epoch_steps cannot be negative");
        return NULL;
    }
    nnrt_net *net = alloc_net(model, error);
    if (!net) return NULL;
    configure(net, config);
    if (start(net, error) == NNRT_OK) return net;
    nnrt_net_free(net);
    return NULL;
}

nnrt_net *nnrt_net_clone(const nnrt_net *net, nnrt_error *error) {
    if (!net) {
        nnrt_fail(error, NNRT_USAGE, "the model to clone is NULL");
        return NULL;
    }
    nnrt_net *clone = alloc_net(net->model, error);
    if (!clone) return NULL;
    clone->steps       = net->steps;
    clone->steps_done  = net->steps_done;
    clone->fit_batches = net->fit_batches;
    memcpy(clone->is_set, net->is_set, (size_t)net->model->n_slots);
    for (int i = 0; i < net->model->n_slots; i++)
        if (clone->store.slots[i]) memcpy(clone->store.slots[i], net->store.slots[i], net->store.nbytes[i]);
    return clone;
}

void nnrt_net_free(nnrt_net *net) {
    if (!net) return;
    nnrt_store_close(&net->store);
    free(net->is_set);
    free(net);
}

int64_t nnrt_net_steps_done(const nnrt_net *net) {
    return net ? net->steps_done : 0;
}
