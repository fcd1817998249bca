/* The command info: the model by layer, what it takes and gives, how it is trained, and the memory it needs. */
#include <stdlib.h>
#include <string.h>

#include "core/element.h"
#include "core/status.h"
#include "extras/cli.h"
#include "extras/info.h"
#include "extras/memory_use.h"

/* ---- tables: cells of text, columns as wide as their widest cell ------------------------------------------------- */

enum { MAX_COLUMNS = 6, CELL = 96 };

typedef struct Table {
    int  n_columns;
    bool right[MAX_COLUMNS]; /* aligned */
    char (*rows)[MAX_COLUMNS][CELL];
    int n_rows, capacity;
} Table;

static bool add_row(Table *table, const char *const *cells) {
    if (table->n_rows == table->capacity) {
        int   capacity = table->capacity ? 2 * table->capacity : 16;
        void *more     = realloc(table->rows, (size_t)capacity * sizeof *table->rows);
        if (!more) return false;
        table->rows     = more;
        table->capacity = capacity;
    }
    for (int i = 0; i < table->n_columns; i++) snprintf(table->rows[table->n_rows][i], CELL, "%s", cells[i]);
    table->n_rows++;
    return true;
}

static void print_table(const Table *table) {
    int widths[MAX_COLUMNS] = {0};
    for (int row = 0; row < table->n_rows; row++)
        for (int i = 0; i < table->n_columns; i++) {
            int width = (int)strlen(table->rows[row][i]);
            if (width > widths[i]) widths[i] = width;
        }
    for (int row = 0; row < table->n_rows; row++) {
        char line[MAX_COLUMNS * (CELL + 2) + 1];
        int  at = 0;
        for (int i = 0; i < table->n_columns; i++)
            at += snprintf(line + at, sizeof line - (size_t)at, "%s%*s", i ? "  " : "",
                           table->right[i] ? widths[i] : -widths[i], table->rows[row][i]);
        while (at > 0 && line[at - 1] == ' ') line[--at] = 0;
        puts(line);
    }
}

/* ---- sections ---------------------------------------------------------------------------------------------------- */

static void type_text(const nnrt_tensor *tensor, char *text, size_t size) {
    snprintf(text, size, "%s%s", nnrt_elem_name(tensor->elem), tensor->shape_text);
}

static bool layer_row(Table *table, const nnrt_layer_summary *row, const char *model) {
    const nnrt_layer *layer = row->layer;
    char              name[CELL], output[CELL], count[32] = "", size[32] = "", flops[32] = "";
    bool              is_model = layer->path[0] == 0;
    snprintf(name, sizeof name, "%*s%.80s", 2 * row->depth, "", is_model ? "outside of layers" : row->name);
    snprintf(output, sizeof output, layer->calls > 1 ? "%.80s x %d" : "%.80s", layer->output.shape_text,
             (int)layer->calls);
    if (row->own.count > 0) {
        nnrt_count_text(row->own.count, count, sizeof count);
        nnrt_size_text(row->own.nbytes, size, sizeof size);
    }
    if (row->flops > 0) nnrt_count_text(row->flops, flops, sizeof flops);
    const char *kind    = is_model ? model : layer->kind;
    const char *cells[] = {name, kind, output, count, size, flops};
    return add_row(table, cells);
}

static bool layer_rows(Table *table, const nnrt_summary *summary, const nnrt_model *model, bool in_losses) {
    bool whole = true;
    for (int i = 0; i < model->n_layers && whole; i++) {
        const nnrt_layer_summary *row   = &summary->layers[i];
        bool                      empty = row->layer->path[0] == 0 && row->own.count == 0 && row->flops <= 0;
        if ((row->layer->only_in_losses != 0) == in_losses && !empty) whole = layer_row(table, row, model->name);
    }
    return whole;
}

static bool has_loss_layers(const nnrt_model *model) {
    for (int i = 0; i < model->n_layers; i++)
        if (model->layers[i].only_in_losses) return true;
    return false;
}

static nnrt_status print_layers(const nnrt_instance *instance, const nnrt_summary *summary, nnrt_error *error) {
    static const char *const HEAD[]   = {"layer", "kind", "output", "parameters", "memory", "flops"};
    static const char *const LOSSES[] = {"(in losses only)", "", "", "", "", ""};
    Table                    table    = {.n_columns = 6, .right = {false, false, false, true, true, true}};
    bool                     whole    = add_row(&table, HEAD) && layer_rows(&table, summary, instance->model, false);
    if (whole && has_loss_layers(instance->model))
        whole = add_row(&table, LOSSES) && layer_rows(&table, summary, instance->model, true);
    char        count[32], size[32], flops[32] = "";
    nnrt_amount all = {summary->trainable.count + summary->frozen.count + summary->state.count,
                       summary->trainable.nbytes + summary->frozen.nbytes + summary->state.nbytes};
    if (summary->flops > 0) nnrt_count_text(summary->flops, flops, sizeof flops);
    const char *cells[] = {
        "total", "", "", nnrt_count_text(all.count, count, sizeof count), nnrt_size_text(all.nbytes, size, sizeof size),
        flops};
    if (whole) whole = add_row(&table, cells);
    if (whole) print_table(&table);
    free(table.rows);
    return whole ? NNRT_OK : nnrt_fail_memory(error, 0, "a table");
}

