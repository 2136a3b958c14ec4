// campaign.get, campaign.list and campaign.update.
#include "api/commands.h"
#include "api/documents.h"

void kj_campaign_get(struct kj_request *request)
{
    kj_documents_get(request, KJ_CAMPAIGNS, kj_doc_int(request->args, "id", 0), NULL, "campaign");
}

void kj_campaign_list(struct kj_request *request)
{
    static const char *const k_fields[] = {"status", NULL};
    static const char *const k_hide[] = {"context", "metadata", "lead_ids", NULL};
    kj_documents_list(request, KJ_CAMPAIGNS, "campaigns", k_fields, k_hide);
}

// What may change while it runs: what it is called and what it is for. A new goal judges the calls
// that come; those that are over keep their judgement until campaign.reevaluate.
void kj_campaign_update(struct kj_request *request)
{
    kj_documents_update(request, KJ_CAMPAIGNS, "campaign");
}
