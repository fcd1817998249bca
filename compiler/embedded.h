/* Files compiled into nnc: the standard library and the error index. */
#ifndef NNC_EMBEDDED_H
#define NNC_EMBEDDED_H

#include <stddef.h>

typedef struct EmbeddedFile {
    const char *path; /* relative to the folder embedded: "nn.nnet"; NULL ends the table */
    const char *text; /* NUL-terminated */
    size_t      length;
} EmbeddedFile;

extern const EmbeddedFile embedded_stdlib[];
extern const EmbeddedFile embedded_docs[];

#endif
