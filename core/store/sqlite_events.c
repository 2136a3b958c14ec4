// Events: documents that become visible with the write they tell of, numbered without gaps because
// the number is taken and given back with the same transaction.
#include "store/sqlite.h"

#include "base/str.h"

#include <string.h>

static bson_t *event_doc(struct kj_sqlite_run *run, const bson_t *event)
{
    bson_t *doc = bson_new();
    kj_doc_put_text(doc, "name", kj_doc_text(event, "name", ""));
    kj_doc_put_time(doc, "at", run->request->at);
    kj_doc_put_text(doc, "host", run->db->host);
    if (run->db->simulated)
        kj_doc_put_bool(doc, "simulated", true);
    if (kj_doc_has(event, "data"))
        kj_doc_put_from(doc, "data", event, "data");
    else
        kj_doc_put_doc(doc, "data", &(bson_t)BSON_INITIALIZER);
    return doc;
}

static int add_event(struct kj_sqlite_run *run, const bson_t *event, const char *workspace)
{
    struct kj_store_op op = {.verb = KJ_STORE_INSERT, .coll = KJ_EVENTS};
    struct kj_sqlite_run one = {run->db, run->request, &op, run->events, ""};
    bson_t *doc = event_doc(run, event), *stored = NULL;
    if (*run->request->workspace == 0)
        workspace = kj_doc_text(event, "workspace", workspace);
    int rc = kj_sqlite_add(&one, doc, workspace, &stored);
    bson_destroy(doc);
    if (stored)
        kj_store_add_doc(run->events, stored);
    return rc;
}

int kj_sqlite_add_events(struct kj_sqlite_run *run)
{
    bson_iter_t at;
    if (run->op->events == NULL || !bson_iter_init(&at, run->op->events))
        return 0;
    while (bson_iter_next(&at) && !run->db->broken) {
        uint32_t length;
        const uint8_t *bytes;
        bson_t event;
        bson_iter_document(&at, &length, &bytes);
        if (!bson_init_static(&event, bytes, length))
            continue; // kj_sqlite_check_events has seen it
        int rc = add_event(run, &event, run->workspace);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int bad(const struct kj_sqlite_run *run, const char *why)
{
    return kj_fault(&run->request->fault, KJ_EINVAL, "events", NULL,
                    "The events given with a write to %s %s.", kj_coll_name(run->op->coll), why);
}

int kj_sqlite_check_events(const struct kj_sqlite_run *run)
{
    bson_iter_t at;
    if (run->op->events == NULL)
        return 0;
    if (!bson_iter_init(&at, run->op->events))
        return bad(run, "are not BSON");
    while (bson_iter_next(&at)) {
        uint32_t length;
        const uint8_t *bytes;
        bson_t event;
        if (!BSON_ITER_HOLDS_DOCUMENT(&at))
            return bad(run, "are not an array of documents");
        bson_iter_document(&at, &length, &bytes);
        if (!bson_init_static(&event, bytes, length) || !*kj_doc_text(&event, "name", ""))
            return bad(run, "hold one without a name");
        if (strlen(kj_doc_text(&event, "workspace", "")) >= sizeof run->workspace)
            return bad(run, "hold one whose workspace is longer than 63 bytes");
        if (length + 512 > KJ_DOC_BYTES_MAX)
            return bad(run, "hold one that is too large");
    }
    return 0;
}
