/* Data for a model: one array an input, its dims bound, in batches and splits. */
#ifndef NNRT_EXTRAS_DATASET_H
#define NNRT_EXTRAS_DATASET_H

#include "extras/array.h"
#include "extras/texts.h"

typedef struct nnrt_part { /* the rows that one file gave, from first_row on */
    int64_t  first_row;
    char    *path;
    int64_t *columns; /* as in nnrt_column */
} nnrt_part;

typedef struct nnrt_column { /* the data of one input */
    nnrt_array array;        /* data NULL: none was given */
    bool       borrowed;     /* shared with another data set, which owns it */
    int64_t    outer, inner; /* elements before and after the sample axis; a sample-free input is one sample */
    bool       is_sampled;   /* has the sample dim */
    int64_t   *columns;      /* of a CSV: the column of each element of a row, from 0; NULL: they are all of them */
    int64_t    n_columns; /* of a CSV: columns of a row; fewer than a sample has elements where those are a text's, or
                                a window's of several rows; 0 else */
    nnrt_texts texts;     /* `from category` and the like, of a CSV: its texts */
    nnrt_part *parts;     /* the files, where there are several */
    int        n_parts;
    bool       is_window;  /* a sample is several rows of a CSV */
    bool       is_pending; /* nnrt_dataset_encode has still to make numbers of texts, or fill missing ones (NaN) */
} nnrt_column;

typedef struct nnrt_dataset {
    const nnrt_model *model;
    nnrt_column      *columns; /* one an input */
    int64_t *symbols;   /* values of the symbolic dims; the sample dim's is n_samples; 0: not bound by this data */
    int64_t  n_samples; /* 1 when the model has no sample dim */
    char   **classes;   /* names from a CSV's first line, or NULL */
    int64_t  n_classes;
} nnrt_dataset;

/* Requires extras/vocabulary.h's nnrt_dataset_encode() before batches are made of it. Loads `FILE` or `NAME=FILE` arguments. needed[input] says which inputs must have data, and which columns of a CSV
 * are expected. Inputs without the sample dim that are not given come from `shared` (may be NULL), which must live
 * as long. */
nnrt_status nnrt_dataset_load(nnrt_dataset *set, const nnrt_model *model, const char *const *arguments, int n_arguments,
                              const bool *needed, const nnrt_dataset *shared, nnrt_error *error);
void        nnrt_dataset_free(nnrt_dataset *set);

/* A checksum of what `eval` reads of the data, from 1: whether it is the data that was trained on. */
int64_t nnrt_dataset_sum(const nnrt_dataset *set);

/* Where an element stands, for messages: "digits.csv:12: column 65" or "labels.npy: element [11]". */
const char *nnrt_dataset_place(const nnrt_column *column, int64_t element, char *text, size_t size);

/* widths[input]: elements of one sample of each input, which are its columns in a CSV; -1 where the model alone does
 * not tell. */
nnrt_status nnrt_sample_widths(const nnrt_model *model, int64_t *widths, nnrt_error *error);

void nnrt_column_free(nnrt_column *column);
/* "from category(\"job\", max = 16)", or "", into text; returns text. */
const char *nnrt_source_text(const nnrt_input *input, char *text, size_t size);

/* The part that a row is of; NULL where there is one file. */
const nnrt_part *nnrt_column_part(const nnrt_column *column, int64_t row);
/* Moves the data of `more`, of the same model, behind that of `set` (dataset_append.c); leaves `more` to be freed.
 * NNRT_BAD_DATA where it does not continue it. */
nnrt_status nnrt_dataset_append(nnrt_dataset *set, nnrt_dataset *more, nnrt_error *error);
/* wanted[input]: what the next file is to fill. */
void nnrt_dataset_wanted(const nnrt_dataset *set, const bool *needed, bool *wanted);

/* The (first) file's column, from 0, of element k of a row. */
int64_t nnrt_column_number(const nnrt_column *column, int64_t k);

/* Does this set's first line name the classes of this target? (dataset_elements.c) */
bool nnrt_dataset_names_classes(const nnrt_dataset *set, int input);

