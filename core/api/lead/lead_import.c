// lead.import: rows, or CSV text with a header line, into a named list. Bad rows are refused one by
// one with line and reason; a broken CSV is refused whole.
#include "api/commands.h"
#include "api/documents.h"

#include <string.h>

static void on_done(void *arg, int status, const bson_t *result, const struct kj_fault *fault)
{
    struct kj_request *request = arg;
    (void)status;
    if (fault) {
        kj_reply_fault(request, fault);
        return;
    }
    bson_t *brief = bson_new();
    if (kj_doc_bool(request->args, "ids", false))
        bson_concat(brief, result);
    else // a list of ten thousand ids helps nobody who did not ask for it
        bson_copy_to_excluding_noinit(result, brief, "lead_ids", NULL);
    kj_reply_take(request, brief);
}

void kj_lead_import(struct kj_request *request)
{
    struct kj_fault fault;
    bson_t rows, *parsed = NULL;
    const char *csv = kj_doc_text(request->args, "csv", NULL);
    if (csv && kj_intake_csv(csv, strlen(csv), &parsed, &fault) != KJ_OK) {
        kj_reply_fault(request, &fault);
        return;
    }
    if (!parsed && !kj_doc_child(request->args, "rows", &rows)) {
        kj_reply_error(request, KJ_EINVAL, "", "give rows or csv", "there is nothing to import");
        return;
    }
    kj_intake_leads(kj_request_engine(request), request->workspace, parsed ? parsed : &rows,
                    request->args, on_done, request);
    kj_doc_clear(&parsed);
}
