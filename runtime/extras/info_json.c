/* info --json: the numbers of info for other programs. */
#include <stdlib.h>

#include <cjson/cJSON.h>

#include "core/element.h"
#include "core/status.h"
#include "extras/info.h"
#include "extras/memory_use.h"

static void add_text(cJSON *object, const char *name, const char *text) {
    cJSON_AddItemToObject(object, name, text ? cJSON_CreateString(text) : cJSON_CreateNull());
}

/* {"name", "type", "dims": as written, "shape": for the dims bound} */
static cJSON *tensor_json(const nnrt_instance *instance, const nnrt_tensor *tensor, const char *name) {
    const int64_t *shape  = nnrt_instance_shape(instance, tensor);
    cJSON         *object = cJSON_CreateObject();
    if (name) add_text(object, "name", name);
    add_text(object, "type", nnrt_elem_name(tensor->elem));
    add_text(object, "dims", tensor->shape_text);
    cJSON *sizes = cJSON_AddArrayToObject(object, "shape");
    for (int i = 0; i < tensor->rank; i++) cJSON_AddItemToArray(sizes, cJSON_CreateNumber((double)shape[i]));
    return object;
}

static void add_layers(cJSON *object, const nnrt_instance *instance, const nnrt_summary *summary) {
    cJSON *layers = cJSON_AddArrayToObject(object, "layers");
    for (int i = 0; i < instance->model->n_layers; i++) {
        const nnrt_layer_summary *row   = &summary->layers[i];
        cJSON                    *layer = cJSON_CreateObject();
        add_text(layer, "path", row->layer->path);
        add_text(layer, "kind", row->layer->kind);
        cJSON_AddItemToObject(layer, "output", tensor_json(instance, &row->layer->output, NULL));
        cJSON_AddNumberToObject(layer, "calls", row->layer->calls);
        cJSON_AddNumberToObject(layer, "parameters", (double)row->own.count);
        cJSON_AddNumberToObject(layer, "nbytes", row->own.nbytes);
        cJSON_AddItemToObject(layer, "flops",
                              row->flops < 0 ? cJSON_CreateNull() : cJSON_CreateNumber((double)row->flops));
        cJSON_AddBoolToObject(layer, "frozen", row->is_frozen);
        cJSON_AddBoolToObject(layer, "only_in_losses", row->layer->only_in_losses != 0);
        cJSON_AddItemToArray(layers, layer);
    }
    cJSON_AddItemToObject(object, "flops",
                          summary->flops < 0 ? cJSON_CreateNull() : cJSON_CreateNumber((double)summary->flops));
}

static void add_tensors(cJSON *object, const nnrt_instance *instance) {
    const nnrt_model *model  = instance->model;
    cJSON            *inputs = cJSON_AddArrayToObject(object, "inputs");
    for (int i = 0; i < model->n_inputs; i++) {
        cJSON *input = tensor_json(instance, &model->inputs[i].tensor, model->inputs[i].tensor.name);
        cJSON_AddBoolToObject(input, "target", model->inputs[i].is_target != 0);
        cJSON_AddItemToArray(inputs, input);
    }
    cJSON *outputs = cJSON_AddArrayToObject(object, "outputs");
    for (int fn = nnrt_model_fn(model, NNRT_FN_PREDICT, 0); fn >= 0; fn = nnrt_model_fn(model, NNRT_FN_PREDICT, fn + 1))
        for (int i = 0; i < model->fns[fn].n_results; i++) {
            const nnrt_tensor *tensor = &model->fns[fn].results[i].tensor;
            cJSON_AddItemToArray(outputs, tensor_json(instance, tensor, tensor->name));
        }
}

static void add_parameters(cJSON *object, const nnrt_instance *instance) {
    static const char *const KINDS[]    = {[NNRT_PARAM] = "parameter", [NNRT_STATE] = "state", [NNRT_FIT] = "fitted"};
    const nnrt_model        *model      = instance->model;
    cJSON                   *parameters = cJSON_AddArrayToObject(object, "parameters");
    for (int i = 0; i < model->n_slots; i++) {
        const nnrt_slot *slot = &model->slots[i];
        if (slot->kind > NNRT_FIT) continue;
        cJSON *parameter = tensor_json(instance, &slot->tensor, slot->tensor.name);
        add_text(parameter, "kind", KINDS[slot->kind]);
        cJSON_AddBoolToObject(parameter, "frozen", slot->frozen != 0);
        cJSON_AddNumberToObject(parameter, "nbytes", (double)instance->slot_nbytes[i]);
        cJSON_AddItemToArray(parameters, parameter);
    }
}

