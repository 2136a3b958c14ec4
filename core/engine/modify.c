// The one read-modify-write loop.
#include "engine/modify.h"

#include "base/alloc.h"

#include <stdlib.h>

enum { k_tries = 16 };

struct run {
    struct kj_modify modify;
    char *workspace, *key;
    int tries;
};

static void finish(struct run *run, int status, const bson_t *doc)
{
    run->modify.done(run->modify.arg, status, doc);
    free(run->workspace);
    free(run->key);
    free(run);
}

static void read_again(struct run *run);

// A document that was stored before has room for both.
static bson_t *stamped(bson_t *written_take, int64_t id, int64_t version)
{
    bson_t *doc = written_take, stamp = BSON_INITIALIZER;
    if (!kj_doc_set_int(doc, "_id", id) || !kj_doc_set_int(doc, "version", version)) {
        kj_doc_put_int(&stamp, "_id", id);
        kj_doc_put_int(&stamp, "version", version);
        doc = kj_doc_with(written_take, &stamp);
        bson_destroy(written_take);
    }
    bson_destroy(&stamp);
    return doc;
}

static void on_written(struct kj_store_request *request)
{
    struct run *run = request->arg;
    struct kj_store_op *op = &request->ops[0];
    bool raced = op->status == KJ_ECONFLICT || op->status == KJ_EEXISTS ||
                 op->status == KJ_ENOTFOUND; // removed or inserted since we read it
    if (raced && ++run->tries < k_tries)
        read_again(run);
    else if (op->status == KJ_OK) {
        bson_t *doc = stamped(kj_store_take_doc(request, 0), op->new_id ? op->new_id : op->id,
                              op->new_version ? op->new_version : 1);
        finish(run, KJ_OK, doc);
        bson_destroy(doc);
    } else
        finish(run, op->status, NULL);
}

// `old`: the document may have been written since it was read.
static void attempt(struct run *run, const bson_t *doc, bool old)
{
    bson_t *next = NULL, *events = NULL;
    int rc = run->modify.change(run->modify.arg, doc, &next, &events);
    if (rc != KJ_OK) {
        kj_doc_clear(&events);
        if (old) // only what is read now may end it
            read_again(run);
        else
            finish(run, rc == KJ_MODIFY_SKIP ? KJ_OK : rc, doc);
        return;
    }
    struct kj_store_request *write = kj_store_request(1, run->workspace, on_written, run);
    write->ops[0].coll = run->modify.coll;
    write->ops[0].verb = doc ? KJ_STORE_REPLACE : KJ_STORE_INSERT;
    if (doc) {
        write->ops[0].id = kj_doc_int(doc, "_id", 0);
        write->ops[0].version = kj_doc_int(doc, "version", 0);
    }
    kj_store_own_doc(write, 0, next);
    if (events)
        kj_store_own_events(write, 0, events);
    kj_store_submit(run->modify.store, write);
}

static void on_read(struct kj_store_request *request)
{
    struct run *run = request->arg;
    struct kj_store_op *op = &request->ops[0];
    if (op->status != KJ_OK && op->status != KJ_ENOTFOUND)
        finish(run, op->status, NULL);
    else
        attempt(run, op->status == KJ_OK && op->n_docs ? op->docs[0] : NULL, false);
}

static void read_again(struct run *run)
{
    kj_store_get(run->modify.store, run->workspace, run->modify.coll, run->modify.id, run->key,
                 on_read, run);
}

void kj_modify(const struct kj_modify *modify)
{
    struct run *run = KJ_NEW(struct run);
    run->modify = *modify;
    run->workspace = kj_strdup(modify->workspace);
    run->key = kj_strdup(modify->key);
    if (modify->known)
        attempt(run, modify->known, true);
    else
        read_again(run);
}
