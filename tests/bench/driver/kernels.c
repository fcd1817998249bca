/* Tables of kernels, joined to the benchmark: the programs that measure them print "name ... 96.1 % ..." a line. */
#include <stdlib.h>
#include <string.h>

#include "bench/driver/bench.h"

enum { ROOM = 1024, NAME_WIDTH = 26 };

typedef struct Collected {
    KernelRows *rows;
    const char *table;
} Collected;

/* Every number that stands before a '%' is a share; the name is what the line begins with. */
static void read_shares(void *context, const char *line) {
    Collected *collected = context;
    KernelRow  row       = {.table = collected->table};
    fputs(line, stdout);
    fflush(stdout);
    if (strlen(line) <= NAME_WIDTH) return;
    for (const char *at = line + NAME_WIDTH, *sign; (sign = strchr(at, '%')) && row.n_shares < MAX_SHARES;
         at             = sign + 1) {
        const char *begin = sign;
        while (begin > at && begin[-1] == ' ') begin--;
        while (begin > at && strchr(".0123456789", begin[-1])) begin--;
        row.shares[row.n_shares++] = atof(begin) / 100;
    }
    if (row.n_shares == 0 || collected->rows->n == MAX_KERNEL_ROWS) return;
    int width = NAME_WIDTH;
    while (width > 0 && line[width - 1] == ' ') width--;
    snprintf(row.name, sizeof row.name, "%.*s", width, line);
    collected->rows->rows[collected->rows->n++] = row;
}

/* bench_gemm and bench_conv are built when they are asked for: they take a while. */
static bool run_table(const Options *options, const char *table, const char *target, KernelRows *rows) {
    char        program[ROOM], rounds[16];
    Collected   collected = {rows, table};
    const char *build[]   = {"cmake", "--build", options->build, "--target", target, NULL};
    snprintf(program, ROOM, "%s/tests/unit/%s", options->build, target);
    snprintf(rounds, sizeof rounds, "%d", options->rounds);
    const char *args[] = {program, "--rounds", rounds, NULL};
    return child_run(build, NULL, NULL, NULL, NULL) && child_run(args, NULL, read_shares, &collected, NULL);
}

static bool measure_gemm(const Options *options, KernelRows *rows) {
    return run_table(options, "gemm", "bench_gemm", rows);
}

static bool measure_conv(const Options *options, KernelRows *rows) {
    return run_table(options, "conv", "bench_conv", rows);
}

/* Models of models/rows.nnet. Passes are what a loop that only moves memory does instead: arrays read and written together; a training
 * step's loss reads the parameters and the data once. */
typedef struct RowCase {
    const char *name, *model, *symbol, *task, *passes, *dim;
} RowCase;

static const RowCase ROW_CASES[] = {
    {"relu", "Relu", "relu", "predict", "1:1", "16384"},
    {"add", "Add", "add", "predict", "2:1", "16384"},
    {"gelu", "Gelu", "gelu", "predict", "1:1", "16384"},
    {"softmax of 1024", "Softmax", "softmax", "predict", "1:1", "16384"},
    {"layer norm of 1024", "Norm", "norm", "predict", "1:1", "16384"},
    {"sgd", "Sgd", "sgd", "train", "2:0,2:1", NULL},
    {"adam", "Adam", "adam", "train", "2:0,4:3", NULL},
};

typedef struct RowTimes {
    double us, plain, streamed;
} RowTimes;

static void read_row(void *context, const char *line) {
    RowTimes *times = context;
    sscanf(line, "rows %lf %lf %lf", &times->us, &times->plain, &times->streamed);
}

static bool measure_row(const Options *options, const RowCase *kase, RowTimes *times) {
    char program[ROOM], rounds[16], dim[32];
    snprintf(dim, sizeof dim, "n=%s", kase->dim ? kase->dim : "");
    snprintf(program, ROOM, "%s/rows_%s", options->work, kase->symbol);
    snprintf(rounds, sizeof rounds, "%d", options->rounds);
    const char *args[]         = {program, kase->task, rounds, "16777216", kase->passes, kase->dim, NULL};
    const char *dims[MAX_DIMS] = {kase->dim ? dim : NULL};
    return child_build(options, "rows", kase->model, NULL, dims, kase->symbol, "bench_rows", program, NULL) &&
           child_run(args, NULL, read_row, times, NULL);
}

static bool measure_rows(const Options *options, KernelRows *rows) {
    bool done = true;
    printf("%-*s %10s %10s %10s\n", NAME_WIDTH, "64 MB arrays, 1 thread", "us_cpu", "of plain", "of streamed copy");
    for (size_t i = 0; i < sizeof ROW_CASES / sizeof *ROW_CASES; i++) {
        const RowCase *kase  = &ROW_CASES[i];
        RowTimes       times = {0};
        char           line[128];
        if (!measure_row(options, kase, &times)) {
            done = false;
            continue;
        }
        snprintf(line, sizeof line, "%-*s %10.0f %8.1f %% %8.1f %%\n", NAME_WIDTH, kase->name, times.us,
                 100 * times.plain, 100 * times.streamed);
        read_shares(&(Collected){rows, "rows"}, line);
    }
    return done;
}

const KernelTable TABLES[N_TABLES] = {{"gemm", measure_gemm}, {"conv", measure_conv}, {"rows", measure_rows}};
