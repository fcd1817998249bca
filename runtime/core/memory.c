/* Memory for parameters and workspaces: zeroed and aligned for the widest vectors. Large blocks come straight from
 * the system, aligned for huge pages, since a network's weights walked through 4 KiB pages spend their time in TLB
 * misses. */
#include "nnrt.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static const size_t CACHE_LINE = 64, HUGE_PAGE = (size_t)2 << 20, LARGE = (size_t)4 << 20;

static size_t round_up(size_t nbytes, size_t unit) {
    return (nbytes + unit - 1) / unit * unit;
}

static void *alloc_large(size_t nbytes) {
    size_t size = round_up(nbytes, HUGE_PAGE), reserved = size + HUGE_PAGE;
    char  *start = mmap(NULL, reserved, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (start == MAP_FAILED) return NULL;
    size_t before = round_up((size_t)start, HUGE_PAGE) - (size_t)start;
    size_t after  = reserved - before - size;
    if (before > 0) munmap(start, before);
    if (after > 0) munmap(start + before + size, after);
#ifdef MADV_HUGEPAGE
    madvise(start + before, size, MADV_HUGEPAGE); /* advice: a refusal costs speed alone */
#endif
    return start + before;
}

void *nnrt_alloc(size_t nbytes) {
    if (nbytes > SIZE_MAX / 2) return NULL;
    if (nbytes >= LARGE) return alloc_large(nbytes);
    size_t size   = nbytes == 0 ? CACHE_LINE : round_up(nbytes, CACHE_LINE);
    void  *memory = aligned_alloc(CACHE_LINE, size);
    if (memory) memset(memory, 0, size);
    return memory;
}

void nnrt_free(void *memory, size_t nbytes) {
    if (!memory) return;
    if (nbytes >= LARGE) {
        munmap(memory, round_up(nbytes, HUGE_PAGE));
        return;
    }
    free(memory);
}
