// The store in memory, for rehearsals: with a virtual clock only, and gone with the process.
//
// SQLite's :memory: does the same and took more than half of a rehearsal's time: a fifth alone for
// the end of transactions that nobody needs when nothing outlives the process, the rest to turn
// documents into rows and back. Here a document is a document. The contract is the same, and the
// suite of tests/contract holds it to that.
#include "store/memory.h"

#include "base/alloc.h"
#include "store/lane.h"

#include <stdlib.h>
#include <string.h>

enum { GROUP_OPS_MAX = 20000, TRIM_AFTER = 1000 };

struct memory_store {
    struct kj_store base;
    struct kj_store_config config;
    struct kj_lane lane;
    struct kj_memory_db db;
};

// --- verbs ---

static int get(struct kj_memory_run *run)
{
    struct kj_row *row = kj_memory_seek(run);
    if (row == NULL)
        return KJ_ENOTFOUND;
    run->op->new_id = row->id;
    run->op->new_version = row->version;
    kj_store_add_doc(run->op, bson_copy(row->doc));
    return 0;
}

static int insert(struct kj_memory_run *run)
{
    const char *workspace = run->request->workspace;
    if (*workspace == 0)
        workspace = kj_doc_text(run->op->doc, "workspace", "");
    return kj_memory_put(run, NULL, run->op->doc, workspace);
}

static int replace(struct kj_memory_run *run)
{
    run->op->key = NULL;
    struct kj_row *row = kj_memory_seek(run);
    if (row == NULL)
        return KJ_ENOTFOUND;
    if (row->version != run->op->version)
        return KJ_ECONFLICT;
    return kj_memory_put(run, row, run->op->doc, row->workspace);
}

static int increment(struct kj_memory_run *run)
{
    struct kj_store_op *op = run->op;
    struct kj_row *row = kj_memory_seek(run);
    bson_t *next = NULL, *base = NULL;
    if (row == NULL && (op->id || op->key == NULL))
        return KJ_ENOTFOUND;
    if (row == NULL)
        base = kj_increment_base(op);
    int rc = kj_increment(op->coll, row ? row->doc : base, op->doc, &next, &run->request->fault);
    if (rc == 0)
        rc = kj_memory_put(run, row, next, row ? row->workspace : run->request->workspace);
    if (rc == 0)
        kj_store_add_doc(op, bson_copy(kj_memory_row(&run->db->tables[op->coll], op->new_id)->doc));
    kj_doc_clear(&base);
    kj_doc_clear(&next);
    return rc;
}

static int delete (struct kj_memory_run *run)
{
    struct kj_row *row = kj_memory_seek(run);
    if (row == NULL)
        return KJ_ENOTFOUND;
    if (run->op->version && run->op->version != row->version)
        return KJ_ECONFLICT;
    run->op->new_id = row->id;
    kj_memory_drop(run->db, run->op->coll, row);
    return 0;
}

static int move(struct kj_memory_run *run)
{
    const bson_t *doc = run->op->doc;
    struct kj_row *old = kj_memory_row(&run->db->tables[run->op->coll], kj_doc_int(doc, "_id", 0));
    if (old)
        kj_memory_drop(run->db, run->op->coll, old);
    return kj_memory_put(run, NULL, doc, kj_doc_text(doc, "workspace", ""));
}

static int next(struct kj_memory_run *run)
{
    struct kj_table *table = &run->db->tables[run->op->coll];
    if (run->op->id >= table->next_id)
        table->next_id = run->op->id + 1;
    run->op->new_id = table->next_id;
    return 0;
}

// --- events ---

static void add_events(struct kj_memory_run *run, struct kj_store_op *told)
{
    bson_iter_t at;
    if (!bson_iter_init(&at, run->op->events))
        return;
    while (bson_iter_next(&at)) {
        bson_t event;
        if (!kj_doc_at(&at, &event))
            continue; // kj_store_check has seen it
        const char *workspace = run->workspace;
        if (*run->request->workspace == 0)
            workspace = kj_doc_text(&event, "workspace", workspace);
        struct kj_store_op op = {.verb = KJ_STORE_INSERT, .coll = KJ_EVENTS};
        struct kj_memory_run one = {run->db, run->request, &op, ""};
        bson_t *doc = kj_store_event(run->request->at, &event, run->db->host, run->db->simulated);
        if (kj_memory_put(&one, NULL, doc, workspace) == 0)
            kj_store_add_doc(told,
                             bson_copy(kj_memory_row(&run->db->tables[KJ_EVENTS], op.new_id)->doc));
        bson_destroy(doc);
    }
}

