#include "core/status.h"

#include <stdarg.h>
#include <stdio.h>

nnrt_status nnrt_fail(nnrt_error *error, nnrt_status code, const char *format, ...) {
    if (!error) return code;
    error->code = code;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->message, sizeof error->message, format, arguments);
    va_end(arguments);
    return code;
}

nnrt_status nnrt_fail_memory(nnrt_error *error, size_t nbytes, const char *what) {
    if (nbytes == 0) return nnrt_fail(error, NNRT_ERROR, "out of memory for %s", what);
    return nnrt_fail(error, NNRT_ERROR, "out of memory: %zu bytes for %s", nbytes, what);
}
