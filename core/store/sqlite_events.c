// Events: documents that become visible with the write they tell of, numbered without gaps because
// the number is taken and given back with the same transaction.
#include "store/sqlite.h"

#include "base/str.h"

#include <string.h>

static int add_event(struct kj_sqlite_run *run, const bson_t *event, const char *workspace)
{
    struct kj_store_op op = {.verb = KJ_STORE_INSERT, .coll = KJ_EVENTS};
    struct kj_sqlite_run one = {run->db, run->request, &op, run->events, ""};
    bson_t *doc = kj_store_event(run->request->at, event, run->db->host, run->db->simulated);
    bson_t *stored = NULL;
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
        bson_t event;
        if (!kj_doc_at(&at, &event))
            continue; // kj_store_check has seen it
        int rc = add_event(run, &event, run->workspace);
        if (rc < 0)
            return rc;
    }
    return 0;
}
