/* The command info: what the model is made of and what it needs. */
#include <stdlib.h>
#include <string.h>

#include "core/element.h"
#include "core/status.h"
#include "extras/cli.h"

static const char *size_text(double nbytes, char *text, size_t size) {
    static const char *const UNITS[] = {"bytes", "KB", "MB", "GB", "TB"};
    int                      unit    = 0;
    for (; nbytes >= 1000 && unit < 4; unit++) nbytes /= 1000;
    snprintf(text, size, unit == 0 ? "%.0f %s" : "%.1f %s", nbytes, UNITS[unit]);
    return text;
}

static void type_text(const nnrt_tensor *tensor, char *text, size_t size) {
    snprintf(text, size, "%s%s", nnrt_elem_name(tensor->elem), tensor->shape_text);
}

static void print_parameters(const nnrt_instance *instance) {
    const nnrt_model *model  = instance->model;
    int               width  = 10;
    int64_t           total  = 0;
    double            nbytes = 0;
    char              text[160];
    for (int i = 0; i < model->n_slots; i++)
        if (model->slots[i].kind <= NNRT_FIT && (int)strlen(model->slots[i].tensor.name) > width)
            width = (int)strlen(model->slots[i].tensor.name);
    printf("%-*s  %-20s %12s\n", width, "parameters", "type", "count");
    for (int i = 0; i < model->n_slots; i++) {
        const nnrt_slot *slot = &model->slots[i];
        if (slot->kind > NNRT_FIT) continue;
        int64_t     count = nnrt_shape_count(nnrt_instance_shape(instance, &slot->tensor), slot->tensor.rank);
        const char *note  = slot->kind == NNRT_PARAM ? (slot->frozen ? "  frozen" : "") : "  not trained";
        type_text(&slot->tensor, text, sizeof text);
        printf("%-*s  %-20s %12lld%s\n", width, slot->tensor.name, text, (long long)count, note);
        if (slot->kind != NNRT_PARAM) continue;
        total += count;
        nbytes += (double)instance->slot_nbytes[i];
    }
    char size[32];
    printf("%-*s  %-20s %12lld  (%s)\n", width, "total", "", (long long)total, size_text(nbytes, size, sizeof size));
}

static void print_tensors(const nnrt_model *model) {
    char text[160];
    puts("\ninputs");
    for (int i = 0; i < model->n_inputs; i++) {
        type_text(&model->inputs[i].tensor, text, sizeof text);
        printf("  %s: %s%s\n", model->inputs[i].tensor.name, text, model->inputs[i].is_target ? "  target" : "");
    }
    puts("\noutputs");
    for (int fn = nnrt_model_fn(model, NNRT_FN_PREDICT, 0); fn >= 0; fn = nnrt_model_fn(model, NNRT_FN_PREDICT, fn + 1))
        for (int i = 0; i < model->fns[fn].n_results; i++) {
            type_text(&model->fns[fn].results[i].tensor, text, sizeof text);
            printf("  %s: %s\n", model->fns[fn].results[i].tensor.name, text);
        }
}

static void print_settings(const nnrt_model *model) {
    const nnrt_train_settings *t = &model->train;
    if (nnrt_model_fn(model, NNRT_FN_TRAIN, 0) < 0) return;
    printf("\nsettings\n  batch %lld", (long long)t->batch);
    if (t->steps > 0)
        printf(", steps %lld", (long long)t->steps);
    else
        printf(", epochs %lld", (long long)t->epochs);
    printf(", seed %lld", (long long)t->seed);
    if (t->validation_split > 0) printf(", validation_split %g", t->validation_split);
    if (t->test_split > 0) printf(", test_split %g", t->test_split);
    puts(t->shuffle ? "" : ", not shuffled");
    for (int i = 0; i < model->n_slots; i++)
        if (model->slots[i].kind == NNRT_HYPER) printf("  %s %g\n", model->slots[i].tensor.name, model->slots[i].value);
}

/* Dims that only data would bind stand at their bounds, or at 1. */
static nnrt_status print_memory(const nnrt_options *options, nnrt_instance *instance, nnrt_error *error) {
    const nnrt_model *model = instance->model;
    int64_t           symbols[model->n_symbols + 1];
    printf("\nmemory at ");
    for (int i = 0; i < model->n_symbols; i++) {
        const nnrt_dim *dim = &model->dims[i];
        symbols[i]          = dim->is_sample ? options->settings.batch : dim->bound > 0 ? dim->bound : 1;
        printf("%s = %lld, ", dim->name, (long long)symbols[i]);
    }
    printf("%d thread%s\n", options->threads, options->threads == 1 ? "" : "s");
    nnrt_status status = nnrt_instance_bind(instance, symbols, error);
    if (status != NNRT_OK) return status;
    double kinds[NNRT_HYPER + 1] = {0};
    char   size[32];
    for (int i = 0; i < model->n_slots; i++) kinds[model->slots[i].kind] += (double)instance->slot_nbytes[i];
    printf("  %-22s %12s\n", "parameters and state",
           size_text(kinds[NNRT_PARAM] + kinds[NNRT_STATE] + kinds[NNRT_FIT], size, sizeof size));
    printf("  %-22s %12s\n", "optimizer", size_text(kinds[NNRT_OPTIMIZER], size, sizeof size));
    for (int i = 0; i < model->n_fns; i++) {
        const nnrt_fn *fn = &model->fns[i];
        if (!fn->workspace || (fn->kind != NNRT_FN_TRAIN && fn->kind != NNRT_FN_EVAL && fn->kind != NNRT_FN_PREDICT))
            continue;
        char name[64];
        snprintf(name, sizeof name, "workspace of %.40s", fn->name);
        printf("  %-22s %12s\n", name, size_text((double)fn->workspace(symbols, options->threads), size, sizeof size));
    }
    return NNRT_OK;
}

nnrt_status nnrt_run_info(const nnrt_options *options, nnrt_instance *instance, nnrt_error *error) {
    printf("model %s\n\n", instance->model->name);
    print_parameters(instance);
    print_tensors(instance->model);
    print_settings(instance->model);
    return print_memory(options, instance, error);
}
