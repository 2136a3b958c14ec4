// Leases. Nothing here compares the clocks of two hosts: who watches another measures by its own
// clock how long that document has not changed, on reads that began after that time; whose lease it
// is measures from before the write. Between the 25 s after which a host stops acting and the 30 s
// after which it is taken over lies what its last act may need on the way. And if all that were
// wrong, versions and the permit still stand between a job and a second call.
#include "engine/hosts.h"

#include "base/alloc.h"
#include "base/log.h"
#include "engine/kinds/campaigns.h"
#include "engine/lease.h"
#include "engine/path.h"

#include <stdlib.h>

enum {
    k_beat_ms = 10000,
    k_again_ms = 1000, // a beat that failed: without one nothing is dialed after an outage
    k_lease_ms = 30000,
    k_margin_ms = 5000,
    k_leave_ms = 3000,
    k_sweep_beats = 6, // so often it is looked for jobs that nobody runs, whatever happened
};
static const int64_t k_forget_ms = INT64_C(7) * 86400000; // ended so long ago: not shown any more
const char kj_hosts_workspace[] = "default";

struct seen {               // another host's document
    int64_t version, since; // mono ms of the answer in which this version was first seen
};

struct kj_hosts {
    struct kj_engine *engine;
    char lease[KJ_LEASE_SIZE];
    int64_t epoch, started_at;
    int64_t held_until; // mono ms
    int alive, beats;
    bool shared, ended, taken_over;
    struct kj_map seen; // name -> struct seen
    struct kj_timer beat, limit;
    void (*joined)(void *arg, int status);
    void *joined_arg;
    void (*left)(void *arg);
    void *left_arg;
};

bool kj_hosts_holds(const struct kj_engine *engine)
{
    const struct kj_hosts *hosts = engine->own->hosts;
    return !hosts->ended && (!hosts->shared || kj_loop_mono(engine->loop) < hosts->held_until);
}

int kj_hosts_alive(const struct kj_engine *engine)
{
    return engine->own->hosts && engine->own->hosts->alive > 1 ? engine->own->hosts->alive : 1;
}

// --- the end ---

// Somebody else has our jobs, or our name: whatever is still under way here is not ours.
static void lose(struct kj_hosts *hosts, const bson_t *doc)
{
    struct kj_engine *engine = hosts->engine;
    const char *by = kj_doc_text(doc, "taken_by", NULL);
    if (hosts->ended)
        return;
    hosts->ended = true;
    kj_timer_stop(engine->loop, &hosts->beat);
    kj_queue_stop(engine->queue);
    kj_log(KJ_LOG_ERROR, "hosts",
           by ? "this host hung for too long and was taken over; it ends"
              : "another process runs under this host's name; give each a host_name of its own",
           "host", engine->host_name, "by", by ? by : engine->host_name, NULL);
    if (engine->own->lost)
        engine->own->lost(engine->own->lost_arg);
}

// --- the beat ---

struct beat {
    struct kj_hosts *hosts;
    int64_t sent_at;
    size_t taken; // ops behind the first: hosts taken over
};

static void send_beat(struct kj_hosts *hosts);

static void beat_again(struct kj_hosts *hosts, int64_t ms)
{
    if (!hosts->ended)
        kj_timer_start(hosts->engine->loop, &hosts->beat, ms);
}

static void on_swept(void *arg, int status)
{
    struct kj_hosts *hosts = arg;
    if (status == KJ_OK && hosts->taken_over) {
        hosts->taken_over = false;
        kj_campaign_touch_active(hosts->engine); // the looks that it had in memory
        kj_trunk_sweep(hosts->engine);
    }
}

static void after_beat(struct kj_hosts *hosts)
{
    struct kj_queue *queue = hosts->engine->queue;
    bool sweep = hosts->taken_over || hosts->beats++ % k_sweep_beats == 0;
    if (sweep)
        kj_queue_sweep(queue, on_swept, hosts);
    if (sweep || hosts->alive > 1) // others insert jobs that we are not told of
        kj_queue_look(queue);
}

