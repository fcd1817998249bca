/* One pass over the text of a CSV, record by record. */
#ifndef NNRT_EXTRAS_CSV_SCAN_H
#define NNRT_EXTRAS_CSV_SCAN_H

#include "extras/table.h"

/* End cells and records in a table's text. In the text of a cell they, and NUL, become blanks. */
enum { NNRT_CELL_END = '\x1f', NNRT_ROW_END = '\x1e' };

typedef struct nnrt_scanner {
    const char *path;
    char       *at, *end; /* what is still to be read; *end can be written to */
    char       *out;      /* where cells are written, never beyond `at`; NULL: they are only counted */
    char        delimiter;
    int32_t     line; /* of the record read last, from 1 */
    int32_t     next_line;
    int64_t     n_fields; /* of the record read last */
    char       *record;   /* where that one begins in what was written */
    nnrt_error *error;
    nnrt_status status;
} nnrt_scanner;

/* The next record that is not blank; false at the end of the file or after an error. */
bool nnrt_scan_record(nnrt_scanner *scanner);

/* The separator that divides most of the first records into equally many cells, two at least. */
char nnrt_find_delimiter(char *text, size_t size);

#endif
