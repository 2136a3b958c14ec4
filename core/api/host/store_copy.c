// store.copy: how to move everything into a store of the other type. A copy needs a store that
// stands still, so no running daemon makes it: the answer is what to run, in order, as it is typed.
#include "api/request.h"

#include "api/commands.h"

void kj_api_set_copy_plan(struct kj_api *api, kj_copy_plan *plan, void *arg)
{
    api->copy_plan = plan;
    api->copy_plan_arg = arg;
}

void kj_store_copy(struct kj_request *request)
{
    struct kj_api *api = request->api;
    bson_t result = BSON_INITIALIZER;
    struct kj_fault fault;
    int rc;
    if (api->copy_plan)
        rc = api->copy_plan(api->copy_plan_arg, kj_doc_text(request->args, "to", ""), &result,
                            &fault);
    else
        rc = kj_fault(&fault, KJ_ESTATE, "", "see kejued --help", "this daemon has no store");
    if (rc == KJ_OK)
        kj_reply(request, &result);
    else
        kj_reply_fault(request, &fault);
    bson_destroy(&result);
}
