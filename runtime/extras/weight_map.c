#include "extras/weight_map.h"

#include <stdlib.h>
#include <string.h>

#include "core/status.h"

enum { MAX_STARS = 8 };

typedef struct Captures { /* what the stars of a pattern stand for */
    const char *at[MAX_STARS];
    size_t      length[MAX_STARS];
    int         n;
} Captures;

static int count_stars(const char *pattern) {
    int n = 0;
    for (; *pattern; pattern++) n += *pattern == '*';
    return n;
}

/* ---- parsing ----------------------------------------------------------------------------------------------------- */

static nnrt_status check_stars(const char *option, const char *text, const nnrt_map_entry *entry, nnrt_error *error) {
    int to = count_stars(entry->to), from = count_stars(entry->from);
    if (to > MAX_STARS || from > MAX_STARS)
        return nnrt_fail(error, NNRT_USAGE, "%s '%.200s': more than %d stars", option, text, MAX_STARS);
    if (to == from || entry->from[0] == 0) return NNRT_OK;
    return nnrt_fail(error, NNRT_USAGE, "%s '%.200s': as many stars are needed on both sides of '='", option, text);
}

static nnrt_status parse_entry(nnrt_map_entry *entry, const char *option, const char *text, nnrt_error *error) {
    const char *equals = strchr(text, '='), *from = equals ? equals + 1 : "";
    size_t      length = strlen(from);
    if (!equals || equals == text)
        return nnrt_fail(error, NNRT_USAGE, "%s '%.200s': TO=FROM is needed, as in 'dense/kernel=layers.0.weight:t'",
                         option, text);
    if (length > 2 && strcmp(from + length - 2, ":t") == 0) {
        entry->transposed = true;
        length -= 2;
    }
    entry->to   = strndup(text, (size_t)(equals - text));
    entry->from = strndup(from, length);
    if (!entry->to || !entry->from) return nnrt_fail_memory(error, 0, "options");
    return check_stars(option, text, entry, error);
}

nnrt_status nnrt_map_parse(nnrt_map *map, const char *option, const char *const *texts, int n, nnrt_error *error) {
    *map = (nnrt_map){.entries = calloc((size_t)n + 1, sizeof *map->entries)};
    if (!map->entries) return nnrt_fail_memory(error, 0, "options");
    nnrt_status status = NNRT_OK;
    for (int i = 0; i < n && status == NNRT_OK; i++)
        status = parse_entry(&map->entries[map->n++], option, texts[i], error);
    return status;
}

void nnrt_map_free(nnrt_map *map) {
    for (int i = 0; i < map->n; i++) {
        free(map->entries[i].to);
        free(map->entries[i].from);
    }
    free(map->entries);
    *map = (nnrt_map){0};
}

/* ---- matching ---------------------------------------------------------------------------------------------------- */

/* A star takes as little as lets the rest match. Only the latest star needs to be taken back: what an earlier one could
 * give up, a later one may take just as well, so the time is at most the product of the lengths. */
static bool match(const char *pattern, const char *text, Captures *captures) {
    const char *after_star = NULL;
    captures->n            = 0;
    while (*text || *pattern) {
        if (*pattern == '*') {
            if (captures->n == MAX_STARS) return false;
            captures->at[captures->n]       = text;
            captures->length[captures->n++] = 0;
            after_star                      = ++pattern;
        } else if (*text && *pattern == *text) {
            pattern++;
            text++;
        } else if (after_star && *text) {
            int last = captures->n - 1;
            captures->length[last]++;
            text    = captures->at[last] + captures->length[last];
            pattern = after_star;
        } else {
            return false;
        }
    }
    return true;
}

bool nnrt_name_matches(const char *pattern, const char *name) {
    Captures captures;
    return match(pattern, name, &captures);
}

static nnrt_status substitute(const char *pattern, const Captures *captures, char *name, nnrt_error *error) {
    size_t used = 0;
    int    star = 0;
    for (const char *at = pattern; *at; at++) {
        const char *part   = *at == '*' ? captures->at[star] : at;
        size_t      length = *at == '*' ? captures->length[star++] : 1;
        if (used + length >= NNRT_MAP_NAME)
            return nnrt_fail(error, NNRT_USAGE, "the pattern '%.100s' makes a name that is too long", pattern);
        memcpy(name + used, part, length);
        used += length;
    }
    name[used] = 0;
    return NNRT_OK;
}

static nnrt_status keep_name(const char *name, nnrt_mapping *mapping, nnrt_error *error) {
    if (strlen(name) >= sizeof mapping->name)
        return nnrt_fail(error, NNRT_BAD_DATA, "the name '%.100s...' is too long", name);
    strcpy(mapping->name, name);
    mapping->same = true;
    return NNRT_OK;
}

nnrt_status nnrt_map_apply(nnrt_map *map, const char *to, nnrt_mapping *mapping, nnrt_error *error) {
    Captures captures;
    *mapping = (nnrt_mapping){0};
    for (int i = 0; i < map->n; i++) {
        nnrt_map_entry *entry = &map->entries[i];
        if (!match(entry->to, to, &captures)) continue;
        entry->n_uses++;
        mapping->transposed = entry->transposed;
        mapping->nothing    = entry->from[0] == 0;
        return substitute(entry->from, &captures, mapping->name, error);
    }
    return keep_name(to, mapping, error);
}

nnrt_status nnrt_map_reverse(nnrt_map *map, const char *from, nnrt_mapping *mapping, nnrt_error *error) {
    Captures captures;
    *mapping = (nnrt_mapping){0};
    for (int i = 0; i < map->n; i++) {
        nnrt_map_entry *entry = &map->entries[i];
        if (!match(entry->from, from, &captures)) continue;
        entry->n_uses++;
        mapping->transposed = entry->transposed;
        return substitute(entry->to, &captures, mapping->name, error);
    }
    return keep_name(from, mapping, error);
}

const nnrt_map_entry *nnrt_map_unused(const nnrt_map *map) {
    for (int i = 0; i < map->n; i++)
        if (map->entries[i].n_uses == 0) return &map->entries[i];
    return NULL;
}
