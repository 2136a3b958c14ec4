// The valve: each request passes with a note of who waits for it. Shutting tears the notes off.
#include "engine/valve.h"

#include "base/alloc.h"
#include "base/log.h"

#include <stdlib.h>

// On a disk that is nearly full small writes still pass: its end is told when all did for a second.
enum { k_tell_again_ms = 60000, k_settled_ms = 1000 };

struct valve {
    struct kj_store base;
    struct kj_store_class class;
    struct kj_store *inner;
    struct pass *first, *last;          // under way, oldest first
    struct kj_store_request *late;      // submitted after shut
    struct kj_store_request **late_end; // where the next one goes
    bool shut;
    const struct kj_fault *refusal; // of the request whose `done` runs
    // What the log was told: a full disk refuses every request, and one line says it.
    int outage;         // KJ_E*; KJ_OK = it takes writes
    int64_t outage_at;  // wall ms of the last line
    int64_t refused_at; // wall ms of the last refusal
};

struct names { // a list of kinds, copied
    struct names *next;
    const char *names[];
};

struct pass {
    struct valve *valve; // NULL: nobody waits any more
    struct names *kinds;
    struct pass *next, *previous;
    size_t n_ops;
    void (*done)(struct kj_store_request *request);
    void *arg;
};

static void unlink_pass(struct pass *pass)
{
    struct valve *valve = pass->valve;
    if (pass->previous)
        pass->previous->next = pass->next;
    else
        valve->first = pass->next;
    if (pass->next)
        pass->next->previous = pass->previous;
    else
        valve->last = pass->previous;
    pass->valve = NULL;
    valve->base.pending--;
}

// What a request borrows from those who wait for it must outlive them. (Documents are its own.)
static void keep_texts(struct pass *pass, struct kj_store_request *request)
{
    for (size_t i = 0; i < request->n_ops; i++) {
        struct kj_store_op *op = &request->ops[i];
        op->key = kj_store_keep_text(request, op->key);
        op->sort = kj_store_keep_text(request, op->sort);
        op->host = kj_store_keep_text(request, op->host);
        size_t count = 0;
        while (op->kinds && op->kinds[count])
            count++;
        if (op->kinds == NULL)
            continue;
        struct names *copy = kj_alloc(sizeof *copy + (count + 1) * sizeof *copy->names);
        for (size_t n = 0; n < count; n++)
            copy->names[n] = kj_store_keep_text(request, op->kinds[n]);
        op->kinds = copy->names;
        copy->next = pass->kinds;
        pass->kinds = copy;
    }
}

static void free_pass(struct pass *pass)
{
    while (pass->kinds) {
        struct names *names = pass->kinds;
        pass->kinds = names->next;
        free(names);
    }
    free(pass);
}

// --- outages ---

static const struct kj_fault *refusal_of(const struct kj_store_request *request)
{
    int code = request->fault.code;
    bool away = code == KJ_EFULL || code == KJ_EIO || code == KJ_EUNAVAILABLE;
    return away && request->n_ops && request->ops[0].status == code ? &request->fault : NULL;
}

static bool wrote(const struct kj_store_request *request)
{
    for (size_t i = 0; i < request->n_ops; i++)
        if (request->ops[i].verb != KJ_STORE_GET && request->ops[i].verb != KJ_STORE_FIND &&
            request->ops[i].verb != KJ_STORE_COUNT)
            return true;
    return false;
}

static void tell(struct valve *valve, const struct kj_store_request *request)
{
    int64_t now = kj_loop_now(valve->base.loop);
    if (valve->refusal) {
        valve->refused_at = now;
        if (valve->outage == valve->refusal->code || now < valve->outage_at + k_tell_again_ms)
            return;
        valve->outage = valve->refusal->code;
        valve->outage_at = now;
        kj_log_fault(KJ_LOG_ERROR, "store", valve->refusal);
    } else if (valve->outage && now >= valve->refused_at + k_settled_ms && wrote(request)) {
        valve->outage = KJ_OK;
        kj_log(KJ_LOG_INFO, "store", "the store takes writes again", NULL);
    }
}

const struct kj_fault *kj_valve_refusal(const struct kj_store *valve)
{
    return ((const struct valve *)valve)->refusal;
}

static void on_passed(struct kj_store_request *request)
{
    struct pass *pass = request->arg;
    struct valve *valve = pass->valve; // NULL: it may be gone
    request->done = pass->done;
    request->arg = pass->arg;
    if (valve)
        unlink_pass(pass);
    free_pass(pass);
    if (valve == NULL)
        return;
    valve->refusal = refusal_of(request);
    tell(valve, request);
    if (request->done)
        request->done(request);
    valve->refusal = NULL;
}

static void submit(struct kj_store *base, struct kj_store_request *request)
{
    struct valve *valve = (struct valve *)base;
    if (valve->shut) {
        request->next = NULL;
        *valve->late_end = request;
        valve->late_end = &request->next;
        return;
    }
    struct pass *pass = KJ_NEW(struct pass);
    *pass = (struct pass){.valve = valve,
                          .previous = valve->last,
                          .n_ops = request->n_ops,
                          .done = request->done,
                          .arg = request->arg};
    if (valve->last)
        valve->last->next = pass;
    else
        valve->first = pass;
    valve->last = pass;
    keep_texts(pass, request);
    request->done = on_passed;
    request->arg = pass;
    kj_store_submit(valve->inner, request);
}

static void cancel(struct kj_store_request *request)
{
    kj_fault(&request->fault, KJ_ECANCELED, "store", NULL, "this host is ending");
    for (size_t i = 0; i < request->n_ops; i++)
        request->ops[i].status = KJ_ECANCELED;
    if (request->done)
        request->done(request);
    kj_store_discard(request);
}

void kj_valve_shut(struct kj_store *base)
{
    struct valve *valve = (struct valve *)base;
    valve->shut = true;
    while (valve->first || valve->late) {
        struct pass *pass = valve->first;
        if (pass) { // the store's thread may be at the request itself: a copy bears the news
            unlink_pass(pass);
            cancel(kj_store_request(pass->n_ops, "", pass->done, pass->arg));
            continue;
        }
        struct kj_store_request *late = valve->late;
        valve->late = late->next;
        if (valve->late == NULL)
            valve->late_end = &valve->late;
        valve->base.pending--;
        cancel(late);
    }
}

static void adopt(struct kj_store *base, const char *host)
{
    struct valve *valve = (struct valve *)base;
    if (!valve->shut)
        kj_store_adopt(valve->inner, host);
}

static void destroy(struct kj_store *base)
{
    free(base);
}

struct kj_store *kj_valve_create(struct kj_store *inner)
{
    struct valve *valve = KJ_NEW(struct valve);
    valve->class = (struct kj_store_class){inner->class->name, submit, destroy, adopt};
    valve->base = (struct kj_store){.class = &valve->class,
                                    .loop = inner->loop,
                                    .shared = inner->shared,
                                    .first_event = inner->first_event};
    valve->inner = inner;
    valve->late_end = &valve->late;
    return &valve->base;
}

void kj_valve_destroy(struct kj_store *valve)
{
    if (valve)
        kj_store_destroy(valve);
}
