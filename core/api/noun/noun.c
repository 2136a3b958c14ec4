// group.*, assistant.*, template.*: documents that are only created, read, listed and changed.
// Their commands differ in nothing but the collection and what is checked, so they share this file.
#include "api/commands.h"
#include "api/documents.h"
#include "api/resolve.h"

#include "base/alloc.h"

static bson_t *copy_args(const struct kj_request *request)
{
    bson_t *doc = bson_new();
    bson_copy_to_excluding_noinit(request->args, doc, "group", NULL);
    return doc;
}

// A pack that is not loaded would only show when the first call ends: refused here.
static bool pack_is_known(struct kj_request *request)
{
    const char *pack = kj_doc_text(request->args, "pack", NULL);
    if (pack == NULL)
        return true;
    bson_t *known = kj_script_describe(kj_request_engine(request)->script, pack);
    bool found = known && kj_streq(kj_doc_text(known, "name", ""), pack); // no hash of a version
    if (!found)
        kj_reply_error(request, KJ_ENOTFOUND, "/pack", "see rules.list",
                       "there is no rule pack \"%.64s\"", pack);
    kj_doc_clear(&known);
    return found;
}

void kj_group_create(struct kj_request *request)
{
    if (pack_is_known(request))
        kj_documents_create(request, KJ_GROUPS, copy_args(request), "group", "group.created");
}

void kj_group_get(struct kj_request *request)
{
    kj_documents_get(request, KJ_GROUPS, kj_doc_int(request->args, "id", 0),
                     kj_doc_text(request->args, "key", NULL), "group");
}

void kj_group_list(struct kj_request *request)
{
    kj_documents_list(request, KJ_GROUPS, "groups", NULL, NULL);
}

// Another pack: what was on trial or promoted was of the one before.
void kj_group_update(struct kj_request *request)
{
    static const char *const k_of_pack[] = {"pinned", "previous", "rollout"};
    if (!pack_is_known(request))
        return;
    for (size_t i = 0; kj_doc_has(request->args, "pack") && i < KJ_COUNT(k_of_pack); i++)
        kj_doc_put_null(request->args, k_of_pack[i]);
    kj_documents_update(request, KJ_GROUPS, "group");
}

static void assistant_in_group(struct kj_request *request, int64_t group_id, int64_t unused)
{
    (void)unused;
    bson_t *doc = copy_args(request);
    kj_doc_put_int(doc, "group_id", group_id);
    kj_documents_create(request, KJ_ASSISTANTS, doc, "assistant", "assistant.created");
}

void kj_assistant_create(struct kj_request *request)
{
    kj_resolve_group(request, request->args, assistant_in_group);
}

void kj_assistant_get(struct kj_request *request)
{
    kj_documents_get(request, KJ_ASSISTANTS, kj_doc_int(request->args, "id", 0), NULL, "assistant");
}

void kj_assistant_list(struct kj_request *request)
{
    static const char *const k_fields[] = {"group_id", "language", NULL};
    kj_documents_list(request, KJ_ASSISTANTS, "assistants", k_fields, NULL);
}

void kj_assistant_update(struct kj_request *request)
{
    kj_documents_update(request, KJ_ASSISTANTS, "assistant");
}

static void template_in_group(struct kj_request *request, int64_t group_id, int64_t unused)
{
    (void)unused;
    bson_t *doc = copy_args(request);
    kj_doc_put_int(doc, "group_id", group_id);
    kj_documents_create(request, KJ_TEMPLATES, doc, "template", "template.created");
}

void kj_template_create(struct kj_request *request)
{
    kj_resolve_group(request, request->args, template_in_group);
}

void kj_template_get(struct kj_request *request)
{
    kj_documents_get(request, KJ_TEMPLATES, kj_doc_int(request->args, "id", 0), NULL, "template");
}

void kj_template_list(struct kj_request *request)
{
    static const char *const k_fields[] = {"group_id", "name", NULL};
    kj_documents_list(request, KJ_TEMPLATES, "templates", k_fields, NULL);
}

void kj_template_update(struct kj_request *request)
{
    kj_documents_update(request, KJ_TEMPLATES, "template");
}

void kj_message_list(struct kj_request *request)
{
    static const char *const k_fields[] = {"lead_id", "job_id", "number", "campaign_id", NULL};
    kj_documents_list(request, KJ_MESSAGES, "messages", k_fields, NULL);
}
