/* --set NAME=VALUE: hyper-parameters that are chosen when the program runs. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"
#include "extras/nearest.h"
#include "extras/options.h"

static const char *hyper_name(int i, const void *model) {
    const nnrt_slot *slot = &((const nnrt_model *)model)->slots[i];
    return slot->kind == NNRT_HYPER && !slot->frozen ? slot->tensor.name : "";
}

/* What was meant by a name that no hyper-parameter has: one that ends in it, one spelt nearly so, or an option. */
static nnrt_status fail_set(const char *name, const char *value, const nnrt_model *model, nnrt_error *error) {
    char option[136];
    snprintf(option, sizeof option, "--%s", name);
    const nnrt_option *same = nnrt_option_find(option, strlen(option));
    if (same && same->commands & NNRT_TRAIN && same->argument)
        return nnrt_fail(error, NNRT_USAGE, "--set: '%s' is an option of its own: %s %s", name, option, value);
    const char *near = NULL;
    for (int i = 0; i < model->n_slots && !near; i++) {
        const char *end = strrchr(hyper_name(i, model), '.');
        if (end && strcmp(end + 1, name) == 0) near = hyper_name(i, model);
    }
    if (!near) near = nnrt_nearest(name, hyper_name, model, model->n_slots);
    if (near)
        return nnrt_fail(error, NNRT_USAGE, "--set: %s has no run-time setting '%s'; did you mean '%s'?", model->name,
                         name, near);
    return nnrt_fail(error, NNRT_USAGE,
                     "--set: %s has no run-time setting '%s': info lists them; parameters of the model are given when "
                     "it is compiled, by nnc -D",
                     model->name, name);
}

/* What decides an `if` or a shape of the optimizer's body cannot be changed any more. */
static nnrt_status check_not_compiled_in(const char *name, const nnrt_model *model, nnrt_error *error) {
    for (int i = 0; i < model->n_slots; i++)
        if (model->slots[i].kind == NNRT_HYPER && model->slots[i].frozen && !strcmp(model->slots[i].tensor.name, name))
            return nnrt_fail(error, NNRT_USAGE,
                             "--set: '%s' is compiled in as %g, since it decides which code there is: change it in "
                             "the model and compile again, or make it a parameter of the model, for nnc -D",
                             name, model->slots[i].value);
    return NNRT_OK;
}

static nnrt_status apply_set(const char *text, nnrt_instance *instance, nnrt_error *error) {
    const nnrt_model *model  = instance->model;
    const char       *equals = strchr(text, '=');
    if (!equals || equals == text) return nnrt_fail(error, NNRT_USAGE, "--set '%s': NAME=VALUE is needed", text);
    char name[128];
    snprintf(name, sizeof name, "%.*s", (int)(equals - text), text);
    int slot = -1;
    for (int i = 0; i < model->n_slots; i++)
        if (strcmp(hyper_name(i, model), name) == 0) slot = i;
    if (slot < 0 && check_not_compiled_in(name, model, error) != NNRT_OK) return NNRT_USAGE;
    if (slot < 0) return fail_set(name, equals + 1, model, error);
    char  *end;
    double value = strtod(equals + 1, &end);
    if (end == equals + 1 || *end != 0 || !isfinite(value))
        return nnrt_fail(error, NNRT_USAGE, "--set %s: '%s' is not a number", name, equals + 1);
    *(double *)instance->slots[slot] = value;
    return NNRT_OK;
}

nnrt_status nnrt_options_apply_sets(const nnrt_options *options, nnrt_instance *instance, nnrt_error *error) {
    nnrt_status status = NNRT_OK;
    for (int i = 0; i < options->sets.n && status == NNRT_OK; i++)
        status = apply_set(options->sets.items[i], instance, error);
    return status;
}
