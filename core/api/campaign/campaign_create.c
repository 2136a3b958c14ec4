// campaign.create: settings now, calls at start. A list that is not there yet is no fault: leads
// may come later; starting an empty one is.
#include "api/commands.h"
#include "api/documents.h"
#include "api/resolve.h"
#include "model/retry.h"
#include "model/window.h"

#include "base/alloc.h"

static bool settings_hold(struct kj_request *request)
{
    struct kj_windows windows;
    struct kj_retry_policy policy;
    struct kj_fault fault;
    bson_t view;
    if ((kj_doc_child(request->args, "schedule", &view) &&
         kj_windows_parse(&view, NULL, &windows, &fault) != KJ_OK) ||
        (kj_doc_child(request->args, "retry", &view) &&
         kj_retry_parse(&view, &policy, &fault) != KJ_OK)) {
        kj_reply_fault(request, &fault);
        return false;
    }
    return true;
}

static void with_group(struct kj_request *request, int64_t group_id, int64_t assistant_id)
{
    static const char *const k_copied[] = {
        "name",   "goal",    "description", "list",     "lead_ids",      "model_budget", "retry",
        "limits", "context", "settings",    "metadata", "first_message", "call_source"};
    bson_t schedule;
    bson_t *campaign = bson_new();
    for (size_t i = 0; i < KJ_COUNT(k_copied); i++)
        kj_doc_put_from(campaign, k_copied[i], request->args, k_copied[i]);
    kj_doc_put_int(campaign, "group_id", group_id);
    if (assistant_id)
        kj_doc_put_int(campaign, "assistant_id", assistant_id);
    if (kj_doc_child(request->args, "schedule", &schedule))
        kj_doc_put_doc(campaign, "schedule", &schedule);
    kj_doc_put_text(campaign, "status", "draft");
    kj_doc_put_bool(campaign, "expanded", false);
    kj_documents_create(request, KJ_CAMPAIGNS, campaign, "campaign", "campaign.created");
}

void kj_campaign_create(struct kj_request *request)
{
    if (!settings_hold(request))
        return;
    bool list = kj_doc_has(request->args, "list"), ids = kj_doc_has(request->args, "lead_ids");
    if (list == ids)
        kj_reply_error(request, KJ_EINVAL, "", "give list or lead_ids, exactly one of them",
                       "a campaign needs to know its leads");
    else
        kj_resolve_group(request, request->args, with_group);
}
