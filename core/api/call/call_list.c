// call.list: attempts by campaign, lead, state or disposition.
#include "api/commands.h"
#include "api/documents.h"

void kj_call_list(struct kj_request *request)
{
    static const char *const k_fields[] = {"campaign_id", "lead_id",     "job_id",
                                           "state",       "disposition", NULL};
    static const char *const k_hide[] = {"transcript", "facts", "raw", NULL};
    kj_documents_list(request, KJ_CALLS, "calls", k_fields, k_hide);
}