static void on_beaten(struct kj_store_request *request)
{
    struct beat *beat = request->arg;
    struct kj_hosts *hosts = beat->hosts;
    for (size_t i = 1; i <= beat->taken; i++)
        if (request->ops[i].status == KJ_OK) {
            hosts->taken_over = true;
            kj_store_adopt(hosts->engine->store, kj_doc_text(request->ops[i].doc, "key", ""));
        }
    int status = request->ops[0].status;
    if (status == KJ_OK)
        hosts->held_until = beat->sent_at + k_lease_ms - k_margin_ms;
    free(beat);
    if (hosts->ended)
        return;
    if (status == KJ_OK)
        after_beat(hosts);
    beat_again(hosts, status == KJ_OK ? k_beat_ms : k_again_ms);
}

static bson_t *own_doc(const struct kj_hosts *hosts, const bson_t *old)
{
    const struct kj_engine *engine = hosts->engine;
    bson_t changes = BSON_INITIALIZER;
    kj_doc_put_text(&changes, "key", engine->host_name);
    kj_doc_put_text(&changes, "state", "live");
    kj_doc_put_int(&changes, "epoch", hosts->epoch);
    kj_doc_put_time(&changes, "started_at", hosts->started_at);
    kj_doc_put_time(&changes, "beat_at", kj_loop_now(engine->loop));
    kj_doc_put_text(&changes, "release", KEJUE_VERSION);
    kj_doc_put_bool(&changes, "dialing", engine->dialing);
    kj_doc_put_int(&changes, "running", (int64_t)kj_queue_running(engine->queue, NULL));
    kj_doc_put_int(&changes, "calls", (int64_t)kj_queue_running(engine->queue, "call"));
    if (old)
        kj_doc_put_null(&changes, "taken_by");
    bson_t *doc = old ? kj_doc_with(old, &changes) : bson_copy(&changes);
    bson_destroy(&changes);
    return doc;
}

// Has it stood still for a lease's time? Judged by a read that was sent after that time.
static bool stands_still(struct kj_hosts *hosts, const bson_t *doc, int64_t sent_at)
{
    const char *name = kj_doc_text(doc, "key", "");
    int64_t version = kj_doc_int(doc, "version", 0);
    struct seen *seen = kj_map_get(&hosts->seen, name);
    if (seen == NULL) {
        seen = KJ_NEW(struct seen);
        kj_map_put(&hosts->seen, name, seen);
    }
    if (seen->version != version)
        *seen = (struct seen){version, kj_loop_mono(hosts->engine->loop)};
    return sent_at - seen->since > k_lease_ms;
}

static void add_write(struct kj_store_request *request, const bson_t *old, bson_t *doc_take)
{
    struct kj_store_op *op = &request->ops[request->n_ops];
    op->verb = KJ_STORE_REPLACE;
    op->coll = KJ_HOSTS;
    op->id = kj_doc_int(old, "_id", 0);
    op->version = kj_doc_int(old, "version", 0);
    kj_store_own_doc(request, request->n_ops++, doc_take);
}

static void take_over(struct beat *beat, struct kj_store_request *write, const bson_t *other)
{
    const char *name = beat->hosts->engine->host_name;
    kj_log(KJ_LOG_WARN, "hosts", "a host does not answer any more; it is taken over", "host",
           kj_doc_text(other, "key", ""), NULL);
    add_write(write, other, kj_lease_ended(other, name));
    beat->taken++;
}

static const bson_t *find_own(const struct kj_hosts *hosts, const struct kj_store_op *op)
{
    for (size_t i = 0; i < op->n_docs; i++)
        if (kj_streq(kj_doc_text(op->docs[i], "key", ""), hosts->engine->host_name))
            return op->docs[i];
    return NULL;
}

