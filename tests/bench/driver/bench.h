/* The benchmark of whole training steps: cases, the processes that run them, and what they said. */
#ifndef NNC_TESTS_BENCH_DRIVER_BENCH_H
#define NNC_TESTS_BENCH_DRIVER_BENCH_H

#include <stdbool.h>
#include <stdio.h>

enum {
    MAX_LOSSES  = 8,
    MAX_DEFINES = 8,
    MAX_DIMS    = 3,
    MAX_THREADS = 4,
    MAX_ROUNDS  = 99,
    N_PEERS     = 3,
    MAX_ARGS    = 32,
    MAX_SHARES  = 3
};

typedef struct Case {
    const char *name;
    const char *model;                /* models/NAME.nnet */
    const char *symbol;               /* of what it exports: <symbol>_nnrt_model */
    const char *defines[MAX_DEFINES]; /* parameters of the model, "units=512" */
    const char *dims[MAX_DIMS];       /* of its symbolic dims, in their order, "batch=16" */
    const char *limit;                /* integers whose number of classes the model does not tell are below */
    const char *peer;                 /* NETWORK:OPTIMIZER:RATE as the peers call it; NULL: they have it not */
    double      flops;                /* of a step's products: multiply and add count two */
    double      target;               /* how many times longer the fastest peer should take */
} Case;

extern const Case CASES[];
extern const int  N_CASES;

typedef struct Peer {
    const char *name, *script, *mode, *package;
} Peer;

extern const Peer PEERS[N_PEERS];

typedef struct Options {
    const char        *build, *source, *work; /* folders: of the build, tests/bench, and one for files that are made */
    const char        *python, *json;         /* NULL: none */
    int                threads[MAX_THREADS], n_threads;
    int                rounds;
    double             seconds;        /* of timing, in each process */
    bool               peers[N_PEERS]; /* which are wanted and there */
    const char *const *cases;          /* NULL-terminated; none: all */
} Options;

/* What a process printed, "word number..." a line, and what it cost. */
typedef struct Said {
    double losses[MAX_LOSSES];
    int    n_losses;
    double wall_us, cpu_us;     /* of a step */
    double peak_wall, peak_cpu; /* GFLOP/s of multiply-adds, all threads */
    double start_kb, peak_kb;   /* memory: once it is loaded; at most */
    double compile_s;           /* the first step, compilation included */
    double round_trip_ns;       /* between two threads; ours alone says it */
    int    variant;             /* which of its variants a peer found the fastest */
} Said;

/* Runs args (NULL-terminated) with lines of environment added ("NAME=value", NULL-terminated; NULL: none) and hands on each line that
 * it prints. False with a message on stderr when it cannot be started or fails. */
typedef void LineReader(void *context, const char *line);
typedef struct Cost {
    double wall, cpu; /* seconds */
} Cost;
bool child_run(const char *const *args, const char *const *environment, LineReader *read, void *context, Cost *cost);

/* Compiles a model and links it with a worker: "bench_worker". Defines, sizes of dims that memory is planned for, and a model's name
 * where the file holds several; each may be NULL. */
bool child_build(const Options *options, const char *file, const char *model, const char *const *defines,
                 const char *const *dims, const char *symbol, const char *worker, const char *program, Cost *compiled);

typedef struct Side { /* one program on one case: medians over rounds */
    bool   ran;
    double wall_us, cpu_us, start_kb, peak_kb, compile_s, compile_cpu_s;
    double losses[MAX_LOSSES];
} Side;

typedef struct Row {
    const Case *kase;
    int         threads;
    Side        ours, peers[N_PEERS];
    double      peak_gflops; /* by the clock, or in processor time for one thread */
    double      share;       /* of it, that products reach */
    double
        round_trip_ns; /* with several threads: from a store until another thread's answer is seen, in our processes */
} Row;

/* Compiles, checks losses, measures; rows[0 .. n_threads). False with a message when something failed, or losses differ. */
bool measure_case(const Options *options, const Case *kase, Row *rows);

/* Tables of kernels: products, convolutions, rows. */
typedef struct KernelRow {
    const char *table;
    char        name[32];
    double      shares[MAX_SHARES]; /* of the peak, or of a copy loop: plain, then streamed */
    int         n_shares;
} KernelRow;

typedef struct KernelRows {
    KernelRow *rows;
    int        n;
} KernelRows;

typedef struct KernelTable {
    const char *name;
    bool (*measure)(const Options *options, KernelRows *rows); /* prints it, too */
} KernelTable;

enum { N_TABLES = 3, MAX_KERNEL_ROWS = 256 };
extern const KernelTable TABLES[N_TABLES];

void   report_head(void);
void   report_row(const Row *row);
bool   report_json(const char *path, const Options *options, const Row *rows, int n_rows, const KernelRows *kernels);
int    row_fastest(const Row *row);                            /* index of the peer with the shortest step, or -1 */
double row_ratio(const Row *row, const Side *peer, bool wall); /* how many times longer than ours its step takes */

#endif
