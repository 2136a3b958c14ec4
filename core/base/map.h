// A hash map from text to pointers. Keeps copies of the keys; the values are the caller's.
// Iteration runs in the order of insertion, so that what depends on it is the same in every run.
#ifndef KJ_MAP_H
#define KJ_MAP_H

#include <stdbool.h>
#include <stddef.h>

struct kj_map_slot {
    char *key; // NULL = removed
    void *value;
    unsigned long long hash;
};

struct kj_map {
    struct kj_map_slot *slots; // in the order of insertion
    size_t used, count, capacity;
    size_t *index; // open addressing over slots, 1-based, 0 = free
    size_t index_size;
};

void kj_map_init(struct kj_map *map);
void kj_map_fini(struct kj_map *map);
void *kj_map_get(const struct kj_map *map, const char *key);        // NULL when absent
void *kj_map_put(struct kj_map *map, const char *key, void *value); // returns what was there
void *kj_map_remove(struct kj_map *map, const char *key);           // returns what was there
// for (size_t at = 0; kj_map_next(&map, &at, &key, &value);) …; removing the current key is fine.
bool kj_map_next(const struct kj_map *map, size_t *at, const char **key, void **value);

#endif
