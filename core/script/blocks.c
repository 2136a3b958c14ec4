// See blocks.h.
#include "script/blocks.h"

#include <stdlib.h>
#include <string.h>

enum { PAGE = 32 * 1024, PAGE_HEAD = 16 };

static size_t kind_of(size_t size)
{
    return (size - 1) / KJ_BLOCK_STEP;
}

static void *from_page(struct kj_blocks *blocks, size_t size)
{
    if ((size_t)(blocks->end - blocks->at) < size) {
        char *page = malloc(PAGE);
        if (!page) {
            return NULL;
        }
        *(void **)page = blocks->pages;
        blocks->pages = page;
        blocks->held += PAGE;
        blocks->at = page + PAGE_HEAD;
        blocks->end = page + PAGE;
    }
    void *block = blocks->at;
    blocks->at += size;
    return block;
}

static void *take(struct kj_blocks *blocks, size_t size)
{
    if (size > KJ_BLOCK_MOST) {
        return malloc(size);
    }
    size_t kind = kind_of(size);
    void *block = blocks->free[kind];
    if (!block) {
        return from_page(blocks, (kind + 1) * KJ_BLOCK_STEP);
    }
    blocks->free[kind] = *(void **)block;
    return block;
}

static void give(struct kj_blocks *blocks, void *block, size_t size)
{
    if (size > KJ_BLOCK_MOST) {
        free(block);
        return;
    }
    size_t kind = kind_of(size);
    *(void **)block = blocks->free[kind];
    blocks->free[kind] = block;
}

// Under AddressSanitizer each block is malloc's own: in a page of ours a use after free would look
// like any other access.
#if defined(__SANITIZE_ADDRESS__)
#define EACH_ITS_OWN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define EACH_ITS_OWN 1
#endif
#endif
#ifndef EACH_ITS_OWN
#define EACH_ITS_OWN 0
#endif

static void *resize_alone(void *block, size_t to)
{
    if (to == 0) {
        free(block);
        return NULL;
    }
    return realloc(block, to);
}

void *kj_blocks_resize(struct kj_blocks *blocks, void *block, size_t from, size_t to)
{
    if (EACH_ITS_OWN) {
        return resize_alone(block, to);
    }
    if (from == 0) {
        return to ? take(blocks, to) : NULL;
    }
    if (to == 0) {
        give(blocks, block, from);
        return NULL;
    }
    bool small = from <= KJ_BLOCK_MOST, stays_small = to <= KJ_BLOCK_MOST;
    if (!small && !stays_small) {
        return realloc(block, to);
    }
    if (small && stays_small && kind_of(from) == kind_of(to)) {
        return block;
    }
    void *moved = take(blocks, to);
    if (moved) {
        memcpy(moved, block, from < to ? from : to);
        give(blocks, block, from);
    }
    return moved;
}

void kj_blocks_fini(struct kj_blocks *blocks)
{
    for (void *page = blocks->pages; page;) {
        void *next = *(void **)page;
        free(page);
        page = next;
    }
}