static nnrt_status print_parameters(const nnrt_instance *instance, nnrt_error *error) {
    static const char *const HEAD[] = {"parameter", "type", "count", "memory", ""};
    const nnrt_model        *model  = instance->model;
    Table                    table  = {.n_columns = 5, .right = {false, false, true, true, false}};
    bool                     whole  = add_row(&table, HEAD);
    for (int i = 0; i < model->n_slots && whole; i++) {
        const nnrt_slot *slot = &model->slots[i];
        char             type[CELL], count[32], size[32];
        if (slot->kind > NNRT_FIT) continue;
        type_text(&slot->tensor, type, sizeof type);
        nnrt_count_text(nnrt_shape_count(nnrt_instance_shape(instance, &slot->tensor), slot->tensor.rank), count,
                        sizeof count);
        nnrt_size_text((double)instance->slot_nbytes[i], size, sizeof size);
        const char *note    = slot->kind == NNRT_STATE ? "state"
                              : slot->kind == NNRT_FIT ? "fitted"
                              : slot->frozen           ? "frozen"
                                                       : "";
        const char *cells[] = {slot->tensor.name, type, count, size, note};
        whole               = add_row(&table, cells);
    }
    if (whole) print_table(&table);
    free(table.rows);
    return whole ? NNRT_OK : nnrt_fail_memory(error, 0, "a table");
}

static void print_amount(const char *name, const nnrt_amount *amount, bool always) {
    char count[32], size[32];
    if (amount->count == 0 && !always) return;
    printf("  %-22s %14s  %10s\n", name, nnrt_count_text(amount->count, count, sizeof count),
           nnrt_size_text(amount->nbytes, size, sizeof size));
}

static void print_totals(const nnrt_summary *summary) {
    puts("\ntotals");
    print_amount("trainable parameters", &summary->trainable, true);
    print_amount("frozen parameters", &summary->frozen, false);
    print_amount("state and statistics", &summary->state, false);
    print_amount("optimizer state", &summary->optimizer, false);
    print_amount("moving averages", &summary->averages, false);
    print_amount("accumulated gradients", &summary->gradients, false);
}

static void print_tensors(const nnrt_instance *instance) {
    const nnrt_model *model = instance->model;
    char              type[160], shape[160];
    puts("\ninputs");
    for (int i = 0; i < model->n_inputs; i++) {
        const nnrt_tensor *tensor = &model->inputs[i].tensor;
        type_text(tensor, type, sizeof type);
        printf("  %s: %s = %s%s\n", tensor->name, type,
               nnrt_shape_text(nnrt_instance_shape(instance, tensor), tensor->rank, shape, sizeof shape),
               model->inputs[i].is_target ? "  target" : "");
    }
    puts("\noutputs");
    for (int fn = nnrt_model_fn(model, NNRT_FN_PREDICT, 0); fn >= 0; fn = nnrt_model_fn(model, NNRT_FN_PREDICT, fn + 1))
        for (int i = 0; i < model->fns[fn].n_results; i++) {
            const nnrt_tensor *tensor = &model->fns[fn].results[i].tensor;
            type_text(tensor, type, sizeof type);
            printf("  %s: %s = %s\n", tensor->name, type,
                   nnrt_shape_text(nnrt_instance_shape(instance, tensor), tensor->rank, shape, sizeof shape));
        }
}

/* "target x86-64-v3, of x86-64-v2, x86-64-v3" */
static void print_target(const nnrt_instance *instance) {
    const nnrt_model *model = instance->model;
    if (!instance->variant) return;
    printf("target %s", instance->variant->name);
    for (int64_t i = 0; model->n_variants > 1 && i < model->n_variants; i++)
        printf("%s%s", i ? ", " : ", of ", model->variants[i].name);
    puts("");
}

