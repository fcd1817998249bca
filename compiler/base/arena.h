/* Arena: memory by lifetime. Everything allocated from one arena is freed at once by arena_free(); nothing is
 * freed singly. Memory is zeroed. Running out of memory ends the process with a message and exit code 1. */
#ifndef NNC_BASE_ARENA_H
#define NNC_BASE_ARENA_H

#include <stddef.h>

typedef struct Arena Arena;

Arena *arena_new(void);
void   arena_free(Arena *arena);

/* `nbytes` zeroed bytes, aligned for any object. Never NULL. */
void *arena_alloc(Arena *arena, size_t nbytes);

/* A copy of the `length` bytes at `text`, NUL-terminated. */
char *arena_strndup(Arena *arena, const char *text, size_t length);

/* printf into the arena. */
char *arena_printf(Arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define ARENA_NEW(arena, Type)          ((Type *)arena_alloc((arena), sizeof(Type)))
#define ARENA_ARRAY(arena, Type, count) ((Type *)arena_alloc((arena), sizeof(Type) * (size_t)(count)))

#endif
