/* The command line of a compiled model: a table of options, and what they resolve to. */
#ifndef NNRT_EXTRAS_OPTIONS_H
#define NNRT_EXTRAS_OPTIONS_H

#include "extras/trainer.h"

typedef enum nnrt_command {
    NNRT_TRAIN   = 1,
    NNRT_EVAL    = 2,
    NNRT_PREDICT = 4,
    NNRT_INFO    = 8,
    NNRT_EXPORT  = 16,
    NNRT_DATA    = 32
} nnrt_command;

typedef struct nnrt_list { /* of arguments */
    const char **items;
    int          n;
} nnrt_list;

typedef struct nnrt_interval { /* each n steps, or each n epochs */
    int64_t n;
    bool    in_epochs;
} nnrt_interval;

typedef struct nnrt_options {
    nnrt_command  command;
    bool          help, quiet, all, overfit, raw;
    bool          seed_given, batch_given, length_given;
    bool          shapes, params, memory, json; /* parts and form of info */
    int64_t       program_nbytes;               /* in memory before the model's slots and commands are */
    bool          find_nan;                     /* train: keep a copy of the weights whatever their size */
    nnrt_list     data, val, test, sets;        /* FILE or NAME=FILE; `sets` NAME=VALUE */
    nnrt_list     maps, renames, only;          /* TO=FROM of weights; patterns */
    nnrt_settings settings;
    nnrt_interval save_every; /* n 0: as run_train.c sees fit */
    int           threads;
    const char   *save, *weights, *init, *resume, *log, *plot, *out, *output;
} nnrt_options;

typedef enum nnrt_option_kind {
    NNRT_OPTION_FLAG,
    NNRT_OPTION_TEXT,
    NNRT_OPTION_LIST,
    NNRT_OPTION_NAMES, /* a list of TO=FROM, where FROM may be empty */
    NNRT_OPTION_COUNT,
    NNRT_OPTION_SEED,
    NNRT_OPTION_INTERVAL,
    NNRT_OPTION_THREADS
} nnrt_option_kind;

typedef struct nnrt_option {
    const char      *name;     /* "--data" */
    const char      *argument; /* "FILE", NULL for a flag */
    const char      *help;
    unsigned         commands; /* bit set of nnrt_command */
    nnrt_option_kind kind;
    size_t           offset; /* of the value in nnrt_options */
} nnrt_option;

extern const nnrt_option nnrt_option_table[];
extern const int         nnrt_option_count;

/* The row called so, of any command; `size` is the name's length. NULL: none. */
const nnrt_option *nnrt_option_find(const char *name, size_t size);

/* NNRT_USAGE with a message for what it does not understand. The lists point into argv; free with nnrt_options_free. */
nnrt_status nnrt_options_parse(nnrt_options *options, const nnrt_model *model, int argc, char **argv,
                               nnrt_error *error);
void        nnrt_options_free(nnrt_options *options);

/* set_option.c: applies --set NAME=VALUE to the instance's hyper-parameters. */
nnrt_status nnrt_options_apply_sets(const nnrt_options *options, nnrt_instance *instance, nnrt_error *error);

/* results.c: NNRT_USAGE where a result would replace data or weights that are read, or another result; the file that `train` saves to
 * unless told otherwise is such a result. */
nnrt_status nnrt_results_check(const nnrt_options *options, const nnrt_model *model, nnrt_error *error);

#endif
