// The kill switch: here at once, everywhere once it is stored.
#include "engine/kill_switch.h"

#include "base/alloc.h"
#include "base/log.h"
#include "engine/modify.h"
#include "engine/path.h"

#include <stdlib.h>

struct change {
    struct kj_engine *engine;
    bool dialing;
    kj_engine_done *done;
    void *arg;
};

bool kj_kill_switch_is_off(const bson_t *trunk)
{
    return trunk && kj_doc_bool(trunk, "stopped", false);
}

static void set(struct kj_engine *engine, bool dialing)
{
    engine->dialing = dialing && !engine->own->drained; // who is ending does not begin again
    kj_queue_hold(engine->queue, "call", !dialing);
}

void kj_kill_switch_see(struct kj_engine *engine, const bson_t *trunk)
{
    bool stopped = kj_kill_switch_is_off(trunk);
    if (stopped == engine->own->stopped)
        return;
    engine->own->stopped = stopped;
    kj_log(KJ_LOG_WARN, "engine", stopped ? "dialing was switched off" : "dialing was switched on",
           NULL);
    set(engine, !stopped);
}

static int mark(void *arg, const bson_t *trunk, bson_t **next, bson_t **events)
{
    const struct change *change = arg;
    bson_t changes = BSON_INITIALIZER;
    (void)events;
    kj_doc_put_text(&changes, "key", kj_trunk_key);
    if (change->dialing)
        kj_doc_put_null(&changes, "stopped");
    else
        kj_doc_put_bool(&changes, "stopped", true);
    bool same = kj_kill_switch_is_off(trunk) != change->dialing;
    if (!same)
        *next = trunk ? kj_doc_with(trunk, &changes) : bson_copy(&changes);
    bson_destroy(&changes);
    return same ? KJ_MODIFY_SKIP : KJ_OK;
}

static void on_marked(void *arg, int status, const bson_t *trunk)
{
    struct change *change = arg;
    struct kj_fault fault;
    bson_t result = BSON_INITIALIZER;
    if (status == KJ_OK && trunk)
        kj_kill_switch_see(change->engine, trunk);
    if (status == KJ_OK && change->dialing)
        set(change->engine, true); // also after a stop that was never stored
    kj_doc_put_bool(&result, "dialing", change->dialing);
    kj_fault(&fault, status, "dialing", "try again",
             change->dialing
                 ? "the store refused the write; dialing stays as it was"
                 : "this host does not dial any more, but others could not be told: the store "
                   "refused the write");
    change->done(change->arg, status, &result, status == KJ_OK ? NULL : &fault);
    bson_destroy(&result);
    free(change);
}

void kj_kill_switch_set(struct kj_engine *engine, bool dialing, kj_engine_done *done, void *arg)
{
    struct change *change = KJ_NEW(struct change);
    *change = (struct change){engine, dialing, done, arg};
    if (!dialing)
        set(engine, false);
    kj_modify(&(struct kj_modify){.store = engine->store,
                                  .workspace = kj_trunk_workspace,
                                  .coll = KJ_LIMITS,
                                  .key = kj_trunk_key,
                                  .change = mark,
                                  .done = on_marked,
                                  .arg = change});
}