static void forget(struct kj_store_request *write, const bson_t *doc)
{
    struct kj_store_op *op = &write->ops[write->n_ops++];
    op->verb = KJ_STORE_DELETE;
    op->coll = KJ_HOSTS;
    op->id = kj_doc_int(doc, "_id", 0);
    op->version = kj_doc_int(doc, "version", 0);
}

static void look_at_others(struct beat *beat, const struct kj_store_op *found, const bson_t *own,
                           struct kj_store_request *write)
{
    struct kj_hosts *hosts = beat->hosts;
    int64_t now = kj_loop_now(hosts->engine->loop);
    hosts->alive = 1;
    for (size_t i = 0; i < found->n_docs; i++) {
        const bson_t *doc = found->docs[i];
        if (doc == own || !kj_lease_is_live(doc))
            continue;
        if (stands_still(hosts, doc, beat->sent_at))
            take_over(beat, write, doc);
        else
            hosts->alive++;
    }
    kj_queue_set_hosts(hosts->engine->queue, hosts->alive);
    for (size_t i = 0; i < found->n_docs; i++) {
        const bson_t *doc = found->docs[i];
        if (kj_lease_is_live(doc))
            continue;
        if (hosts->beats % k_sweep_beats == 0) // who took it over may have ended before it was done
            kj_store_adopt(hosts->engine->store, kj_doc_text(doc, "key", ""));
        if (kj_doc_time(doc, "beat_at", now) + k_forget_ms < now)
            forget(write, doc);
    }
}

static void on_hosts(struct kj_store_request *request)
{
    struct beat *beat = request->arg;
    struct kj_hosts *hosts = beat->hosts;
    const struct kj_store_op *found = &request->ops[0];
    const bson_t *own = found->status == KJ_OK ? find_own(hosts, found) : NULL;
    if (own == NULL || hosts->ended || !kj_lease_is_held(own, hosts->lease)) {
        if (found->status == KJ_OK && !hosts->ended)
            lose(hosts, own);
        free(beat);
        beat_again(hosts, k_again_ms);
        return;
    }
    if (request->ops[1].status == KJ_OK)
        kj_trunk_see(hosts->engine, request->ops[1].docs[0]);
    struct kj_store_request *write =
        kj_store_request(found->n_docs + 1, kj_hosts_workspace, on_beaten, beat);
    write->n_ops = 0;
    add_write(write, own, own_doc(hosts, own));
    look_at_others(beat, found, own, write);
    kj_store_submit(hosts->engine->store, write);
}

static void send_beat(struct kj_hosts *hosts)
{
    struct beat *beat = KJ_NEW(struct beat);
    *beat = (struct beat){hosts, kj_loop_mono(hosts->engine->loop), 0};
    struct kj_store_request *request = kj_store_request(2, kj_hosts_workspace, on_hosts, beat);
    request->ops[0].verb = KJ_STORE_FIND;
    request->ops[0].coll = KJ_HOSTS;
    request->ops[0].limit = KJ_HOSTS_MOST;
    request->ops[1].verb = KJ_STORE_GET; // lines in use, and the kill switch
    request->ops[1].coll = KJ_LIMITS;
    request->ops[1].key = kj_trunk_key;
    kj_store_own_filter(request, 0, bson_new());
    kj_store_submit(hosts->engine->store, request);
}

static void on_beat(void *arg)
{
    send_beat(arg);
}

// --- joining ---

static int raise_epoch(void *arg, const bson_t *doc, bson_t **next, bson_t **events)
{
    struct kj_hosts *hosts = arg;
    (void)events;
    hosts->held_until = kj_loop_mono(hosts->engine->loop) + k_lease_ms - k_margin_ms;
    hosts->epoch = (doc ? kj_doc_int(doc, "epoch", 0) : 0) + 1;
    *next = own_doc(hosts, doc);
    return KJ_OK;
}

