#include "extras/memory_use.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "core/element.h"

/* A field of /proc/self/status in bytes; 0: there is none. The peak of getrusage is of no use where there is one: a process has its
 * parent's at its start. */
static int64_t status_field(const char *name) {
    FILE   *file  = fopen("/proc/self/status", "r");
    size_t  n     = strlen(name);
    int64_t value = 0;
    char    line[256];
    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, name, n) == 0) value = strtoll(line + n, NULL, 10) * 1024;
    if (file) fclose(file);
    return value;
}

int64_t nnrt_resident_nbytes(void) {
    return status_field("VmRSS:");
}

int64_t nnrt_peak_nbytes(void) {
    int64_t       peak = status_field("VmHWM:");
    struct rusage usage;
    if (peak > 0 || getrusage(RUSAGE_SELF, &usage) != 0) return peak;
    return (int64_t)usage.ru_maxrss * 1024;
}

/* Code, library pages and tables that a run touches after its start, by what small models take: 0.4 to 0.5 MB. */
enum { RUN_NBYTES = 450000 };

static bool trains(const nnrt_fn *fn) {
    return fn->kind == NNRT_FN_INIT || fn->kind == NNRT_FN_FIT || fn->kind == NNRT_FN_TRAIN ||
           fn->kind == NNRT_FN_ACCUMULATE || fn->kind == NNRT_FN_EVAL;
}

static int64_t results_nbytes(const nnrt_instance *instance, const nnrt_fn *fn) {
    int64_t nbytes = 0;
    for (int i = 0; i < fn->n_results; i++) {
        const nnrt_tensor *tensor = &fn->results[i].tensor;
        int64_t            count  = nnrt_shape_count(nnrt_instance_shape(instance, tensor), tensor->rank);
        if (count > 0) nbytes += count * (int64_t)nnrt_elem_size(tensor->elem);
    }
    return nbytes;
}

static int64_t training_nbytes(const nnrt_instance *instance, bool find_nan, bool logged) {
    const nnrt_model *model = instance->model;
    int64_t           slots = 0, most = 0;
    for (int i = 0; i < model->n_slots; i++) slots += (int64_t)instance->slot_nbytes[i];
    for (int i = 0; i < model->n_fns; i++) {
        const nnrt_fn *fn = &model->fns[i];
        if (!trains(fn) && !(logged && fn->kind == NNRT_FN_PROBE)) continue;
        int64_t workspace = nnrt_instance_workspace(instance, i, nnrt_pool_size(instance->pool));
        int64_t nbytes    = workspace + results_nbytes(instance, fn);
        if (nbytes > most) most = nbytes;
    }
    bool copied = nnrt_model_fn(model, NNRT_FN_PROBE, 0) >= 0 && (find_nan || slots <= NNRT_COPIED_SLOTS);
    return slots * (copied ? 2 : 1) + most + RUN_NBYTES;
}

int64_t nnrt_training_nbytes(const nnrt_instance *instance, bool find_nan) {
    return training_nbytes(instance, find_nan, false);
}

int64_t nnrt_logged_training_nbytes(const nnrt_instance *instance, bool find_nan) {
    return training_nbytes(instance, find_nan, true);
}
