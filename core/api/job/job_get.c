// job.get: one job, whole.
#include "api/commands.h"
#include "api/documents.h"

void kj_job_get(struct kj_request *request)
{
    kj_documents_get(request, KJ_JOBS, kj_doc_int(request->args, "id", 0),
                     kj_doc_text(request->args, "key", NULL), "job");
}