/* What a whole number of this input is called in messages: "class" of a target, else "index". (dataset_elements.c) */
const char *nnrt_dataset_index_word(const nnrt_dataset *set, int input);
/* Does every element survive its conversion to the input's type, and is every class one of the model's? */
nnrt_status nnrt_dataset_check_elements(const nnrt_dataset *set, int input, nnrt_error *error);

/* Does an input take windows of a whole file (`from bytes()`)? (dataset_text.c) */
bool nnrt_takes_whole_file(const nnrt_input *input);
/* Fills such inputs from a file: the one that is named, or all that are needed. */
nnrt_status nnrt_dataset_take_windows(nnrt_dataset *set, const char *path, const bool *needed, int only_input,
                                      nnrt_error *error);
/* Gives the inputs that hold texts their arrays, once all files have been read: rows as long as the longest text, or as
 * the model says. */
nnrt_status nnrt_dataset_shape_texts(nnrt_dataset *set, nnrt_error *error);

/* Rows that a sample reaches over, 1 unless some input is `from column(..., window = n)` or has a shift. */
int64_t nnrt_model_reach(const nnrt_model *model);

/* Binds the symbolic dims from the shapes of the arrays (dataset_dims.c). */
nnrt_status nnrt_dataset_bind_dims(nnrt_dataset *set, nnrt_error *error);
/* The error of an array whose shape is not the input's. */
nnrt_status nnrt_dataset_fail_shape(const nnrt_dataset *set, int input, nnrt_error *error);

/* A CSV's columns become arrays and texts of the needed inputs; settles what the first line is (dataset_csv.c). */
nnrt_status nnrt_dataset_from_table(nnrt_dataset *set, const char *path, nnrt_table *table, const bool *needed,
                                    int only_input, nnrt_error *error);
/* Decides for this model whether an unsure first line is a header. */
void nnrt_settle_first_line(const nnrt_model *model, nnrt_table *table);
/* One input from `width` columns (dataset_fill.c); takes `columns` (malloc'ed; NULL: all). */
nnrt_status nnrt_dataset_fill(nnrt_dataset *set, int input, const char *path, const nnrt_table *table, int64_t *columns,
                              int64_t width, nnrt_error *error);

/* ---- splits and batches ------------------------------------------------------------------------------------------ */

typedef struct nnrt_split { /* some samples of a data set */
    const nnrt_dataset *set;
    int64_t            *samples; /* NULL: all, in order */
    int64_t             n;
} nnrt_split;

/* Cuts the samples at random, a function of seed alone: round(n * test) for test, round(n * validation) for
 * validation, the rest to train on; each in ascending order. Of windows of a text, test are the last and validation
 * those before them. NNRT_BAD_DATA when a part would be empty. */
nnrt_status nnrt_split_random(const nnrt_dataset *set, double validation, double test, uint64_t seed, nnrt_split *train,
                              nnrt_split *val, nnrt_split *held_out, nnrt_error *error);
nnrt_split  nnrt_split_all(const nnrt_dataset *set);
void        nnrt_split_free(nnrt_split *split);

/* Batches of a split, in order or shuffled anew each epoch. */
typedef struct nnrt_batches {
    const nnrt_split *split;
    nnrt_pool        *pool; /* copies large batches; may be set after nnrt_batches_new */
    int64_t           batch;
    int64_t           n_batches; /* an epoch's, the ragged last one included */
    bool              shuffle;
    uint64_t          seed;
    int64_t           epoch;        /* that `order` belongs to; -1: none yet */
    int64_t          *order;        /* positions in the split */
    void            **buffers;      /* one an input: a batch in the input's element type */
    const void      **inputs;       /* what nnrt_instance_call takes */
    int64_t          *symbols;      /* of the batch fetched last */
    int64_t           first, count; /* of the batch fetched last: positions in the order */
} nnrt_batches;

nnrt_status nnrt_batches_new(nnrt_batches *batches, const nnrt_split *split, int64_t batch, bool shuffle, uint64_t seed,
                             nnrt_error *error);
void        nnrt_batches_free(nnrt_batches *batches);
/* Fills inputs and symbols with batch `index` of an epoch. */
void nnrt_batches_fetch(nnrt_batches *batches, int64_t epoch, int64_t index);
/* The data set's sample behind row `row` of the batch fetched last. */
int64_t nnrt_batches_sample(const nnrt_batches *batches, int64_t row);

#endif
