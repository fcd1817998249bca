/* Compiled programs against the interpreter, for several sizes of every symbolic dim.
 *
 *     batches PRECISION PROGRAM.nnet[,NAME=VALUE...]...
 *
 * PRECISION is f32 or f64; NAME=VALUE are as nnc's -D; `batch=N` instead says which batch stands for the program's own, where that
 * would take the interpreter long. Each program runs all its functions in the order of a training run, with batches of 1, 3, its own
 * size and a ragged last one, then with integers out of range, then with every other symbolic dim at 1 and at a larger value. Exit code
 * 0: all equal. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "batches/session.h"

enum { MAX_DEFINES = 8, N_THREADS = 3 };

typedef struct Row { /* a program of the command line */
    const char *path;
    Define      defines[MAX_DEFINES];
    int         n_defines;
    int64_t     batch; /* 0: the program's own */
} Row;

static const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* Splits the argument in place. */
static Row row_parse(char *argument) {
    Row row = {.path = strtok(argument, ",")};
    for (char *define; (define = strtok(NULL, ","));) {
        char *value = strchr(define, '=');
        if (!value || row.n_defines == MAX_DEFINES) exit(2);
        *value++ = 0;
        if (!strcmp(define, "batch"))
            row.batch = atoll(value);
        else
            row.defines[row.n_defines++] = (Define){define, value};
    }
    return row;
}

/* ---- sizes -------------------------------------------------------------------------------------------------------------------- */

/* A dim's value no larger than its bound. */
static int64_t bounded(const ProgDim *dim, int64_t value) {
    return dim->bound >= 0 && value > dim->bound ? dim->bound : value;
}

static void set_dims(Session *s, int64_t batch, int64_t others) {
    const Program *program = s->model->program;
    int            at      = 0;
    for (int i = 0; i < program->dims.len; i++) {
        const ProgDim *dim = &program->dims.data[i];
        if (at == s->model->code->n_symbols || dim->dim != dim_symbol(graph_dims(program->graph), at)) continue;
        int64_t other    = others == 1 ? 1 : others + 2 * at; /* different ones, so that none is taken for another */
        s->symbols[at++] = bounded(dim, dim->is_sample ? batch : other);
    }
}

/* Do the values keep the program's assertions? */
static bool dims_allowed(const Session *s) {
    const Program *program = s->model->program;
    for (int i = 0; i < program->checks.len; i++) {
        int64_t left, right;
        if (!dim_eval(program->checks.data[i].left, s->symbols, &left) ||
            !dim_eval(program->checks.data[i].right, s->symbols, &right) || left != right)
            return false;
    }
    return true;
}

/* ---- a program ----------------------------------------------------------------------------------------------------------------- */

static void call_kind(Session *s, FnKind kind, const char *where) {
    for (int i = 0; i < s->model->program->fns.len; i++)
        if (s->model->program->fns.data[i]->kind == kind) session_call(s, i, where);
}

static void run_size(Session *s, const Row *row, int64_t batch, int64_t others) {
    static const FnKind run[] = {FN_FIT, FN_TRAIN, FN_TRAIN, FN_RESET, FN_EVAL, FN_METRICS, FN_PREDICT};
    char                where[256];
    set_dims(s, batch, others);
    if (!dims_allowed(s)) return;
    snprintf(where, sizeof where, "%s, batch %lld, other dims %lld", base_name(row->path), (long long)batch,
             (long long)others);
    session_draw_inputs(s);
    for (size_t i = 0; i < sizeof run / sizeof *run; i++) call_kind(s, run[i], where);
}

/* Integers that may be out of range: both sides must see that, or both see nothing wrong with them. */
static void run_faults(Session *s, const Row *row) {
    static const FnKind run[]   = {FN_TRAIN, FN_EVAL, FN_PREDICT};
    const Program      *program = s->model->program;
    char                where[256];
    for (int i = 0; i < program->inputs.len; i++) {
        const ProgInput *input = &program->inputs.data[i];
        if (input->type.elem != ELEM_I32 && input->type.elem != ELEM_I64) continue;
        double values[] = {-1, input->class_limit > 0 ? (double)input->class_limit : 1 << 20};
        for (int k = 0; k < 2; k++) {
            session_draw_inputs(s);
            s->inputs[i].data[s->inputs[i].count / 2] = values[k];
            snprintf(where, sizeof where, "%s, '%s' = %g", base_name(row->path), input->name, values[k]);
            for (size_t f = 0; f < sizeof run / sizeof *run; f++) call_kind(s, run[f], where);
        }
    }
}

static int symbols_besides_batch(const Program *program) {
    int count = dim_symbol_count(graph_dims(program->graph));
    for (int i = 0; i < program->dims.len; i++) count -= program->dims.data[i].is_sample;
    return count;
}

static void run_sizes(Session *s, const Row *row) {
    const Program *program = s->model->program;
    int64_t        own     = row->batch ? row->batch : program->train.batch;
    bool           sampled = symbols_besides_batch(program) < dim_symbol_count(graph_dims(program->graph));
    set_dims(s, 1, 5);
    call_kind(s, FN_INIT, base_name(row->path));
    if (sampled) {
        run_size(s, row, 1, 5);
        run_size(s, row, own, 5);
        run_size(s, row, own * 2 / 3 + 1, 5);
    }
    run_size(s, row, 3, 5);
    run_faults(s, row);
    if (symbols_besides_batch(program) == 0) return;
    run_size(s, row, 3, 1);
    run_size(s, row, 3, 37);
}

/* The number of things that were wrong. */
static int run_program(const Row *row, const char *precision, nnrt_pool *pool) {
    Options options = {.input     = row->path,
                       .precision = precision,
                       .target    = "native",
                       .opt_level = 2,
                       .defines   = row->defines,
                       .n_defines = row->n_defines};
    Model   model;
    if (!model_new(&model, &options)) {
        fprintf(stderr, "batches: %s does not compile\n", row->path);
        model_free(&model);
        return 1;
    }
    Session *s = session_new(&model, pool, 6);
    s->noise   = model.program->real == ELEM_F64 ? 1e-14 : 1e-6;
    run_sizes(s, row);
    int failed = s->n_failed;
    printf("%s: %d calls (%d refused), %d wrong, %lld values within the noise of their gradients or terms\n",
           base_name(row->path), s->n_calls, s->n_faults, failed, (long long)s->n_excused);
    session_free(s);
    model_free(&model);
    return failed;
}

int main(int argc, char **argv) {
    if (argc < 3) {
        fputs("usage: batches f32|f64 PROGRAM.nnet[,NAME=VALUE...]...\n", stderr);
        return 2;
    }
    nnrt_pool *pool   = nnrt_pool_new(N_THREADS);
    int        failed = 0;
    for (int i = 2; i < argc; i++) {
        Row row = row_parse(argv[i]);
        failed += run_program(&row, argv[1], pool);
    }
    nnrt_pool_free(pool);
    return failed ? 1 : 0;
}
