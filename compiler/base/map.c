/* Open addressing with linear probing; grown at 70 % load. Insertion order is not kept. */
#include "base/map.h"

#include <string.h>

typedef struct Slot {
    const void *key;
    void       *value;
} Slot;

struct Map {
    Arena *arena;
    Slot  *slots;
    size_t capacity, used;
};

/* Fibonacci hashing: keys are addresses, many and looked up all the time. */
static size_t slot_index(const Map *map, const void *key) {
    uint64_t mixed = (uint64_t)(uintptr_t)key * UINT64_C(0x9E3779B97F4A7C15);
    size_t   index = (size_t)(mixed >> 32) & (map->capacity - 1);
    while (map->slots[index].key && map->slots[index].key != key) index = (index + 1) & (map->capacity - 1);
    return index;
}

Map *map_new(Arena *arena) {
    Map *map      = ARENA_NEW(arena, Map);
    map->arena    = arena;
    map->capacity = 16;
    map->slots    = ARENA_ARRAY(arena, Slot, map->capacity);
    return map;
}

void *map_get(const Map *map, const void *key) {
    return key ? map->slots[slot_index(map, key)].value : NULL;
}

bool map_has(const Map *map, const void *key) {
    return key && map->slots[slot_index(map, key)].key != NULL;
}

static void map_rehash(Map *map) {
    Slot  *old      = map->slots;
    size_t capacity = map->capacity;
    map->capacity   = capacity * 2;
    map->slots      = ARENA_ARRAY(map->arena, Slot, map->capacity);
    for (size_t i = 0; i < capacity; i++)
        if (old[i].key) map->slots[slot_index(map, old[i].key)] = old[i];
}

void map_set(Map *map, const void *key, void *value) {
    if ((map->used + 1) * 10 > map->capacity * 7) map_rehash(map);
    Slot *slot = &map->slots[slot_index(map, key)];
    if (!slot->key) map->used++;
    *slot = (Slot){key, value};
}

uint64_t hash_bytes(uint64_t seed, const void *bytes, size_t nbytes) {
    const unsigned char *p    = bytes;
    uint64_t             hash = seed;
    for (size_t i = 0; i < nbytes; i++) hash = (hash ^ p[i]) * UINT64_C(0x100000001b3);
    return hash ^ (hash >> 29);
}

typedef struct Text {
    struct Text *next; /* same bucket */
    uint64_t     hash;
    size_t       length;
    char         bytes[];
} Text;

struct Intern {
    Arena *arena;
    Text **buckets;
    size_t capacity, used;
};

Intern *intern_new(Arena *arena) {
    Intern *table   = ARENA_NEW(arena, Intern);
    table->arena    = arena;
    table->capacity = 1024;
    table->buckets  = ARENA_ARRAY(arena, Text *, table->capacity);
    return table;
}

static void intern_rehash(Intern *table) {
    Text **old      = table->buckets;
    size_t capacity = table->capacity;
    table->capacity = capacity * 2;
    table->buckets  = ARENA_ARRAY(table->arena, Text *, table->capacity);
    for (size_t i = 0; i < capacity; i++)
        for (Text *text = old[i], *next; text; text = next) {
            next          = text->next;
            Text **bucket = &table->buckets[text->hash & (table->capacity - 1)];
            text->next    = *bucket;
            *bucket       = text;
        }
}

const char *intern_text(Intern *table, const char *bytes, size_t length) {
    uint64_t hash = hash_bytes(HASH_SEED, bytes, length);
    for (Text *text = table->buckets[hash & (table->capacity - 1)]; text; text = text->next)
        if (text->hash == hash && text->length == length && memcmp(text->bytes, bytes, length) == 0) return text->bytes;
    if (table->used++ > table->capacity) intern_rehash(table);
    Text *text   = arena_alloc(table->arena, sizeof(Text) + length + 1);
    text->hash   = hash;
    text->length = length;
    memcpy(text->bytes, bytes, length);
    Text **bucket = &table->buckets[hash & (table->capacity - 1)];
    text->next    = *bucket;
    *bucket       = text;
    return text->bytes;
}

const char *intern(Intern *table, const char *text) {
    return intern_text(table, text, strlen(text));
}
