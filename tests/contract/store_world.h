// A world for the store's contract: a loop, a clock, a store from a factory, and requests that are
// submitted and waited for. The cases know nothing of what is behind the factory.
#ifndef KJ_TEST_STORE_WORLD_H
#define KJ_TEST_STORE_WORLD_H

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include "base/alloc.h"
#include "base/rng.h"
#include "store/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { T0 = 1700000000 }; // s

struct world;

struct factory {
    const char *name;
    bool virtual_clock, keeps; // keeps: what was written is there after close and open
    // Opens the store (again) with world->config; NULL path = the factory's own choice.
    void (*open)(struct world *world);
    void (*clean)(struct world *world); // removes what it left
};

struct world {
    const struct factory *factory;
    struct kj_clock clock;
    struct kj_loop *loop;
    struct kj_store *store;
    struct kj_store_config config;
    char path[256];
    int open_requests; // not done yet
    // Of the last request waited for:
    struct kj_store_op *ops;
    size_t n_ops;
    struct kj_fault fault;
    // Events seen, copied, and how many requests were done when each came.
    bson_t **events;
    size_t n_events, n_done;
};

static inline void world_on_event(void *arg, const bson_t *event)
{
    struct world *world = arg;
    world->events = kj_realloc(world->events, sizeof *world->events * (world->n_events + 1));
    world->events[world->n_events++] = bson_copy(event);
}

static inline void world_forget(struct world *world)
{
    for (size_t i = 0; i < world->n_ops; i++) {
        for (size_t n = 0; n < world->ops[i].n_docs; n++)
            kj_doc_clear(&world->ops[i].docs[n]);
        free(world->ops[i].docs);
    }
    free(world->ops);
    world->ops = NULL;
    world->n_ops = 0;
}

static inline void world_forget_events(struct world *world)
{
    for (size_t i = 0; i < world->n_events; i++)
        kj_doc_clear(&world->events[i]);
    free(world->events);
    world->events = NULL;
    world->n_events = 0;
}

static inline void world_open(struct world *world)
{
    if (world->factory->virtual_clock)
        kj_clock_init_virtual(&world->clock, T0 * 1000LL);
    else
        kj_clock_init_system(&world->clock);
    assert_int_equal(kj_loop_create(&world->clock, &world->loop, NULL), 0);
    world->factory->open(world);
    assert_non_null(world->store);
    world->store->on_event = world_on_event;
    world->store->on_event_arg = world;
}

static inline void world_close(struct world *world)
{
    kj_store_destroy(world->store);
    kj_loop_destroy(world->loop);
    world->store = NULL;
    world->loop = NULL;
}

static inline void world_reopen(struct world *world)
{
    world_close(world);
    world_open(world);
}

static inline void world_end(struct world *world)
{
    world_close(world);
    world_forget(world);
    world_forget_events(world);
    if (world->factory->clean)
        world->factory->clean(world);
}

// `done` of requests that are waited for: keeps the results and stops the loop.
static inline void world_done(struct kj_store_request *request)
{
    struct world *world = request->arg;
    world_forget(world);
    world->ops = request->ops;
    world->n_ops = request->n_ops;
    world->fault = request->fault;
    request->ops = NULL;
    request->n_ops = 0;
    world->n_done++;
    kj_loop_stop(world->loop);
}

static inline struct kj_store_request *ask(struct world *world, size_t n_ops, const char *workspace)
{
    return kj_store_request(n_ops, workspace, world_done, world);
}

static inline struct kj_store_op *answer(struct world *world, struct kj_store_request *request)
{
    kj_store_submit(world->store, request);
    kj_loop_run(world->loop);
    return world->ops;
}

// Documents in test notation: doc("key", "a", "n", 5, NULL) would not be typed; so by letter:
// "s" text, "i" int64, "r" real, "t" instant, "n" null.  doc("s:key i:n", "a", (int64_t)5).
static inline bson_t *doc(const char *fields, ...)
{
    bson_t *out = bson_new();
    va_list args;
    va_start(args, fields);
    while (*fields) {
        const char *end = strchrnul(fields, ' ');
        int length = (int)(end - fields - 2);
        const char *name = fields + 2;
        if (*fields == 's')
            bson_append_utf8(out, name, length, va_arg(args, const char *), -1);
        else if (*fields == 'i')
            bson_append_int64(out, name, length, va_arg(args, int64_t));
        else if (*fields == 'r')
            bson_append_double(out, name, length, va_arg(args, double));
        else if (*fields == 't')
            bson_append_date_time(out, name, length, va_arg(args, int64_t));
        else if (*fields == 'd')
            bson_append_document(out, name, length, va_arg(args, const bson_t *));
        else if (*fields == 'a')
            bson_append_array(out, name, length, va_arg(args, const bson_t *));
        else
            bson_append_null(out, name, length);
        fields = *end ? end + 1 : end;
    }
    va_end(args);
    return out;
}

