// The text map: slots in order of insertion, an open-addressing index over them.
#include "base/map.h"

#include "base/alloc.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

void kj_map_init(struct kj_map *map)
{
    *map = (struct kj_map){0};
}

void kj_map_fini(struct kj_map *map)
{
    for (size_t i = 0; i < map->used; i++)
        free(map->slots[i].key);
    free(map->slots);
    free(map->index);
    *map = (struct kj_map){0};
}

// Eight bytes at a time, where kj_hash waits for a product at each. Nothing outside sees it. Keys
// come from outside too: they cannot be chosen to meet in one place, for nobody there knows where
// the program lies in memory.
static unsigned long long hash_of(const char *key)
{
    const uint64_t odd = UINT64_C(0x9E3779B97F4A7C15);
    size_t left = strlen(key);
    uint64_t hash = left * odd ^ (uintptr_t)&kj_map_init, bytes;
    for (; left >= sizeof bytes; left -= sizeof bytes, key += sizeof bytes) {
        memcpy(&bytes, key, sizeof bytes);
        hash = (hash ^ bytes) * odd;
        hash ^= hash >> 32;
    }
    for (bytes = 0; left > 0; left--)
        bytes = bytes << 8 | (unsigned char)key[left - 1];
    hash = (hash ^ bytes) * odd;
    return hash ^ hash >> 32;
}

static struct kj_map_slot *lookup(const struct kj_map *map, const char *key,
                                  unsigned long long hash)
{
    if (map->index_size == 0)
        return NULL;
    for (size_t i = hash & (map->index_size - 1); map->index[i];
         i = (i + 1) & (map->index_size - 1)) {
        struct kj_map_slot *slot = &map->slots[map->index[i] - 1];
        if (slot->key && slot->hash == hash && strcmp(slot->key, key) == 0)
            return slot;
    }
    return NULL;
}

static void index_add(struct kj_map *map, size_t slot)
{
    size_t i = map->slots[slot].hash & (map->index_size - 1);
    while (map->index[i])
        i = (i + 1) & (map->index_size - 1);
    map->index[i] = slot + 1;
}

// Drops removed slots, then makes the index twice as large as what is left needs.
static void rebuild(struct kj_map *map)
{
    size_t kept = 0;
    for (size_t i = 0; i < map->used; i++)
        if (map->slots[i].key)
            map->slots[kept++] = map->slots[i];
    map->used = kept;
    size_t size = 16;
    while (size < (kept + 1) * 4)
        size *= 2;
    free(map->index);
    map->index = kj_alloc(size * sizeof *map->index);
    map->index_size = size;
    map->capacity = size / 2; // never more slots than half the index: a search always ends
    map->slots = kj_realloc(map->slots, map->capacity * sizeof *map->slots);
    for (size_t i = 0; i < map->used; i++)
        index_add(map, i);
}

void *kj_map_get(const struct kj_map *map, const char *key)
{
    struct kj_map_slot *slot = lookup(map, key, hash_of(key));
    return slot ? slot->value : NULL;
}

void *kj_map_put(struct kj_map *map, const char *key, void *value)
{
    unsigned long long hash = hash_of(key);
    struct kj_map_slot *slot = lookup(map, key, hash);
    if (slot) {
        void *old = slot->value;
        slot->value = value;
        return old;
    }
    if (map->used + 1 > map->capacity)
        rebuild(map);
    map->slots[map->used] = (struct kj_map_slot){kj_strdup(key), value, hash};
    index_add(map, map->used++);
    map->count++;
    return NULL;
}

void *kj_map_remove(struct kj_map *map, const char *key)
{
    struct kj_map_slot *slot = lookup(map, key, hash_of(key));
    if (slot == NULL)
        return NULL;
    void *old = slot->value;
    free(slot->key);
    slot->key = NULL;
    slot->value = NULL;
    map->count--;
    return old;
}

bool kj_map_next(const struct kj_map *map, size_t *at, const char **key, void **value)
{
    while (*at < map->used) {
        struct kj_map_slot *slot = &map->slots[(*at)++];
        if (slot->key) {
            *key = slot->key;
            *value = slot->value;
            return true;
        }
    }
    return false;
}
