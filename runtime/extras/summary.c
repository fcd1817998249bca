#include "extras/summary.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/element.h"
#include "core/status.h"

const char *nnrt_size_text(double nbytes, char *text, size_t size) {
    static const char *const UNITS[] = {"bytes", "KB", "MB", "GB", "TB"};
    int                      unit    = 0;
    for (; nbytes >= 1000 && unit < 4; unit++) nbytes /= 1000;
    snprintf(text, size, unit == 0 ? "%.0f %s" : "%.1f %s", nbytes, UNITS[unit]);
    return text;
}

const char *nnrt_count_text(int64_t count, char *text, size_t size) {
    char   digits[24];
    int    n  = snprintf(digits, sizeof digits, "%lld", (long long)count);
    size_t at = 0;
    for (int i = 0; i < n && at + 2 < size; i++) {
        if (i > 0 && (n - i) % 3 == 0 && digits[i - 1] != '-') text[at++] = ',';
        text[at++] = digits[i];
    }
    text[at] = 0;
    return text;
}

nnrt_status nnrt_bind_example(nnrt_instance *instance, int64_t batch, nnrt_error *error) {
    const nnrt_model *model = instance->model;
    int64_t           symbols[model->n_symbols + 1];
    for (int i = 0; i < model->n_symbols; i++) {
        const nnrt_dim *dim = &model->dims[i];
        symbols[i]          = dim->is_sample ? batch : dim->bound > 0 ? dim->bound : 1;
    }
    return nnrt_instance_bind(instance, symbols, error);
}

/* Is `path` within the layer called `layer`? Everything is within "". */
static bool is_within(const char *path, const char *layer) {
    size_t n = strlen(layer);
    return n == 0 || (strncmp(path, layer, n) == 0 && path[n] == '/');
}

/* The innermost row that holds `path`, other than row `self`; -1: none, or the model's own. */
static int holder(const nnrt_model *model, const char *path, int self) {
    int    found = -1;
    size_t best  = 0;
    for (int i = 0; i < model->n_layers; i++) {
        size_t n = strlen(model->layers[i].path);
        if (i == self || n <= best || !is_within(path, model->layers[i].path)) continue;
        found = i;
        best  = n;
    }
    return found;
}

static void place_layer(nnrt_summary *summary, const nnrt_instance *instance, int i) {
    const nnrt_model   *model = instance->model;
    const nnrt_layer   *layer = &model->layers[i];
    nnrt_layer_summary *row   = &summary->layers[i];
    int                 above = holder(model, layer->path, i);
    *row = (nnrt_layer_summary){.layer = layer, .name = layer->path, .is_frozen = true, .flops = -1};
    if (layer->flops_at >= 0) row->flops = instance->shape_values[layer->flops_at];
    if (above >= 0) row->name += strlen(model->layers[above].path) + 1;
    for (; above >= 0; above = holder(model, model->layers[above].path, above)) row->depth++;
    if (layer->only_in_losses) return;
    summary->flops = summary->flops < 0 || row->flops < 0 ? -1 : summary->flops + row->flops;
}

static void add(nnrt_amount *amount, int64_t count, size_t nbytes) {
    amount->count += count;
    amount->nbytes += (double)nbytes;
}

/* The model's own row, which stands last in the prediction; NULL: it has none. */
static nnrt_amount *model_row(nnrt_summary *summary, const nnrt_model *model) {
    for (int i = 0; i < model->n_layers; i++)
        if (model->layers[i].path[0] == 0) return &summary->layers[i].own;
    return &summary->other;
}

static void count_slot(nnrt_summary *summary, const nnrt_instance *instance, int i) {
    const nnrt_slot *slot    = &instance->model->slots[i];
    int64_t          count   = nnrt_shape_count(nnrt_instance_shape(instance, &slot->tensor), slot->tensor.rank);
    nnrt_amount     *kinds[] = {[NNRT_PARAM]     = slot->frozen ? &summary->frozen : &summary->trainable,
                                [NNRT_STATE]     = &summary->state,
                                [NNRT_FIT]       = &summary->state,
                                [NNRT_OPTIMIZER] = &summary->optimizer,
                                [NNRT_METRIC]    = NULL,
                                [NNRT_HYPER]     = NULL,
                                [NNRT_EMA]       = &summary->averages,
                                [NNRT_GRADIENT]  = &summary->gradients};
    if (kinds[slot->kind]) add(kinds[slot->kind], count, instance->slot_nbytes[i]);
    if (slot->kind > NNRT_FIT) return;
    int row = holder(instance->model, slot->tensor.name, -1);
    add(row < 0 ? model_row(summary, instance->model) : &summary->layers[row].own, count, instance->slot_nbytes[i]);
    if (row >= 0 && slot->kind == NNRT_PARAM) summary->layers[row].is_frozen &= slot->frozen != 0;
}

nnrt_status nnrt_summarise(nnrt_summary *summary, const nnrt_instance *instance, nnrt_error *error) {
    const nnrt_model *model = instance->model;
    *summary                = (nnrt_summary){.flops = model->n_layers > 0 ? 0 : -1};
    summary->layers         = calloc((size_t)model->n_layers + 1, sizeof *summary->layers);
    if (!summary->layers) return nnrt_fail_memory(error, 0, "a summary");
    for (int i = 0; i < model->n_layers; i++) place_layer(summary, instance, i);
    for (int i = 0; i < model->n_slots; i++) count_slot(summary, instance, i);
    for (int i = 0; i < model->n_layers; i++) summary->layers[i].is_frozen &= summary->layers[i].own.count > 0;
    return NNRT_OK;
}

void nnrt_summary_free(nnrt_summary *summary) {
    free(summary->layers);
    *summary = (nnrt_summary){0};
}
