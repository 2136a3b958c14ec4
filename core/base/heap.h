// A binary min-heap of intrusive nodes ordered by (key, sequence): equal keys leave in the order in
// which they came, so that timers due at the same instant fire the same way in every run.
#ifndef KJ_HEAP_H
#define KJ_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kj_heap_node {
    int64_t key;
    uint64_t sequence; // set by the heap
    size_t index;      // 1-based; 0 = not in a heap
};

struct kj_heap {
    struct kj_heap_node **nodes;
    size_t count, capacity;
    uint64_t next_sequence;
};

void kj_heap_init(struct kj_heap *heap);
void kj_heap_fini(struct kj_heap *heap); // the nodes are the caller's
void kj_heap_push(struct kj_heap *heap, struct kj_heap_node *node, int64_t key);
struct kj_heap_node *kj_heap_peek(const struct kj_heap *heap);        // NULL when empty
struct kj_heap_node *kj_heap_pop(struct kj_heap *heap);               // NULL when empty
void kj_heap_remove(struct kj_heap *heap, struct kj_heap_node *node); // no-op when not in it

#endif
