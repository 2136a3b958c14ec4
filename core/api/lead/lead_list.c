// lead.list: leads by list, status or country.
#include "api/commands.h"
#include "api/documents.h"

void kj_lead_list(struct kj_request *request)
{
    static const char *const k_fields[] = {"list", "status", "country", NULL};
    static const char *const k_hide[] = {"metadata", "notes", NULL};
    kj_documents_list(request, KJ_LEADS, "leads", k_fields, k_hide);
}