static inline struct kj_store_op *insert(struct world *world, const char *workspace,
                                         enum kj_coll coll, bson_t *document)
{
    struct kj_store_request *request = ask(world, 1, workspace);
    request->ops[0].verb = KJ_STORE_INSERT;
    request->ops[0].coll = coll;
    kj_store_own_doc(request, 0, document);
    return answer(world, request);
}

static inline struct kj_store_op *get(struct world *world, const char *workspace, enum kj_coll coll,
                                      int64_t id, const char *key)
{
    kj_store_get(world->store, workspace, coll, id, key, world_done, world);
    kj_loop_run(world->loop);
    return world->ops;
}

static inline struct kj_store_op *replace(struct world *world, const char *workspace,
                                          enum kj_coll coll, int64_t id, int64_t version,
                                          bson_t *document)
{
    struct kj_store_request *request = ask(world, 1, workspace);
    request->ops[0].verb = KJ_STORE_REPLACE;
    request->ops[0].coll = coll;
    request->ops[0].id = id;
    request->ops[0].version = version;
    kj_store_own_doc(request, 0, document);
    return answer(world, request);
}

static inline struct kj_store_op *increment(struct world *world, const char *workspace,
                                            enum kj_coll coll, int64_t id, const char *key,
                                            bson_t *deltas)
{
    struct kj_store_request *request = ask(world, 1, workspace);
    request->ops[0].verb = KJ_STORE_INCREMENT;
    request->ops[0].coll = coll;
    request->ops[0].id = id;
    request->ops[0].key = key;
    kj_store_own_doc(request, 0, deltas);
    return answer(world, request);
}

static inline struct kj_store_op *delete (struct world *world, const char *workspace,
                                          enum kj_coll coll, int64_t id, int64_t version)
{
    struct kj_store_request *request = ask(world, 1, workspace);
    request->ops[0].verb = KJ_STORE_DELETE;
    request->ops[0].coll = coll;
    request->ops[0].id = id;
    request->ops[0].version = version;
    return answer(world, request);
}

static inline struct kj_store_op *find(struct world *world, const char *workspace,
                                       enum kj_coll coll, bson_t *filter, const char *sort,
                                       int64_t limit)
{
    struct kj_store_request *request = ask(world, 1, workspace);
    request->ops[0].verb = KJ_STORE_FIND;
    request->ops[0].coll = coll;
    request->ops[0].sort = sort;
    request->ops[0].limit = limit;
    if (filter)
        kj_store_own_filter(request, 0, filter);
    return answer(world, request);
}

static inline struct kj_store_op *claim(struct world *world, const char *const *kinds, int64_t now,
                                        int64_t limit)
{
    struct kj_store_request *request = ask(world, 1, "");
    request->ops[0].verb = KJ_STORE_CLAIM;
    request->ops[0].coll = KJ_JOBS;
    request->ops[0].kinds = kinds;
    request->ops[0].host = "h1";
    request->ops[0].now = now;
    request->ops[0].limit = limit;
    return answer(world, request);
}

// The texts at `path` of the documents found, joined: "a b c".
static inline const char *joined(const struct kj_store_op *op, const char *path, char *text,
                                 size_t size)
{
    size_t length = 0;
    *text = 0;
    for (size_t i = 0; i < op->n_docs && length < size; i++)
        length += (size_t)snprintf(text + length, size - length, "%s%s", i ? " " : "",
                                   kj_doc_text(op->docs[i], path, "?"));
    return text;
}

#define assert_joined(op, path, expected)                                           \
    do {                                                                            \
        char text_[1024];                                                           \
        assert_string_equal(joined((op), (path), text_, sizeof text_), (expected)); \
    } while (0)

#endif
