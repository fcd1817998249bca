/* Hash maps in an arena. Keys are compared by address: use interned strings, nodes, declarations. */
#ifndef NNC_BASE_MAP_H
#define NNC_BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

typedef struct Map Map;

Map  *map_new(Arena *arena);
void *map_get(const Map *map, const void *key); /* NULL when absent */
bool  map_has(const Map *map, const void *key);
void  map_set(Map *map, const void *key, void *value);

/* FNV-1a over bytes; chain calls by passing the previous result as `seed` (start with HASH_SEED). */
#define HASH_SEED UINT64_C(0xcbf29ce484222325)
uint64_t hash_bytes(uint64_t seed, const void *bytes, size_t nbytes);

/* Strings interned once: equal text gives the same pointer, so names compare with ==. */
typedef struct Intern Intern;

Intern     *intern_new(Arena *arena);
const char *intern_text(Intern *intern, const char *text, size_t length);
const char *intern(Intern *intern, const char *text); /* NUL-terminated */

#endif
