/* How the runtime says that something failed: a status to the caller, and a message in the caller's nnrt_error. */
#ifndef NNRT_CORE_STATUS_H
#define NNRT_CORE_STATUS_H

#include "nnrt.h"

/* Writes the message (cut to fit) unless error is NULL; returns code, so that `return nnrt_fail(...)` reads well. */
nnrt_status nnrt_fail(nnrt_error *error, nnrt_status code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* NNRT_ERROR, "out of memory: ... bytes for <what>"; nbytes 0 where the size tells nothing. */
nnrt_status nnrt_fail_memory(nnrt_error *error, size_t nbytes, const char *what);

#endif
