// job.list: jobs by state, kind, campaign or lead.
#include "api/commands.h"
#include "api/documents.h"

void kj_job_list(struct kj_request *request)
{
    static const char *const k_fields[] = {"state", "kind", "campaign_id", "lead_id", NULL};
    static const char *const k_hide[] = {"payload", "plan", "verdict", "outbox", "steps", NULL};
    kj_documents_list(request, KJ_JOBS, "jobs", k_fields, k_hide);
}
