// call.fixture: a call that was judged, as a test for its pack and as facts to try others on.
#include "api/commands.h"
#include "api/documents.h"

#include <stdio.h>

static void answer(struct kj_request *request, const bson_t *facts, const bson_t *decision)
{
    const char *pack = kj_doc_text(decision, "pack", "");
    char name[240];
    bson_t plan, none = BSON_INITIALIZER;
    bool judged = kj_doc_child(decision, "plan", &plan);
    bson_t result = BSON_INITIALIZER;
    struct kj_buf lua;
    kj_buf_init(&lua, 0);
    snprintf(name, sizeof name, "%.80s, %.100s", kj_doc_text(decision, "key", ""),
             kj_doc_text(decision, "disposition", ""));
    kj_buf_addf(&lua, "return kejue.tests { pack = \"%s\",\n", pack);
    kj_script_fixture(name, facts, judged ? &plan : &none, &lua);
    kj_buf_adds(&lua, "}\n");
    kj_doc_put_text(&result, "pack", pack);
    kj_doc_put_text(&result, "lua", lua.data);
    kj_doc_put_doc(&result, "facts", facts);
    kj_reply(request, &result);
    kj_buf_fini(&lua);
    bson_destroy(&result);
    bson_destroy(&none);
}

static void on_read(struct kj_store_request *store)
{
    struct kj_request *request = store->arg;
    struct kj_store_op *call = &store->ops[0], *decision = &store->ops[1];
    bson_t facts;
    if (call->status != KJ_OK || call->n_docs == 0)
        kj_documents_fail(request, call->status ? call->status : KJ_ENOTFOUND, "call");
    else if (decision->status != KJ_OK || decision->n_docs == 0)
        kj_documents_fail(request, decision->status ? decision->status : KJ_ENOTFOUND, "decision");
    else if (!kj_doc_child(call->docs[0], "facts", &facts))
        kj_documents_fail(request, KJ_ENOTFOUND, "facts");
    else
        answer(request, &facts, decision->docs[0]);
}

void kj_call_fixture(struct kj_request *request)
{
    kj_call_read(request, on_read);
}