static void on_joined(void *arg, int status, const bson_t *doc)
{
    struct kj_hosts *hosts = arg;
    struct kj_engine *engine = hosts->engine;
    if (status == KJ_OK) {
        kj_lease_text(doc, hosts->lease);
        kj_queue_set_lease(engine->queue, hosts->lease);
        // The others learn of us with their next beat, and leave us our part of the dials.
        if (hosts->shared)
            engine->own->trunk_next = kj_loop_mono(engine->loop) + k_beat_ms;
        if (hosts->shared)
            send_beat(hosts);
    }
    hosts->joined(hosts->joined_arg, status);
}

void kj_hosts_join(struct kj_engine *engine, void (*joined)(void *arg, int status), void *arg)
{
    struct kj_hosts *hosts = engine->own->hosts = KJ_NEW(struct kj_hosts);
    hosts->engine = engine;
    hosts->shared = engine->store->shared;
    hosts->started_at = kj_loop_now(engine->loop);
    hosts->joined = joined;
    hosts->joined_arg = arg;
    kj_map_init(&hosts->seen);
    kj_timer_init(&hosts->beat, on_beat, hosts);
    kj_timer_init(&hosts->limit, NULL, hosts);
    kj_modify(&(struct kj_modify){.store = engine->store,
                                  .workspace = kj_hosts_workspace,
                                  .coll = KJ_HOSTS,
                                  .key = engine->host_name,
                                  .change = raise_epoch,
                                  .done = on_joined,
                                  .arg = hosts});
}

// --- leaving ---

static void gone(void *arg)
{
    struct kj_hosts *hosts = arg;
    void (*left)(void *arg) = hosts->left;
    hosts->left = NULL;
    kj_timer_stop(hosts->engine->loop, &hosts->limit);
    if (left)
        left(hosts->left_arg);
}

static void on_handed_back(void *arg, int status)
{
    (void)status;
    gone(arg);
}

static int end_epoch(void *arg, const bson_t *doc, bson_t **next, bson_t **events)
{
    const struct kj_hosts *hosts = arg;
    (void)events;
    if (doc == NULL || !kj_lease_is_held(doc, hosts->lease))
        return KJ_MODIFY_SKIP;
    *next = kj_lease_ended(doc, NULL);
    return KJ_OK;
}

static void on_ended(void *arg, int status, const bson_t *doc)
{
    struct kj_hosts *hosts = arg;
    (void)doc;
    if (status == KJ_OK)
        kj_queue_hand_back(hosts->engine->queue, on_handed_back, hosts);
    else
        gone(hosts);
}

void kj_hosts_leave(struct kj_engine *engine, void (*left)(void *arg), void *arg)
{
    struct kj_hosts *hosts = engine->own->hosts;
    if (hosts == NULL || hosts->ended) {
        left(arg);
        return;
    }
    hosts->ended = true;
    hosts->left = left;
    hosts->left_arg = arg;
    hosts->limit.fire = gone;
    kj_timer_stop(engine->loop, &hosts->beat);
    kj_timer_start(engine->loop, &hosts->limit, k_leave_ms);
    kj_modify(&(struct kj_modify){.store = engine->store,
                                  .workspace = kj_hosts_workspace,
                                  .coll = KJ_HOSTS,
                                  .key = engine->host_name,
                                  .change = end_epoch,
                                  .done = on_ended,
                                  .arg = hosts});
}

void kj_hosts_destroy(struct kj_hosts *hosts)
{
    const char *name;
    void *seen;
    if (hosts == NULL)
        return;
    kj_timer_stop(hosts->engine->loop, &hosts->beat);
    kj_timer_stop(hosts->engine->loop, &hosts->limit);
    for (size_t at = 0; kj_map_next(&hosts->seen, &at, &name, &seen);)
        free(seen);
    kj_map_fini(&hosts->seen);
    free(hosts);
}
