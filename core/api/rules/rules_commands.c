// rules.list, rules.reload, rules.check: the packs and hooks that are loaded. A reload answers only
// after the new version was built aside, passed its own tests and was swapped in; else nothing
// moved.
#include "api/commands.h"
#include "api/documents.h"

void kj_rules_list(struct kj_request *request)
{
    bson_t *list = kj_script_list(kj_request_engine(request)->script);
    bson_t *off = kj_engine_rules_off(kj_request_engine(request), request->workspace);
    kj_doc_put_array(list, "off", off);
    bson_destroy(off);
    kj_reply_take(request, list);
}

static void on_loaded(void *arg, int status, const bson_t *result, const struct kj_fault *fault)
{
    if (status != KJ_OK)
        kj_reply_fault(arg, fault);
    else
        kj_reply(arg, result);
}

static void on_reloaded(void *arg, int status, const bson_t *result, const struct kj_fault *fault)
{
    const struct kj_request *request = arg;
    if (status == KJ_OK) {
        kj_engine_rules_loaded(kj_request_engine(arg));
        kj_engine_rules_on(kj_request_engine(arg), kj_doc_text(request->args, "pack", NULL));
    }
    on_loaded(arg, status, result, fault);
}

void kj_rules_reload(struct kj_request *request)
{
    kj_script_load(kj_request_engine(request)->script, kj_doc_text(request->args, "pack", NULL),
                   false, on_reloaded, request);
}

void kj_rules_check(struct kj_request *request)
{
    kj_script_load(kj_request_engine(request)->script, kj_doc_text(request->args, "pack", NULL),
                   true, on_loaded, request);
}
