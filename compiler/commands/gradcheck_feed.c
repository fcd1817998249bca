/* What gradcheck feeds: --data's first samples, or random numbers: standard normal ones for inputs, ones between 0 and 1 for
 * targets (probabilities, and as good as any for squares), classes below the model's limit for integers; where it gives none,
 * bytes are 0 .. 255 and other integers below the smallest dim and below 10. Parameters are moved from their initial values by
 * normal numbers of deviation 0.1: biases of 0 would put every max(x, 0) behind them at its kink. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "commands/gradcheck.h"
#include "core/element.h"
#include "extras/vocabulary.h"

enum { DEFAULT_BATCH = 3, FIRST_DIM = 4, UNKNOWN_CLASSES = 10, BYTE_VALUES = 256, FIRST_PARAMETER = 1 << 20 };

static bool refuse(Compilation *c, const char *format, const char *what) {
    Diag *diag = diag_error(c->diags, (Span){0}, E0744, format, what);
    (void)diag;
    return false;
}

/* ---- dims ---------------------------------------------------------------------------------------------------------- */

static const char *given_dim(const CommandLine *line, const char *name) {
    for (int i = 0; i < line->n_dims; i++)
        if (!strcmp(line->dims[i].name, name)) return line->dims[i].value;
    return NULL;
}

static bool known_dims(Compilation *c, const CommandLine *line, const nnrt_model *model) {
    for (int i = 0; i < line->n_dims; i++) {
        int k = 0;
        while (k < model->n_symbols && strcmp(model->dims[k].name, line->dims[i].name)) k++;
        if (k == model->n_symbols) return refuse(c, "--dim: the model has no dim '%s'", line->dims[i].name);
    }
    return true;
}

/* Sizes that differ, so that no two axes are mixed up unseen. */
static void choose_dims(const CommandLine *line, const nnrt_model *model, int64_t *symbols) {
    for (int i = 0, next = FIRST_DIM; i < model->n_symbols; i++) {
        const nnrt_dim *dim   = &model->dims[i];
        const char     *given = given_dim(line, dim->name);
        if (given)
            symbols[i] = strtoll(given, NULL, 10);
        else if (dim->is_sample)
            symbols[i] = line->batch ? line->batch : DEFAULT_BATCH;
        else
            symbols[i] = next++;
        if (!given && dim->bound > 0 && symbols[i] > dim->bound) symbols[i] = dim->bound;
    }
}

static bool bind(Compilation *c, Run *run, const int64_t *symbols) {
    nnrt_error error = {0};
    if (nnrt_instance_bind(run->instance, symbols, &error) == NNRT_OK) return true;
    Diag *diag = diag_error(c->diags, (Span){0}, E0744, "the sizes chosen for the dims do not fit: %s", error.message);
    diag_help(diag, "give them: --dim NAME=N, --batch N");
    return false;
}

/* ---- random inputs -------------------------------------------------------------------------------------------------- */

static double uniform(uint64_t seed, int stream, int64_t index) {
    uint32_t counter[4] = {(uint32_t)index, (uint32_t)((uint64_t)index >> 32), (uint32_t)stream, 0x67726164};
    uint32_t key[2]     = {(uint32_t)seed, (uint32_t)(seed >> 32)}, out[4];
    nnrt_philox(counter, key, out);
    return ((double)out[0] + (double)(out[1] >> 11) / 2097152.0 + 0.5 / 2097152.0) / 4294967296.0;
}

/* Box and Muller. */
static double normal(uint64_t seed, int stream, int64_t index) {
    double radius = sqrt(-2 * log(uniform(seed, stream, 2 * index)));
    return radius * cos(6.283185307179586 * uniform(seed, stream, 2 * index + 1));
}

/* Indices of what a dim counts: nodes of a graph, say. */
static int64_t smallest_dim(const nnrt_model *model, const int64_t *symbols) {
    int64_t least = UNKNOWN_CLASSES;
    for (int i = 0; i < model->n_symbols; i++)
        if (symbols[i] < least) least = symbols[i];
    return least;
}

static double draw(const nnrt_input *input, int64_t unknown_limit, uint64_t seed, int stream, int64_t index) {
    int elem = input->tensor.elem;
    if (nnrt_elem_is_float(elem) && !input->is_target) return normal(seed, stream, index);
    double share = uniform(seed, stream, index);
    if (nnrt_elem_is_float(elem)) return share;
    if (elem == NNRT_BOOL) return share < 0.5;
    int64_t limit = input->class_limit ? input->class_limit : elem == NNRT_U8 ? BYTE_VALUES : unknown_limit;
    return floor(share * (double)limit);
}

