/* Where a loss stopped being finite. Steps are functions of their numbers, so the failing one is made again: from the
 * latest copy of the slots up to the call that failed, and there the PROBE function looks at every layer. */
#include <stdlib.h>
#include <string.h>

#include "core/element.h"
#include "core/status.h"
#include "extras/memory_use.h"
#include "extras/trainer_loop.h"

static bool can_explain(const Loop *loop) {
    return nnrt_model_fn(loop->training->instance->model, NNRT_FN_PROBE, 0) >= 0;
}

/* The copy is as large as weights and optimizer state together: of large models only where it is asked for. */
static bool keeps_copy(const Loop *loop) {
    const nnrt_instance *instance = loop->training->instance;
    size_t               nbytes   = 0;
    for (int i = 0; i < instance->model->n_slots; i++) nbytes += instance->slot_nbytes[i];
    return can_explain(loop) && (nbytes <= NNRT_COPIED_SLOTS || loop->training->find_nan);
}

nnrt_status nnrt_fault_keep_start(Loop *loop, nnrt_error *error) {
    const nnrt_instance *instance = loop->training->instance;
    loop->start_step              = loop->training->steps_done;
    if (!keeps_copy(loop)) return NNRT_OK;
    int n = instance->model->n_slots;
    if (!loop->start) {
        loop->start = calloc((size_t)n + 1, sizeof *loop->start);
        for (int i = 0; loop->start && i < n; i++)
            if (!(loop->start[i] = malloc(instance->slot_nbytes[i] + 1)))
                return nnrt_fail_memory(error, instance->slot_nbytes[i], "a copy of the weights");
    }
    if (!loop->start) return nnrt_fail_memory(error, 0, "a copy of the weights");
    for (int i = 0; i < n; i++) memcpy(loop->start[i], instance->slots[i], instance->slot_nbytes[i]);
    return NNRT_OK;
}

void nnrt_fault_close(Loop *loop) {
    for (int i = 0; loop->start && i < loop->training->instance->model->n_slots; i++) free(loop->start[i]);
    free(loop->start);
    loop->start = NULL;
}

static bool replay(Loop *loop, int64_t step) {
    const nnrt_instance *instance = loop->training->instance;
    for (int i = 0; i < instance->model->n_slots; i++)
        memcpy(instance->slots[i], loop->start[i], instance->slot_nbytes[i]);
    loop->replays = true;
    Place sought  = loop->sought;
    loop->sought  = (Place){.fn = -1};
    for (int64_t at = loop->start_step; at <= step; at++) {
        if (at == step) loop->sought = sought;
        if (nnrt_loop_step(loop, at, NULL) != NNRT_OK) return false;
    }
    return loop->found;
}

/* What the result tells of: "layer 'dense_2' (its output)". */
static void describe(const nnrt_model *model, const nnrt_result *result, char *text, size_t size) {
    const char *name = result->tensor.name;
    snprintf(text, size, "loss '%s'", name);
    for (int i = 0; i < model->n_layers; i++)
        if (strcmp(model->layers[i].path, name) == 0) snprintf(text, size, "layer '%s' (its output)", name);
    for (int i = 0; i < model->n_inputs; i++)
        if (strcmp(model->inputs[i].tensor.name, name) == 0) snprintf(text, size, "the data of '%s'", name);
    if (result->slot >= 0) snprintf(text, size, "parameter '%s'", name);
}

/* The first thing that the PROBE function, which has just run, found not to be finite. */
static bool first_bad(const Loop *loop, char *text, size_t size) {
    const nnrt_instance *instance = loop->training->instance;
    const nnrt_model    *model    = instance->model;
    int                  probe    = nnrt_loop_probe_of(model, loop->sought.fn);
    for (int i = 0; i < model->fns[probe].n_results; i++) {
        const nnrt_result *result = &model->fns[probe].results[i];
        if (result->role != NNRT_NONFINITE || nnrt_elem_get(result->tensor.elem, instance->results[i].data, 0) == 0)
            continue;
        describe(model, result, text, size);
        return true;
    }
    return false;
}

nnrt_status nnrt_fault_explain(Loop *loop, int64_t step, nnrt_error *error) {
    char what[300] = "", place[340] = "";
    if (loop->start && replay(loop, step) && first_bad(loop, what, sizeof what))
        snprintf(place, sizeof place, "first in %s; ", what);
    else if (!loop->start && can_explain(loop))
        snprintf(place, sizeof place, "train --find-nan says where first; ");
    return nnrt_fail(error, NNRT_ERROR,
                     "%s is %s at step %lld (epoch %lld): %slower the learning rate (--set) or check the data",
                     loop->bad_loss, loop->bad_is_nan ? "nan" : "infinite", (long long)step + 1,
                     (long long)(step / loop->steps.epoch_steps) + 1, place);
}
