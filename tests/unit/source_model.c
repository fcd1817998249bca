#include "source_model.h"

#define SYMBOLS(...) {__VA_ARGS__, -1, -1, -1, -1, -1, -1}

static const char *const AGE_FARE[] = {"age", "fare"}, *const NUMBER[] = {"n"}, *const JOB[] = {"job"},
                         *const NOTE[] = {"note"}, *const CLASS[] = {"class"};

static const nnrt_dim   DIMS[]   = {{"batch", -1, 1, 0}, {"time", 4, 0, 0}};
static const nnrt_input INPUTS[] = {
    [SOURCE_X]    = {{"x", NNRT_F32, 2, 0, 0, SYMBOLS(0, -1), "[batch, 2]"},
                     {NNRT_FROM_COLUMN, NNRT_MISSING_MEAN, AGE_FARE, 2, 0, 0, 0, 0, 0},
                     0,
                     0},
    [SOURCE_N]    = {{"n", NNRT_I32, 1, 2, 0, SYMBOLS(0, -1), "[batch]"},
                     {NNRT_FROM_COLUMN, NNRT_MISSING_FILL, NUMBER, 1, 0, 0, -1, 0, 0},
                     0,
                     0},
    [SOURCE_JOB]  = {{"job", NNRT_I32, 1, 3, 0, SYMBOLS(0, -1), "[batch]"},
                     {NNRT_FROM_CATEGORY, 0, JOB, 1, 4, 0, 0, 0, 0},
                     0,
                     4},
    [SOURCE_NOTE] = {{"note", NNRT_I32, 2, 4, 0, SYMBOLS(0, 1), "[batch, time]"},
                     {NNRT_FROM_WORDS, 0, NOTE, 1, 6, 0, 0, 0, 0},
                     0,
                     6},
    [SOURCE_RAW]  = {{"raw", NNRT_U8, 2, 6, 0, SYMBOLS(0, -1), "[batch, 3]"},
                     {NNRT_FROM_BYTES, 0, NOTE, 1, 256, 0, 0, 0, 0},
                     0,
                     256},
    [SOURCE_Y]    = {{"y", NNRT_I32, 1, 8, 0, SYMBOLS(0, -1), "[batch]"},
                     {NNRT_FROM_CATEGORY, 0, CLASS, 1, 3, 0, 0, 0, 0},
                     1,
                     3},
};

static void shapes(const int64_t *symbols, int64_t *values) {
    const int64_t all[] = {symbols[0], 2, symbols[0], symbols[0], symbols[0], symbols[1], symbols[0], 3, symbols[0]};
    for (int i = 0; i < 9; i++) values[i] = all[i];
}

const nnrt_model source_model = {.abi            = NNRT_ABI,
                                 .n_symbols      = 2,
                                 .n_inputs       = SOURCE_INPUTS,
                                 .n_shape_values = 9,
                                 .name           = "Sources",
                                 .dims           = DIMS,
                                 .inputs         = INPUTS,
                                 .shapes         = shapes,
                                 .train          = {.batch = 2, .epochs = 1}};

static const nnrt_input WINDOWS[] = {
    {{"tokens", NNRT_I32, 2, 0, 0, SYMBOLS(0, -1), "[batch, 4]"},
     {NNRT_FROM_BYTES, 0, NULL, 0, 256, 0, 0, 0, 0},
     0,
     256},
    {{"next", NNRT_I32, 2, 2, 0, SYMBOLS(0, -1), "[batch, 4]"}, {NNRT_FROM_BYTES, 0, NULL, 0, 256, 1, 0, 0, 0}, 1, 256},
};

static void window_shapes(const int64_t *symbols, int64_t *values) {
    for (int i = 0; i < 4; i++) values[i] = i % 2 ? 4 : symbols[0];
}

const nnrt_model window_model = {.abi            = NNRT_ABI,
                                 .n_symbols      = 1,
                                 .n_inputs       = 2,
                                 .n_shape_values = 4,
                                 .name           = "Windows",
                                 .dims           = DIMS,
                                 .inputs         = WINDOWS,
                                 .shapes         = window_shapes,
                                 .train          = {.batch = 2, .epochs = 1}};