static void print_settings(const nnrt_instance *instance) {
    const nnrt_model          *model = instance->model;
    const nnrt_train_settings *t     = &model->train;
    printf("\nprecision %s\n", model->precision);
    print_target(instance);
    if (nnrt_model_fn(model, NNRT_FN_TRAIN, 0) < 0) return;
    printf("\nsettings\n  batch %lld", (long long)t->batch);
    if (t->accumulate > 1) printf(" x %lld accumulated", (long long)t->accumulate);
    if (t->steps > 0)
        printf(", steps %lld", (long long)t->steps);
    else
        printf(", epochs %lld", (long long)t->epochs);
    printf(", seed %lld", (long long)t->seed);
    if (t->validation_split > 0) printf(", validation_split %g", t->validation_split);
    if (t->test_split > 0) printf(", test_split %g", t->test_split);
    if (t->ema > 0) printf(", ema %g", t->ema);
    if (t->stop_patience > 0)
        printf(", early_stop on %s after %lld epochs", t->stop_metric, (long long)t->stop_patience);
    puts(t->shuffle ? "" : ", not shuffled");
    for (int i = 0, n = 0; i < model->n_slots; i++)
        if (model->slots[i].kind == NNRT_HYPER)
            printf("%s  %s %g%s\n", n++ ? "" : "\nhyper-parameters (train --set NAME=VALUE)\n",
                   model->slots[i].tensor.name, model->slots[i].value, model->slots[i].frozen ? " (compiled in)" : "");
}

static void print_memory(const nnrt_options *options, const nnrt_instance *instance, const nnrt_summary *summary) {
    const nnrt_model *model = instance->model;
    int               n     = nnrt_pool_size(instance->pool);
    char              size[32];
    printf("\nmemory at ");
    for (int i = 0; i < model->n_symbols; i++)
        printf("%s = %lld, ", model->dims[i].name, (long long)instance->symbols[i]);
    printf("%d thread%s\n", n, n == 1 ? "" : "s");
    double values = summary->trainable.nbytes + summary->frozen.nbytes + summary->state.nbytes;
    double extra  = summary->optimizer.nbytes + summary->averages.nbytes + summary->gradients.nbytes;
    printf("  %-22s %12s\n", "parameters and state", nnrt_size_text(values, size, sizeof size));
    if (extra > 0) printf("  %-22s %12s\n", "for training", nnrt_size_text(extra, size, sizeof size));
    for (int i = 0; i < model->n_fns; i++) {
        const nnrt_fn *fn = &model->fns[i];
        if (!nnrt_info_shows_workspace(fn)) continue;
        char name[64];
        snprintf(name, sizeof name, "workspace of %.40s", fn->name);
        printf("  %-22s %12s\n", name,
               nnrt_size_text((double)nnrt_instance_workspace(instance, i, n), size, sizeof size));
    }
    if (nnrt_model_fn(model, NNRT_FN_TRAIN, 0) < 0) return;
    double all = (double)(options->program_nbytes + nnrt_training_nbytes(instance, options->find_nan));
    printf("  %-22s %12s  and its data\n", "training in all", nnrt_size_text(all, size, sizeof size));
    double logged = (double)(options->program_nbytes + nnrt_logged_training_nbytes(instance, options->find_nan));
    if (logged > all) printf("  %-22s %12s  and its data\n", "with --log", nnrt_size_text(logged, size, sizeof size));
}

bool nnrt_info_shows_workspace(const nnrt_fn *fn) {
    return fn->workspace && (fn->kind == NNRT_FN_TRAIN || fn->kind == NNRT_FN_EVAL || fn->kind == NNRT_FN_PREDICT);
}

/* ---- the command ------------------------------------------------------------------------------------------------- */

static void print_title(const nnrt_instance *instance) {
    const nnrt_model *model = instance->model;
    printf("model %s", model->name);
    for (int i = 0; i < model->n_symbols; i++)
        printf("%s%s = %lld", i ? ", " : ", at ", model->dims[i].name, (long long)instance->symbols[i]);
    puts("\n");
}

static nnrt_status print_text(const nnrt_options *options, const nnrt_instance *instance, const nnrt_summary *summary,
                              nnrt_error *error) {
    bool        all    = !options->shapes && !options->params && !options->memory;
    bool        layers = instance->model->n_layers > 0;
    nnrt_status status = NNRT_OK;
    print_title(instance);
    if (layers && (all || options->shapes)) status = print_layers(instance, summary, error);
    if (status == NNRT_OK && (options->params || (all && !layers))) status = print_parameters(instance, error);
    if (all || options->params) print_totals(summary);
    if (all || options->shapes) print_tensors(instance);
    if (all) print_settings(instance);
    if (all || options->memory) print_memory(options, instance, summary);
    return status;
}

nnrt_status nnrt_run_info(const nnrt_options *options, nnrt_instance *instance, nnrt_error *error) {
    nnrt_summary summary;
    nnrt_status  status = nnrt_bind_example(instance, options->settings.batch, error);
    if (status == NNRT_OK) status = nnrt_summarise(&summary, instance, error);
    if (status != NNRT_OK) return status;
    status = options->json ? nnrt_info_json(options, instance, &summary, error)
                           : print_text(options, instance, &summary, error);
    nnrt_summary_free(&summary);
    return status;
}
