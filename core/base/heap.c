// The intrusive min-heap.
#include "base/heap.h"

#include "base/alloc.h"

#include <stdlib.h>

void kj_heap_init(struct kj_heap *heap)
{
    *heap = (struct kj_heap){0};
}

void kj_heap_fini(struct kj_heap *heap)
{
    free(heap->nodes);
    *heap = (struct kj_heap){0};
}

static bool before(const struct kj_heap_node *a, const struct kj_heap_node *b)
{
    return a->key != b->key ? a->key < b->key : a->sequence < b->sequence;
}

static void place(struct kj_heap *heap, size_t index, struct kj_heap_node *node)
{
    heap->nodes[index - 1] = node;
    node->index = index;
}

static void sift_up(struct kj_heap *heap, size_t index, struct kj_heap_node *node)
{
    while (index > 1 && before(node, heap->nodes[index / 2 - 1])) {
        place(heap, index, heap->nodes[index / 2 - 1]);
        index /= 2;
    }
    place(heap, index, node);
}

static void sift_down(struct kj_heap *heap, size_t index, struct kj_heap_node *node)
{
    for (;;) {
        size_t child = index * 2;
        if (child > heap->count)
            break;
        if (child < heap->count && before(heap->nodes[child], heap->nodes[child - 1]))
            child++;
        if (!before(heap->nodes[child - 1], node))
            break;
        place(heap, index, heap->nodes[child - 1]);
        index = child;
    }
    place(heap, index, node);
}

void kj_heap_push(struct kj_heap *heap, struct kj_heap_node *node, int64_t key)
{
    if (heap->count == heap->capacity) {
        heap->capacity = heap->capacity ? heap->capacity * 2 : 64;
        heap->nodes = kj_realloc(heap->nodes, heap->capacity * sizeof *heap->nodes);
    }
    node->key = key;
    node->sequence = heap->next_sequence++;
    heap->count++;
    sift_up(heap, heap->count, node);
}

struct kj_heap_node *kj_heap_peek(const struct kj_heap *heap)
{
    return heap->count ? heap->nodes[0] : NULL;
}

struct kj_heap_node *kj_heap_pop(struct kj_heap *heap)
{
    struct kj_heap_node *top = kj_heap_peek(heap);
    if (top)
        kj_heap_remove(heap, top);
    return top;
}

void kj_heap_remove(struct kj_heap *heap, struct kj_heap_node *node)
{
    size_t index = node->index;
    if (index == 0)
        return;
    struct kj_heap_node *last = heap->nodes[--heap->count];
    node->index = 0;
    if (last == node)
        return;
    if (index > 1 && before(last, heap->nodes[index / 2 - 1]))
        sift_up(heap, index, last);
    else
        sift_down(heap, index, last);
}