static bool draw_inputs(Feed *feed, Compilation *c, const CommandLine *line, Run *run) {
    const nnrt_model *model = run->instance->model;
    choose_dims(line, model, feed->symbols);
    if (!known_dims(c, line, model) || !bind(c, run, feed->symbols)) return false;
    int64_t limit = smallest_dim(model, feed->symbols);
    for (int i = 0; i < model->n_inputs; i++) {
        const nnrt_input *input = &model->inputs[i];
        int64_t count = nnrt_shape_count(nnrt_instance_shape(run->instance, &input->tensor), input->tensor.rank);
        if (count <= 0) {
            refuse(c, "the sizes chosen for the dims leave input '%s' empty: give others with --dim NAME=N",
                   input->tensor.name);
            return false;
        }
        void *data = arena_alloc(c->arena, (size_t)count * nnrt_elem_size(input->tensor.elem) + 64);
        for (int64_t k = 0; k < count; k++)
            nnrt_elem_put(input->tensor.elem, data, k, draw(input, limit, (uint64_t)line->seed, i, k));
        feed->inputs[i] = data;
    }
    feed->source = "inputs drawn at random";
    return true;
}

/* ---- --data ---------------------------------------------------------------------------------------------------------- */

/* Texts get the numbers, and missing values the means, that training on these samples would give them. */
static nnrt_status encode(Feed *feed, nnrt_error *error) {
    nnrt_vocabularies vocabularies = {0};
    nnrt_status       status       = nnrt_vocabularies_build(&vocabularies, &feed->split, error);
    if (status == NNRT_OK) status = nnrt_dataset_encode(&feed->set, &vocabularies, error);
    nnrt_vocabularies_free(&vocabularies);
    return status;
}

static bool load_inputs(Feed *feed, Compilation *c, const CommandLine *line, Run *run) {
    const nnrt_model *model  = run->instance->model;
    nnrt_error        error  = {0};
    bool             *needed = ARENA_ARRAY(c->arena, bool, model->n_inputs + 1);
    for (int i = 0; i < model->n_inputs; i++)
        needed[i] = strncmp(model->inputs[i].tensor.name, HELD_INPUT, strlen(HELD_INPUT)) != 0;
    nnrt_status status = nnrt_dataset_load(&feed->set, model, line->data, line->n_data, needed, NULL, &error);
    feed->has_set      = feed->set.model != NULL;
    if (status == NNRT_OK) {
        feed->split   = nnrt_split_all(&feed->set);
        int64_t batch = line->batch ? line->batch : DEFAULT_BATCH;
        if (batch > feed->split.n) batch = feed->split.n;
        status = encode(feed, &error);
        if (status == NNRT_OK)
            status = nnrt_batches_new(&feed->batches, &feed->split, batch, false, (uint64_t)line->seed, &error);
        feed->has_batches = status == NNRT_OK;
    }
    if (status != NNRT_OK) return refuse(c, "%s", error.message);
    nnrt_batches_fetch(&feed->batches, 0, 0);
    memcpy(feed->symbols, feed->batches.symbols, (size_t)model->n_symbols * sizeof *feed->symbols);
    for (int i = 0; i < model->n_inputs; i++) feed->inputs[i] = feed->batches.inputs[i];
    feed->source = arena_printf(c->arena, "the first samples of %s", line->data[0]);
    return bind(c, run, feed->symbols);
}

bool feed_open(Feed *feed, Compilation *c, const CommandLine *line, Run *run) {
    const nnrt_model *model = run->instance->model;
    *feed                   = (Feed){.symbols = ARENA_ARRAY(c->arena, int64_t, model->n_symbols + 1),
                                     .inputs  = ARENA_ARRAY(c->arena, const void *, model->n_inputs + 1)};
    return line->n_data ? load_inputs(feed, c, line, run) : draw_inputs(feed, c, line, run);
}

void feed_free(Feed *feed) {
    if (feed->has_batches) nnrt_batches_free(&feed->batches);
    nnrt_split_free(&feed->split);
    if (feed->has_set) nnrt_dataset_free(&feed->set);
}

void move_parameters(Run *run, uint64_t seed) {
    const nnrt_model *model = run->instance->model;
    for (int i = 0; i < model->n_slots; i++) {
        const nnrt_tensor *tensor = &model->slots[i].tensor;
        void              *data   = run->instance->slots[i];
        if (model->slots[i].kind != NNRT_PARAM || !nnrt_elem_is_float(tensor->elem)) continue;
        int64_t count = nnrt_shape_count(nnrt_instance_shape(run->instance, tensor), tensor->rank);
        for (int64_t k = 0; k < count; k++) {
            double value = nnrt_elem_get(tensor->elem, data, k) + 0.1 * normal(seed, FIRST_PARAMETER + i, k);
            nnrt_elem_put(tensor->elem, data, k, value);
        }
    }
}
