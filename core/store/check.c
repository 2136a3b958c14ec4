// What is refused before any store is touched, in the same words by all of them.
#include "store/collections.h"
#include "store/store_parts.h"

#include <string.h>

static int refuse(struct kj_store_request *request, const struct kj_store_op *op, const char *text)
{
    return kj_fault(&request->fault, KJ_EINVAL, kj_coll_name(op->coll), NULL, "%s", text);
}

static int bad_events(struct kj_store_request *request, const struct kj_store_op *op,
                      const char *why)
{
    return kj_fault(&request->fault, KJ_EINVAL, "events", NULL,
                    "The events given with a write to %s %s.", kj_coll_name(op->coll), why);
}

static int check_events(struct kj_store_request *request, const struct kj_store_op *op)
{
    bson_iter_t at;
    if (op->events == NULL)
        return 0;
    if (!bson_iter_init(&at, op->events))
        return bad_events(request, op, "are not BSON");
    while (bson_iter_next(&at)) {
        bson_t event;
        if (!kj_doc_at(&at, &event))
            return bad_events(request, op, "are not an array of documents");
        if (!*kj_doc_text(&event, "name", ""))
            return bad_events(request, op, "hold one without a name");
        if (strlen(kj_doc_text(&event, "workspace", "")) >= sizeof request->workspace)
            return bad_events(request, op, "hold one whose workspace is longer than 63 bytes");
        if (event.len + 512 > KJ_DOC_BYTES_MAX)
            return bad_events(request, op, "hold one that is too large");
    }
    return 0;
}

static int check_write(struct kj_store_request *request, const struct kj_store_op *op)
{
    bool writes_doc = op->verb == KJ_STORE_INSERT || op->verb == KJ_STORE_REPLACE ||
                      op->verb == KJ_STORE_INCREMENT;
    if (writes_doc && op->doc == NULL)
        return kj_fault(&request->fault, KJ_EINVAL, kj_coll_name(op->coll), NULL,
                        "A write to %s came without a document.", kj_coll_name(op->coll));
    if (op->coll == KJ_EVENTS && (writes_doc || op->verb == KJ_STORE_DELETE))
        return kj_fault(&request->fault, KJ_EINVAL, "events", "give it as `events` of a write",
                        "Events are written with the write they tell of, not by themselves.");
    if ((op->verb == KJ_STORE_INSERT || op->verb == KJ_STORE_PUT) && *request->workspace == 0 &&
        strlen(kj_doc_text(op->doc, "workspace", "")) >= sizeof request->workspace)
        return refuse(request, op, "The workspace's name is longer than 63 bytes.");
    return check_events(request, op);
}

// Only whole stores are moved, so it is always across workspaces.
static int check_move(struct kj_store_request *request, const struct kj_store_op *op)
{
    if (*request->workspace)
        return refuse(request, op, "A store is moved across workspaces.");
    if (op->verb == KJ_STORE_PUT && (op->doc == NULL || kj_doc_int(op->doc, "_id", 0) < 1 ||
                                     kj_doc_int(op->doc, "version", 0) < 1))
        return refuse(request, op, "A document to be moved has its _id and version.");
    return 0;
}

static int check_find(struct kj_store_request *request, const struct kj_store_op *op)
{
    if (op->limit < 0 || op->skip < 0)
        return refuse(request, op, "Limit and skip cannot be negative.");
    if (op->limit > KJ_FIND_LIMIT_MAX)
        return kj_fault(&request->fault, KJ_ELIMIT, kj_coll_name(op->coll),
                        "read on with {_id: {$gt: the last one}}",
                        "A find gives at most %d documents.", KJ_FIND_LIMIT_MAX);
    return 0;
}

static int check_claim(struct kj_store_request *request, const struct kj_store_op *op)
{
    const char *wrong = op->coll != KJ_JOBS              ? "Only jobs can be claimed."
                        : *request->workspace != 0       ? "A claim runs across workspaces."
                        : op->host == NULL || !*op->host ? "A claim needs the name of its host."
                        : op->limit < 0 || op->limit > KJ_FIND_LIMIT_MAX
                            ? "A claim takes 1 to 100,000 jobs."
                            : NULL;
    return wrong ? kj_fault(&request->fault, KJ_EINVAL, "jobs", NULL, "%s", wrong) : 0;
}

int kj_store_check(struct kj_store_request *request, const struct kj_store_op *op)
{
    if ((unsigned)op->coll >= KJ_COLL_COUNT)
        return kj_fault(&request->fault, KJ_EINVAL, "store", NULL, "No such collection.");
    if ((unsigned)op->verb >= KJ_STORE_VERB_COUNT)
        return kj_fault(&request->fault, KJ_EINVAL, "store", NULL, "No such operation.");
    if (request->refused)
        return refuse(request, op, "The workspace's name is longer than 63 bytes.");
    int rc = check_write(request, op);
    if (rc == 0 && op->verb == KJ_STORE_FIND)
        rc = check_find(request, op);
    if (rc == 0 && op->verb == KJ_STORE_CLAIM)
        rc = check_claim(request, op);
    if (rc == 0 && (op->verb == KJ_STORE_PUT || op->verb == KJ_STORE_NEXT))
        rc = check_move(request, op);
    return rc;
}

int kj_store_check_doc(struct kj_store_request *request, const struct kj_store_op *op,
                       const bson_t *doc, bool stamped)
{
    int64_t id = stamped ? kj_doc_int(doc, "_id", 0) : 0;
    if (doc->len > KJ_DOC_BYTES_MAX)
        return kj_fault(&request->fault, KJ_ELIMIT, kj_coll_name(op->coll), NULL,
                        "The document for %s has %u bytes, more than the 16 MiB that fit.",
                        kj_coll_name(op->coll), (unsigned)doc->len);
    if (id < 0 || id == INT64_MAX)
        return kj_fault(&request->fault, KJ_EINVAL, kj_coll_name(op->coll), NULL,
                        "The _id of a document for %s is not a positive number.",
                        kj_coll_name(op->coll));
    return 0;
}

int64_t kj_store_limit(const struct kj_store_op *op)
{
    return op->limit ? op->limit : KJ_FIND_LIMIT;
}

bool kj_store_all_stale(const struct kj_store_request *request)
{
    for (size_t i = 0; i < request->n_ops; i++) {
        const struct kj_store_op *op = &request->ops[i];
        bool reads =
            op->verb == KJ_STORE_GET || op->verb == KJ_STORE_FIND || op->verb == KJ_STORE_COUNT;
        if (!reads || !op->stale_ok || op->events)
            return false;
    }
    return request->n_ops > 0;
}

bson_t *kj_store_event(int64_t at, const bson_t *event, const char *host, bool simulated)
{
    bson_t *doc = bson_new();
    kj_doc_put_text(doc, "name", kj_doc_text(event, "name", ""));
    kj_doc_put_time(doc, "at", at);
    kj_doc_put_text(doc, "host", host);
    if (simulated)
        kj_doc_put_bool(doc, "simulated", true);
    if (kj_doc_has(event, "data"))
        kj_doc_put_from(doc, "data", event, "data");
    else
        kj_doc_put_doc(doc, "data", &(bson_t)BSON_INITIALIZER);
    return doc;
}