static void trim_events(struct kj_memory_db *db)
{
    struct kj_rows *rows = &db->tables[KJ_EVENTS].rows;
    if (rows->count < (size_t)db->events_kept + TRIM_AFTER)
        return;
    while (rows->count > (size_t)db->events_kept)
        kj_memory_drop(db, KJ_EVENTS, rows->at[0]);
}

// --- groups ---

static void run_op(struct kj_memory_db *db, struct kj_store_request *request,
                   struct kj_store_op *op, struct kj_store_op *events)
{
    static int (*const k_verbs[])(struct kj_memory_run * run) = {
        [KJ_STORE_GET] = get,
        [KJ_STORE_INSERT] = insert,
        [KJ_STORE_REPLACE] = replace,
        [KJ_STORE_INCREMENT] = increment,
        [KJ_STORE_DELETE] = delete,
        [KJ_STORE_FIND] = kj_memory_find,
        [KJ_STORE_COUNT] = kj_memory_find,
        [KJ_STORE_CLAIM] = kj_memory_claim,
        [KJ_STORE_PUT] = move,
        [KJ_STORE_NEXT] = next,
    };
    struct kj_memory_run run = {db, request, op, request->workspace};
    op->status = kj_store_check(request, op);
    if (op->status == 0)
        op->status = k_verbs[op->verb](&run);
    if (op->status == 0 && op->events)
        add_events(&run, events);
}

static void run_group(struct kj_lane *lane, struct kj_store_request *first,
                      struct kj_store_op *events)
{
    struct kj_memory_db *db = lane->arg;
    for (struct kj_store_request *request = first; request; request = request->next)
        for (size_t i = 0; i < request->n_ops; i++)
            run_op(db, request, &request->ops[i], events);
    trim_events(db);
}

// --- the store ---

static bool settle(void *arg)
{
    struct memory_store *store = arg;
    return kj_lane_settle(&store->lane);
}

static void submit(struct kj_store *base, struct kj_store_request *request)
{
    struct memory_store *store = (struct memory_store *)base;
    request->at =
        store->config.now ? store->config.now(store->config.now_arg) : kj_loop_now(base->loop);
    kj_lane_submit(&store->lane, request, 0);
}

static void destroy(struct kj_store *base)
{
    struct memory_store *store = (struct memory_store *)base;
    kj_lane_deliver(&store->lane);
    while (settle(store)) // a `done` may have submitted more
        kj_lane_deliver(&store->lane);
    kj_lane_close(&store->lane);
    kj_memory_fini(&store->db);
    free((char *)store->db.host);
    free(store);
}

static const struct kj_store_class k_class = {"memory", submit, destroy};

int kj_memory_create(struct kj_loop *loop, const struct kj_store_config *config,
                     struct kj_store **out, struct kj_fault *fault)
{
    *out = NULL;
    if (!kj_loop_is_virtual(loop))
        return kj_fault(fault, KJ_ESTATE, "store", "use sqlite or mongodb",
                        "The store in memory is for a virtual clock.");
    struct memory_store *store = KJ_NEW(struct memory_store);
    store->base = (struct kj_store){.class = &k_class, .loop = loop};
    store->config = *config;
    kj_memory_init(&store->db);
    store->db.host = kj_strdup(config->host ? config->host : "local");
    store->db.simulated = config->simulated;
    store->db.events_kept = config->events_kept > 0 ? config->events_kept : 1000000;
    store->lane = (struct kj_lane){.store = &store->base,
                                   .name = "store",
                                   .run = run_group,
                                   .arg = &store->db,
                                   .group_ops = GROUP_OPS_MAX};
    kj_lane_open(&store->lane, false);
    kj_loop_on_settle(loop, settle, store);
    *out = &store->base;
    return 0;
}
