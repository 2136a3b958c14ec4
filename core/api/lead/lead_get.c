// lead.get: one lead by id or phone number.
#include "api/commands.h"
#include "api/documents.h"

void kj_lead_get(struct kj_request *request)
{
    kj_documents_get(request, KJ_LEADS, kj_doc_int(request->args, "id", 0),
                     kj_doc_text(request->args, "phone_number", NULL), "lead");
}
