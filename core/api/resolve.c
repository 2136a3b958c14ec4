// Finds the assistant group of a call or campaign (K-3 to K-6).
#include "api/resolve.h"

#include "base/alloc.h"

#include <stdlib.h>

struct resolve {
    struct kj_request *request;
    void (*next)(struct kj_request *request, int64_t group_id, int64_t assistant_id);
    bool by_assistant;
};

static void on_read(struct kj_store_request *store)
{
    struct resolve *resolve = store->arg;
    struct kj_request *request = resolve->request;
    struct kj_store_op *op = &store->ops[0];
    if (op->status == KJ_OK && op->n_docs) {
        int64_t id = kj_doc_int(op->docs[0], "_id", 0);
        if (resolve->by_assistant)
            resolve->next(request, kj_doc_int(op->docs[0], "group_id", 0), id);
        else
            resolve->next(request, id, 0);
    } else if (op->status != KJ_ENOTFOUND && op->status != KJ_OK) {
        kj_reply_error(request, op->status, "", "try again", "the store could not be read");
    } else if (resolve->by_assistant)
        kj_reply_error(request, KJ_ENOTFOUND, "/assistant_id", "see assistant.list",
                       "there is no such assistant");
    else
        kj_reply_error(request, KJ_ENOTFOUND, "/group", "see group.list",
                       "there is no such assistant group");
    free(resolve);
}

void kj_resolve_group(struct kj_request *request, const bson_t *from,
                      void (*next)(struct kj_request *request, int64_t group_id,
                                   int64_t assistant_id))
{
    int64_t assistant = kj_doc_int(from, "assistant_id", 0);
    const char *group = kj_doc_text(from, "group", kj_doc_text(from, "assistant_group_id", NULL));
    if (assistant == 0 && group == NULL) {
        kj_reply_error(request, KJ_EINVAL, "", "give assistant_id or group",
                       "an assistant or an assistant group must be named");
        return;
    }
    struct resolve *resolve = KJ_NEW(struct resolve);
    *resolve = (struct resolve){request, next, assistant != 0};
    kj_store_get(kj_request_engine(request)->store, request->workspace,
                 assistant ? KJ_ASSISTANTS : KJ_GROUPS, assistant, assistant ? NULL : group,
                 on_read, resolve);
}
