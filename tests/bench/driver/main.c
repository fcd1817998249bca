/* bench_steps: see --help. run.sh builds it and gives it its folders. */
#include <stdlib.h>
#include <string.h>

#include "bench/driver/bench.h"

static const char HELP[] =
    "Times whole training steps of compiled models and, with a Python that has them, of PyTorch (eager and "
    "torch.compile)\n"
    "and JAX (jit) on the same networks, weights and data, in processes of their own, in turn. Losses of the first "
    "steps\n"
    "must agree, or it fails.\n"
    "\n"
    "  sh tests/bench/run.sh BUILD [options] [CASE...]\n"
    "\n"
    "  --python FILE    the peers' Python (default: no peers)\n"
    "  --peers A,B      of eager, compile, jit (default: all that are installed)\n"
    "  --threads 1,2    numbers of threads (default: 1)\n"
    "  --rounds N       processes of each program (default: 3)\n"
    "  --seconds S      of timing in each process (default: 1)\n"
    "  --json FILE      write the figures there, too\n"
    "  --list           print the cases' names: whole steps, then tables of kernels (gemm, conv, rows)\n"
    "\n"
    "Columns: a step's median time by the clock and in processor time (of all threads); the share of the machine's "
    "peak that\n"
    "the step's products reach, the peak measured in the same process (one thread: in processor time); how many times\n"
    "longer than nnc's step a peer's takes; memory at most, and once the program and its libraries are loaded;\n"
    "compilation (nnc's; the peers' first step).\n";

static void fail_usage(const char *what, const char *detail) {
    fprintf(stderr, "bench: %s%s (--help explains the options)\n", what, detail);
    exit(2);
}

/* For profile.sh: MODEL|SYMBOL|-D NAME=VALUE ... --dim NAME=N ...|LIMIT DIM... */
static void show_case(const char *name) {
    for (int i = 0; i < N_CASES; i++) {
        const Case *kase = &CASES[i];
        if (strcmp(kase->name, name) != 0) continue;
        printf("%s|%s|", kase->model, kase->symbol);
        for (int k = 0; k < MAX_DEFINES && kase->defines[k]; k++) printf(" -D %s", kase->defines[k]);
        for (int k = 0; k < MAX_DIMS && kase->dims[k]; k++) printf(" --dim %s", kase->dims[k]);
        printf("|%s", kase->limit);
        for (int k = 0; k < MAX_DIMS && kase->dims[k]; k++) printf(" %s", strchr(kase->dims[k], '=') + 1);
        printf("\n");
        return;
    }
    fail_usage("no such case (--list prints them): ", name);
}

static double number_of(const char *text, double least, double most, const char *option) {
    char  *end   = NULL;
    double value = text ? strtod(text, &end) : 0;
    if (!text || *end || end == text || value < least || value > most) fail_usage("not a number that fits: ", option);
    return value;
}

static void read_threads(const char *text, Options *options) {
    char list[64];
    snprintf(list, sizeof list, "%s", text ? text : "");
    options->n_threads = 0;
    for (char *item = strtok(list, ","); item; item = strtok(NULL, ",")) {
        if (options->n_threads == MAX_THREADS) fail_usage("too many numbers: ", "--threads");
        options->threads[options->n_threads++] = (int)number_of(item, 1, 256, "--threads");
    }
    if (options->n_threads == 0) fail_usage("no number: ", "--threads");
}

static void read_peers(const char *text, Options *options) {
    char list[64];
    snprintf(list, sizeof list, "%s", text ? text : "");
    memset(options->peers, 0, sizeof options->peers);
    for (char *item = strtok(list, ","); item; item = strtok(NULL, ",")) {
        int i = 0;
        while (i < N_PEERS && strcmp(PEERS[i].name, item) != 0) i++;
        if (i == N_PEERS) fail_usage("no such peer: ", item);
        options->peers[i] = true;
    }
}

