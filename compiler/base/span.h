/* A place in a source file: half-open byte offsets. Line and column are computed only when a diagnostic is shown. */
#ifndef NNC_BASE_SPAN_H
#define NNC_BASE_SPAN_H

#include <stdint.h>

typedef struct Span {
    uint32_t file; /* index into the compilation's sources; 0 is "no place" */
    uint32_t begin, end;
} Span;

static inline Span span_join(Span a, Span b) {
    if (!a.file) return b;
    if (!b.file || a.file != b.file) return a;
    return (Span){a.file, a.begin < b.begin ? a.begin : b.begin, a.end > b.end ? a.end : b.end};
}

#endif
