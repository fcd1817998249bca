/* One compilation: what every pass is given. No global state exists in the compiler; two compilations never meet. */
#ifndef NNC_COMPILATION_H
#define NNC_COMPILATION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/diag.h"
#include "base/map.h"

typedef struct Define { /* -D name=value */
    const char *name, *value;
} Define;

/* The compiler's options, resolved from the command line by main.c. */
typedef struct Options {
    const char        *input;        /* path of the .nnet file */
    const char        *output;       /* -o, or NULL */
    const char        *model;        /* --model NAME, or NULL when the file holds one */
    const char        *stdlib_dir;   /* --stdlib DIR, or NULL for the embedded library */
    const char *const *include_dirs; /* -I */
    int                n_include_dirs;
    const Define      *defines; /* -D */
    int                n_defines;
    const char        *precision;    /* "f32" or "f64": what `real` means; NULL: as the model says */
    const char        *target;       /* "native" (default), "x86-64-v3", "aarch64", ... */
    int                opt_level;    /* 0..3, default 2 */
    bool               no_winograd;  /* convolutions as plain sums */
    const char        *tuned;        /* --tuned FILE, or NULL */
    bool               debug_info;   /* -g */
    const char        *weights;      /* --weights FILE: a safetensors file to compile in; or NULL */
    bool               only_predict; /* --only=predict: neither training nor evaluation */
    bool               reports;      /* a program that reports: plan the PROBE function and the layers' table */
    int64_t            memory;       /* --memory: bytes that training may take at nominal sizes; 0: any */
    int64_t            batch;        /* --batch: nominal size of the sample dim; 0: the model's */
    const Define      *dims;         /* --dim: nominal sizes of others */
    int                n_dims;
    bool               keep_gradients; /* the GRADIENTS function too (gradcheck, oracles) */
} Options;

struct Tuning; /* codegen/tuning.h */

typedef struct Compilation {
    Arena         *arena;
    Intern        *names;
    Diags         *diags;
    Options        options;
    struct Tuning *tuning; /* NULL: none */
} Compilation;

#endif
