/* Arena: a list of blocks, the newest first; large requests get a block of their own. */
#include "base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_BYTES = 64 * 1024, ALIGNMENT = 16 };

typedef struct Block {
    struct Block *next;
    size_t        used, size;
    _Alignas(ALIGNMENT) char data[];
} Block;

struct Arena {
    Block *blocks;
};

static void out_of_memory(void) {
    fputs("nnc: out of memory\n", stderr);
    exit(1);
}

static Block *block_new(size_t size) {
    Block *block = calloc(1, sizeof(Block) + size);
    if (!block) out_of_memory();
    block->size = size;
    return block;
}

Arena *arena_new(void) {
    Arena *arena = malloc(sizeof *arena);
    if (!arena) out_of_memory();
    arena->blocks = block_new(BLOCK_BYTES);
    return arena;
}

void arena_free(Arena *arena) {
    if (!arena) return;
    for (Block *block = arena->blocks, *next; block; block = next) {
        next = block->next;
        free(block);
    }
    free(arena);
}

void *arena_alloc(Arena *arena, size_t nbytes) {
    if (nbytes > SIZE_MAX / 2) out_of_memory();
    nbytes       = (nbytes + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    Block *block = arena->blocks;
    if (block->size - block->used < nbytes) {
        block = block_new(nbytes > BLOCK_BYTES ? nbytes : BLOCK_BYTES);
        /* A block made for one large request goes behind the current one, whose room is still of use. */
        if (nbytes > BLOCK_BYTES) {
            block->next         = arena->blocks->next;
            arena->blocks->next = block;
        } else {
            block->next   = arena->blocks;
            arena->blocks = block;
        }
    }
    void *result = block->data + block->used;
    block->used += nbytes;
    return result;
}

char *arena_strndup(Arena *arena, const char *text, size_t length) {
    char *copy = arena_alloc(arena, length + 1);
    memcpy(copy, text, length);
    return copy;
}

char *arena_printf(Arena *arena, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = arena_alloc(arena, (size_t)length + 1);
    va_start(args, format);
    vsnprintf(text, (size_t)length + 1, format, args);
    va_end(args);
    return text;
}
