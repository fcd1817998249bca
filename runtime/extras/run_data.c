/* The command data: what is understood of data files, and whether they fit the model. */
#include <stdlib.h>
#include <string.h>

#include "core/element.h"
#include "core/status.h"
#include "extras/cli.h"
#include "extras/describe.h"

enum { SHOWN_CLASSES = 10 };

typedef struct Check { /* the data, as a command would load it */
    nnrt_dataset      set;
    nnrt_vocabularies vocabularies;
    bool             *needed;
    nnrt_status       status;
    nnrt_error        error; /* where it does not fit */
} Check;

/* For training, or for predicting alone; with the vocabularies of --weights, or of the data itself. */
static void load(Check *check, const nnrt_options *options, const nnrt_model *model, unsigned kinds) {
    check->error = (nnrt_error){0};
    nnrt_inputs_needed(model, kinds, check->needed);
    check->status =
        nnrt_dataset_load(&check->set, model, options->data.items, options->data.n, check->needed, NULL, &check->error);
    if (check->status != NNRT_OK) return;
    const nnrt_split all = nnrt_split_all(&check->set);
    check->status        = options->weights
                               ? nnrt_vocabularies_read(&check->vocabularies, model, options->weights, NULL, &check->error)
                               : nnrt_vocabularies_build(&check->vocabularies, &all, &check->error);
    if (check->status == NNRT_OK) check->status = nnrt_dataset_encode(&check->set, &check->vocabularies, &check->error);
}

static void unload(Check *check) {
    nnrt_vocabularies_free(&check->vocabularies);
    if (check->set.model) nnrt_dataset_free(&check->set);
    check->set = (nnrt_dataset){0};
}

/* The file of an argument FILE or NAME=FILE. */
static const char *path_of(const nnrt_model *model, const char *argument) {
    const char *equals = strchr(argument, '=');
    for (int i = 0; equals && i < model->n_inputs; i++) {
        const char *name = model->inputs[i].tensor.name;
        if (strlen(name) == (size_t)(equals - argument) && strncmp(name, argument, strlen(name)) == 0)
            return equals + 1;
    }
    return argument;
}

static bool takes_whole_files(const nnrt_model *model) {
    for (int i = 0; i < model->n_inputs; i++)
        if (nnrt_takes_whole_file(&model->inputs[i])) return true;
    return false;
}

/* ---- inputs ------------------------------------------------------------------------------------------------------ */

static void print_classes(const nnrt_vocabulary *v) {
    for (int64_t i = 0; i < v->n_texts && i < SHOWN_CLASSES; i++)
        printf("%s%lld %s", i ? ", " : "", (long long)i, v->texts[i]);
    if (v->n_texts > SHOWN_CLASSES) printf(", ... (%lld classes)", (long long)v->n_texts);
}

static int64_t count_zeros(const nnrt_array *array) {
    int64_t n = 0;
    for (int64_t i = 0; i < array->count; i++) n += nnrt_elem_get(array->elem, array->data, i) == 0;
    return n;
}

static int64_t count_longer(const nnrt_column *column, nnrt_source_kind kind) {
    int64_t n = 0;
    for (int64_t i = 0; i < column->texts.n; i++)
        n += nnrt_text_length(nnrt_texts_at(&column->texts, i), kind) > column->array.shape[1];
    return n;
}

static void print_texts(const nnrt_column *column, const nnrt_vocabulary *v, const nnrt_input *input) {
    const char *what = input->source.kind == NNRT_FROM_WORDS ? "word" : "text";
    printf("%lld %s%s by number", (long long)v->n_texts, what, v->n_texts == 1 ? "" : "s");
    if (v->n_left_out > 0) printf(", %lld rarer left out by max", (long long)v->n_left_out);
    if (input->source.kind == NNRT_FROM_CATEGORY)
        printf(", %lld of %lld rows unknown or missing", (long long)count_zeros(&column->array),
               (long long)column->array.count);
    else
        printf(", %lld of %lld texts cut to %lld words", (long long)count_longer(column, NNRT_FROM_WORDS),
               (long long)column->texts.n, (long long)column->array.shape[1]);
}

static void print_input(const Check *check, int i) {
    const nnrt_input      *input  = &check->set.model->inputs[i];
    const nnrt_column     *column = &check->set.columns[i];
    const nnrt_vocabulary *v      = &check->vocabularies.inputs[i];
    char                   source[400], type[160], shape[160];
    snprintf(type, sizeof type, "%s%s", nnrt_elem_name(input->tensor.elem), input->tensor.shape_text);
    printf("  %-6s %-16s %-20s %s", input->is_target ? "target" : "input", input->tensor.name, type,
           nnrt_source_text(input, source, sizeof source));
    printf("%s", source[0] ? ": " : "");
    if (v->slots && input->is_target)
        print_classes(v);
    else if (v->slots)
        print_texts(column, v, input);
    else
        printf("%s %s", nnrt_elem_name(column->array.elem),
               nnrt_shape_text(column->array.shape, column->array.rank, shape, sizeof shape));
    for (int64_t k = 0; k < v->n_means; k++) printf("%s%.6g", k ? ", " : ", means ", v->means[k]);
    putchar('\n');
}

static void print_inputs(const Check *check) {
    const nnrt_model *model = check->set.model;
    printf("inputs of %s\n", model->name);
    for (int i = 0; i < model->n_inputs; i++)
        if (check->needed[i] && check->set.columns[i].array.data) print_input(check, i);
    printf("%lld sample%s", (long long)check->set.n_samples, check->set.n_samples == 1 ? "" : "s");
}

/* ---- the command ------------------------------------------------------------------------------------------------- */

static nnrt_status describe(const nnrt_options *options, const nnrt_model *model, const Check *check,
                            nnrt_error *error) {
    if (takes_whole_files(model)) return NNRT_OK; /* bytes, whatever they are */
    for (int i = 0; i < options->data.n; i++) {
        nnrt_status status =
            nnrt_describe_file(stdout, path_of(model, options->data.items[i]), model, &check->set, error);
        if (status != NNRT_OK) return status;
        putchar('\n');
    }
    return NNRT_OK;
}

nnrt_status nnrt_run_data(const nnrt_options *options, nnrt_instance *instance, nnrt_error *error) {
    const nnrt_model *model    = instance->model;
    const unsigned    training = 1u << NNRT_FN_FIT | NNRT_TRAINING | 1u << NNRT_FN_EVAL | 1u << NNRT_FN_PREDICT;
    Check             check    = {.needed = calloc((size_t)model->n_inputs + 1, sizeof *check.needed)};
    nnrt_error        refused  = {0};
    if (!check.needed) return nnrt_fail_memory(error, 0, "data");
    if (options->data.n == 0) {
        free(check.needed);
        return nnrt_fail(error, NNRT_USAGE,
                         "data needs files: data FILE or NAME=FILE (data --help says what they hold)");
    }
    load(&check, options, model, training);
    if (check.status != NNRT_OK) { /* it may still do for predictions */
        refused = check.error;
        unload(&check);
        load(&check, options, model, 1u << NNRT_FN_PREDICT);
    }
    nnrt_status status = describe(options, model, &check, error);
    if (status == NNRT_OK && check.status == NNRT_OK) {
        print_inputs(&check);
        puts(refused.message[0] ? ": they fit 'predict'" : ": they fit");
        if (refused.message[0]) printf("not 'train' and 'eval': %s\n", refused.message);
    } else if (status == NNRT_OK) {
        *error = refused;
        status = (nnrt_status)refused.code;
    }
    unload(&check);
    free(check.needed);
    return status;
}
