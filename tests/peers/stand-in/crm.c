// A CRM below /crm/: takes any JSON object and names it. The same Idempotency-Key is the same
// record: it gets the same id and "repeated": true.
#include "stand_in.h"

#include "base/str.h"

#include <inttypes.h>
#include <string.h>

static bool owns(const struct si_request *request)
{
    return kj_starts_with(request->path, "/crm/") || strcmp(request->path, "/crm") == 0;
}

static void fail(struct si_answer *answer, int status, const char *code, const char *message)
{
    answer->status = status;
    answer->json = bson_new();
    kj_doc_put_text(answer->json, "message", message);
    kj_doc_put_text(answer->json, "code", code && code[0] ? code : NULL);
}

static bool writes(const char *method)
{
    return strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0 ||
           strcmp(method, "PATCH") == 0;
}

static void serve(struct stand_in *si, const struct si_request *request, struct si_answer *answer)
{
    char seen[400];
    if (!writes(request->method)) {
        fail(answer, 405, NULL, "POST, PUT or PATCH");
        return;
    }
    if (!request->json || bson_empty(request->json)) {
        fail(answer, 400, NULL, "the body must be an object with fields");
        return;
    }
    if (request->authorization && strcmp(request->authorization, "Bearer expired") == 0) {
        fail(answer, 401, NULL, "the token has expired");
        return;
    }
    const char *key = request->key ? request->key : request->body;
    snprintf(seen, sizeof seen, "crm:%016" PRIx64, kj_hash(key, strlen(key)));
    bool repeated = request->key && si_seen(si, seen) > 0;
    snprintf(answer->id, sizeof answer->id, "crm-%016" PRIx64, kj_hash(key, strlen(key)));
    answer->accepted = true;
    answer->json = bson_new();
    kj_doc_put_text(answer->json, "id", answer->id);
    if (repeated)
        kj_doc_put_bool(answer->json, "repeated", true);
}

const struct si_vendor si_crm = {"crm", owns, serve, fail};