static void add_amount(cJSON *object, const char *name, const nnrt_amount *amount) {
    cJSON *entry = cJSON_AddObjectToObject(object, name);
    cJSON_AddNumberToObject(entry, "count", (double)amount->count);
    cJSON_AddNumberToObject(entry, "nbytes", amount->nbytes);
}

static void add_totals(cJSON *object, const nnrt_summary *summary) {
    cJSON *totals = cJSON_AddObjectToObject(object, "totals");
    add_amount(totals, "trainable", &summary->trainable);
    add_amount(totals, "frozen", &summary->frozen);
    add_amount(totals, "state", &summary->state);
    add_amount(totals, "optimizer", &summary->optimizer);
    add_amount(totals, "averages", &summary->averages);
    add_amount(totals, "gradients", &summary->gradients);
}

static void add_memory(cJSON *object, const nnrt_options *options, const nnrt_instance *instance) {
    const nnrt_model *model     = instance->model;
    cJSON            *workspace = cJSON_AddObjectToObject(object, "workspace_nbytes");
    for (int i = 0; i < model->n_fns; i++)
        if (nnrt_info_shows_workspace(&model->fns[i]))
            cJSON_AddNumberToObject(workspace, model->fns[i].name,
                                    (double)nnrt_instance_workspace(instance, i, nnrt_pool_size(instance->pool)));
    if (nnrt_model_fn(model, NNRT_FN_TRAIN, 0) >= 0)
        cJSON_AddNumberToObject(object, "training_nbytes",
                                (double)(options->program_nbytes + nnrt_training_nbytes(instance, options->find_nan)));
}

static void add_settings(cJSON *object, const nnrt_model *model) {
    const nnrt_train_settings *t        = &model->train;
    cJSON                     *settings = cJSON_AddObjectToObject(object, "settings");
    cJSON_AddNumberToObject(settings, "batch", (double)t->batch);
    cJSON_AddNumberToObject(settings, "accumulate", (double)t->accumulate);
    cJSON_AddNumberToObject(settings, t->steps > 0 ? "steps" : "epochs", (double)(t->steps > 0 ? t->steps : t->epochs));
    cJSON_AddNumberToObject(settings, "seed", (double)t->seed);
    cJSON_AddNumberToObject(settings, "validation_split", t->validation_split);
    cJSON_AddNumberToObject(settings, "test_split", t->test_split);
    cJSON_AddNumberToObject(settings, "ema", t->ema);
    cJSON_AddBoolToObject(settings, "shuffle", t->shuffle != 0);
    add_text(settings, "headline", t->headline);
    cJSON *hyper = cJSON_AddObjectToObject(object, "hyper_parameters");
    for (int i = 0; i < model->n_slots; i++)
        if (model->slots[i].kind == NNRT_HYPER)
            cJSON_AddNumberToObject(hyper, model->slots[i].tensor.name, model->slots[i].value);
}

static void add_targets(cJSON *object, const nnrt_instance *instance) {
    const nnrt_model *model = instance->model;
    if (!instance->variant) return;
    add_text(object, "target", instance->variant->name);
    cJSON *targets = cJSON_AddArrayToObject(object, "targets");
    for (int64_t i = 0; i < model->n_variants; i++)
        cJSON_AddItemToArray(targets, cJSON_CreateString(model->variants[i].name));
}

nnrt_status nnrt_info_json(const nnrt_options *options, const nnrt_instance *instance, const nnrt_summary *summary,
                           nnrt_error *error) {
    const nnrt_model *model  = instance->model;
    bool              all    = !options->shapes && !options->params && !options->memory;
    cJSON            *object = cJSON_CreateObject();
    add_text(object, "model", model->name);
    cJSON *dims = cJSON_AddObjectToObject(object, "dims");
    for (int i = 0; i < model->n_symbols; i++)
        cJSON_AddNumberToObject(dims, model->dims[i].name, (double)instance->symbols[i]);
    cJSON_AddNumberToObject(object, "threads", nnrt_pool_size(instance->pool));
    if (all || options->shapes) add_layers(object, instance, summary);
    if (all || options->shapes) add_tensors(object, instance);
    if (all || options->params) add_parameters(object, instance);
    if (all || options->params) add_totals(object, summary);
    if (all || options->memory) add_memory(object, options, instance);
    if (all) add_settings(object, model);
    add_text(object, "precision", model->precision);
    add_targets(object, instance);
    char *text = cJSON_PrintUnformatted(object);
    cJSON_Delete(object);
    if (!text) return nnrt_fail_memory(error, 0, "JSON");
    puts(text);
    free(text);
    return NNRT_OK;
}