/* Names of cases and options in any order; the names move to the front of argv. */
static void read_options(int argc, char **argv, Options *options) {
    int n = 0;
    for (int i = 1; i < argc; i++) {
        if (argv[i][0] != '-') {
            argv[n++] = argv[i];
            continue;
        }
        const char *name = argv[i], *value = argv[i + 1];
        if (strcmp(name, "--help") == 0) fputs(HELP, stdout), exit(0);
        if (strcmp(name, "--list") == 0) {
            for (int k = 0; k < N_CASES; k++) puts(CASES[k].name);
            for (int k = 0; k < N_TABLES; k++) puts(TABLES[k].name);
            exit(0);
        }
        if (!value) fail_usage("a value is missing: ", name);
        if (strcmp(name, "--show") == 0) show_case(value), exit(0);
        if (strcmp(name, "--python") == 0)
            options->python = value;
        else if (strcmp(name, "--json") == 0)
            options->json = value;
        else if (strcmp(name, "--build") == 0)
            options->build = value;
        else if (strcmp(name, "--source") == 0)
            options->source = value;
        else if (strcmp(name, "--work") == 0)
            options->work = value;
        else if (strcmp(name, "--threads") == 0)
            read_threads(value, options);
        else if (strcmp(name, "--peers") == 0)
            read_peers(value, options);
        else if (strcmp(name, "--rounds") == 0)
            options->rounds = (int)number_of(value, 1, MAX_ROUNDS, name);
        else if (strcmp(name, "--seconds") == 0)
            options->seconds = number_of(value, 0.001, 3600, name);
        else
            fail_usage("no such option: ", name);
        i++;
    }
    argv[n]        = NULL;
    options->cases = (const char *const *)argv;
}

static void read_found(void *context, const char *line) {
    *(bool *)context = strcmp(line, "True\n") == 0;
}

/* Peers that are not installed are left out, with a word. */
static void find_peers(Options *options) {
    for (int i = 0; i < N_PEERS; i++) {
        char line[128];
        bool found = false;
        if (!options->python) options->peers[i] = false;
        if (!options->peers[i]) continue;
        snprintf(line, sizeof line, "import importlib.util as u; print(u.find_spec('%s') is not None)",
                 PEERS[i].package);
        const char *args[] = {options->python, "-c", line, NULL};
        options->peers[i]  = child_run(args, NULL, read_found, &found, NULL) && found;
        if (!options->peers[i])
            fprintf(stderr, "bench: without %s: %s is not installed\n", PEERS[i].name, PEERS[i].package);
    }
}

static bool is_wanted(const Options *options, const char *wanted) {
    if (!*options->cases) return true;
    for (const char *const *name = options->cases; *name; name++)
        if (strcmp(*name, wanted) == 0) return true;
    return false;
}

static void check_names(const Options *options) {
    for (const char *const *name = options->cases; *name; name++) {
        bool known = false;
        for (int i = 0; i < N_CASES; i++) known = known || strcmp(CASES[i].name, *name) == 0;
        for (int i = 0; i < N_TABLES; i++) known = known || strcmp(TABLES[i].name, *name) == 0;
        if (!known) fail_usage("no such case (--list prints them): ", *name);
    }
}

/* All whole steps that are wanted, then all tables of kernels; what was measured is in the file after each. */
static bool measure_all(const Options *options, Row *rows, KernelRows *kernels) {
    bool done = true;
    int  n    = 0;
    for (int i = 0; i < N_CASES + N_TABLES; i++) {
        bool is_case = i < N_CASES;
        if (!is_wanted(options, is_case ? CASES[i].name : TABLES[i - N_CASES].name)) continue;
        if (is_case && n == 0) report_head();
        bool measured =
            is_case ? measure_case(options, &CASES[i], rows + n) : TABLES[i - N_CASES].measure(options, kernels);
        if (is_case && measured) n += options->n_threads;
        if (!measured) done = false;
        if (options->json && !report_json(options->json, options, rows, n, kernels)) done = false;
    }
    return done;
}

int main(int argc, char **argv) {
    Options options = {.threads = {1}, .n_threads = 1, .rounds = 3, .seconds = 1, .peers = {true, true, true}};
    read_options(argc, argv, &options);
    if (!options.build || !options.source || !options.work) fail_usage("start it by tests/bench/run.sh", "");
    check_names(&options);
    find_peers(&options);
    Row       *rows    = calloc((size_t)N_CASES * MAX_THREADS, sizeof *rows);
    KernelRows kernels = {calloc(MAX_KERNEL_ROWS, sizeof *kernels.rows), 0};
    bool       done    = rows && kernels.rows && measure_all(&options, rows, &kernels);
    if (!rows || !kernels.rows) fprintf(stderr, "bench: no memory\n");
    free(rows);
    free(kernels.rows);
    return done ? 0 : 1;
}
