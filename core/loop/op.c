// The table of open operations.
//
// Slots live in chunks that never move, because their timers hang in the loop's heap. A freed slot
// goes to the end of the free list and its generation moves on, so that an old id stays refused for
// as long as possible.
#include "loop/op.h"

#include "base/alloc.h"

#include <stdlib.h>

enum { CHUNK = 256 };

struct slot {
    struct kj_timer deadline; // mono; inactive = none
    struct kj_ops *ops;
    kj_op_done *done; // NULL = free
    void *arg;
    uint32_t generation; // never 0
    uint32_t index;
    struct slot *next_free;
};

struct kj_ops {
    struct kj_loop *loop;
    struct slot **chunks;
    size_t chunk_count;
    size_t limit, open;
    struct slot *free_first, *free_last;
    bool closing;
};

static uint64_t id_of(const struct slot *slot)
{
    return (uint64_t)slot->generation << 32 | slot->index;
}

static struct slot *find(const struct kj_ops *ops, uint64_t id)
{
    size_t index = (uint32_t)id;
    if (index >= ops->chunk_count * CHUNK)
        return NULL;
    struct slot *slot = &ops->chunks[index / CHUNK][index % CHUNK];
    return slot->done && slot->generation == id >> 32 ? slot : NULL;
}

static void put_free(struct kj_ops *ops, struct slot *slot)
{
    slot->next_free = NULL;
    if (ops->free_last)
        ops->free_last->next_free = slot;
    else
        ops->free_first = slot;
    ops->free_last = slot;
}

// The slot is free before `done` runs, so that `done` may begin, finish and cancel as it likes.
static void complete(struct slot *slot, int status, const void *result)
{
    struct kj_ops *ops = slot->ops;
    uint64_t id = id_of(slot);
    kj_op_done *done = slot->done;
    void *arg = slot->arg;
    kj_timer_stop(ops->loop, &slot->deadline);
    slot->done = NULL;
    slot->arg = NULL;
    if (++slot->generation == 0)
        slot->generation = 1;
    put_free(ops, slot);
    ops->open--;
    done(arg, id, status, result);
}

static void on_deadline(void *arg)
{
    complete(arg, KJ_ETIMEDOUT, NULL);
}

static void grow(struct kj_ops *ops)
{
    ops->chunks = kj_realloc(ops->chunks, (ops->chunk_count + 1) * sizeof *ops->chunks);
    struct slot *chunk = kj_alloc(CHUNK * sizeof *chunk);
    ops->chunks[ops->chunk_count] = chunk;
    for (uint32_t i = 0; i < CHUNK; i++) {
        chunk[i].ops = ops;
        chunk[i].generation = 1;
        chunk[i].index = (uint32_t)(ops->chunk_count * CHUNK) + i;
        kj_timer_init(&chunk[i].deadline, on_deadline, &chunk[i]);
        put_free(ops, &chunk[i]);
    }
    ops->chunk_count++;
}

int kj_ops_create(struct kj_loop *loop, size_t limit, struct kj_ops **out)
{
    if (limit == 0 || limit > UINT32_MAX - CHUNK)
        return KJ_EINVAL;
    struct kj_ops *ops = KJ_NEW(struct kj_ops);
    ops->loop = loop;
    ops->limit = limit;
    *out = ops;
    return 0;
}

void kj_ops_destroy(struct kj_ops *ops)
{
    if (ops == NULL)
        return;
    ops->closing = true;
    for (size_t i = 0; i < ops->chunk_count * CHUNK; i++) {
        struct slot *slot = &ops->chunks[i / CHUNK][i % CHUNK];
        if (slot->done)
            complete(slot, KJ_ECANCELED, NULL);
    }
    for (size_t i = 0; i < ops->chunk_count; i++)
        free(ops->chunks[i]);
    free(ops->chunks);
    free(ops);
}

uint64_t kj_op_begin(struct kj_ops *ops, int64_t deadline_ms, kj_op_done *done, void *arg)
{
    if (ops->closing || ops->open == ops->limit)
        return 0;
    if (ops->free_first == NULL)
        grow(ops);
    struct slot *slot = ops->free_first;
    ops->free_first = slot->next_free;
    if (ops->free_first == NULL)
        ops->free_last = NULL;
    slot->done = done;
    slot->arg = arg;
    ops->open++;
    if (deadline_ms != 0)
        kj_timer_start(ops->loop, &slot->deadline, deadline_ms);
    return id_of(slot);
}

int kj_op_finish(struct kj_ops *ops, uint64_t id, int status, const void *result)
{
    struct slot *slot = find(ops, id);
    if (slot == NULL)
        return KJ_ENOTFOUND;
    complete(slot, status, result);
    return 0;
}

int kj_op_cancel(struct kj_ops *ops, uint64_t id)
{
    return kj_op_finish(ops, id, KJ_ECANCELED, NULL);
}

bool kj_op_open(const struct kj_ops *ops, uint64_t id)
{
    return find(ops, id) != NULL;
}

void *kj_op_arg(const struct kj_ops *ops, uint64_t id)
{
    struct slot *slot = find(ops, id);
    return slot ? slot->arg : NULL;
}

int64_t kj_op_left_ms(const struct kj_ops *ops, uint64_t id)
{
    struct slot *slot = find(ops, id);
    if (slot == NULL)
        return 0;
    if (!kj_timer_active(&slot->deadline))
        return INT64_MAX;
    int64_t left = slot->deadline.node.key - kj_loop_mono(ops->loop);
    return left > 0 ? left : 0;
}

size_t kj_ops_count(const struct kj_ops *ops)
{
    return ops->open;
}
