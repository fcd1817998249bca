/* A CSV file as text: rows and columns found, nothing converted yet. */
#ifndef NNRT_EXTRAS_TABLE_H
#define NNRT_EXTRAS_TABLE_H

#include <stdbool.h>

#include "extras/file.h"
#include "nnrt.h"

typedef struct nnrt_field { /* one cell, blanks around it removed, quotes undone; not NUL-terminated */
    char  *text;
    size_t size;
} nnrt_field;

typedef struct nnrt_table {
    char    *text; /* the file, rewritten so that every cell ends in a byte that occurs in no cell */
    int64_t  n_rows, n_columns;
    size_t  *starts;  /* n_rows: where rows begin in `text` */
    int32_t *lines;   /* n_rows: the lines of the file that they stand on, from 1 */
    char   **names;   /* n_columns, or NULL without a header */
    char   **classes; /* n_classes names, from scikit-learn's first line; NULL without */
    int64_t  n_classes;
    char     delimiter; /* ',' ';' tab, or ' ' for runs of blanks */
    bool     is_unsure; /* all columns hold texts, so the names may be the first row: nnrt_table_settle decides */
    char    *title;     /* a first line that is no row, skipped; NULL: none */
} nnrt_table;

/* Reads a CSV: delimiter, quotes, header and titles as docs/guide/data.md says. `path` is for messages. Takes
 * bytes->data. NNRT_BAD_DATA names the line. */
nnrt_status nnrt_read_csv(const char *path, nnrt_bytes *bytes, nnrt_table *table, nnrt_error *error);
void        nnrt_table_free(nnrt_table *table);

/* Ends doubt about the first row: it names the columns, or is data. */
void nnrt_table_settle(nnrt_table *table, bool is_header);

/* Fills fields[n_columns] with the cells of a row; valid as long as the table. */
void nnrt_table_row(const nnrt_table *table, int64_t row, nnrt_field *fields);

/* "comma", "tab": what separates the columns. */
const char *nnrt_delimiter_name(char delimiter);

/* A decimal number and nothing else; may be infinite where it is too large. The byte after the field is used. */
bool nnrt_parse_number(const nnrt_field *field, double *value);
/* Empty, ?, NA, N/A, nan or null. */
bool nnrt_is_missing(const nnrt_field *field);

/* The error of a cell that is no finite number. */
nnrt_status nnrt_fail_cell(const char *path, const nnrt_table *table, int64_t row, int64_t column,
                           const nnrt_field *field, nnrt_error *error);

#endif
