/* An interposer that counts allocations: the program's own malloc and mmap, before the C library's. */
#include <stddef.h>
#include <sys/types.h>

long allocations;

#define COUNTED(result, name, parameters, arguments)                                                                   \
    result __real_##name parameters;                                                                                   \
    result __wrap_##name parameters;                                                                                   \
    result __wrap_##name parameters {                                                                                  \
        allocations++;                                                                                                 \
        return __real_##name arguments;                                                                                \
    }

COUNTED(void *, malloc, (size_t size), (size))
COUNTED(void *, calloc, (size_t n, size_t size), (n, size))
COUNTED(void *, realloc, (void *old, size_t size), (old, size))
COUNTED(void *, aligned_alloc, (size_t alignment, size_t size), (alignment, size))
COUNTED(void *, mmap, (void *at, size_t size, int protection, int flags, int file, off_t offset),
        (at, size, protection, flags, file, offset))
