// Small blocks for one Lua state: a list of free ones per size, carved from pages that are kept
// until the state goes. A state is used by one thread at a time and Lua tells the size of what it
// frees, so a block needs no header and no lock. malloc and free had 7 % of the time of
// evaluations.
#ifndef KJ_BLOCKS_H
#define KJ_BLOCKS_H

#include <stdbool.h>
#include <stddef.h>

enum { KJ_BLOCK_STEP = 16, KJ_BLOCK_MOST = 512, KJ_BLOCK_KINDS = KJ_BLOCK_MOST / KJ_BLOCK_STEP };

struct kj_blocks {
    void *free[KJ_BLOCK_KINDS];
    char *at, *end; // what is left of the newest page
    void *pages;
    size_t held; // bytes of the pages
};

// Lua's allocator: `to` 0 frees, `from` is the size of `block` (0 for none). NULL: no memory.
void *kj_blocks_resize(struct kj_blocks *blocks, void *block, size_t from, size_t to);
void kj_blocks_fini(struct kj_blocks *blocks);

#endif
