// rules.replay: a page of past calls, judged by another version of a pack; changes nothing. The
// caller asks for one page after the other, so nothing of a replay is kept here but the version,
// which is known by its hash once it was sent.
#include "api/commands.h"
#include "api/documents.h"
#include "api/resolve.h"
#include "engine/duration.h"
#include "engine/replay.h"

#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

enum { k_hash_length = 64 };

struct replaying {
    struct kj_request *request;
    char version[128];
    int64_t group_id;
};

// "30d" ago, or an instant.
static int read_instant(const struct kj_request *request, const char *name, int64_t *at)
{
    int64_t ago;
    const char *text = kj_doc_text(request->args, name, NULL);
    *at = kj_doc_time(request->args, name, 0);
    if (*at || text == NULL)
        return KJ_OK;
    if (kj_duration_parse(text, &ago) != KJ_OK)
        return KJ_EINVAL;
    *at = kj_loop_now(request->api->loop) - ago;
    return KJ_OK;
}

static void on_replayed(void *arg, int status, const bson_t *result, const struct kj_fault *fault)
{
    struct replaying *replaying = arg;
    if (status != KJ_OK)
        kj_reply_fault(replaying->request, fault);
    else
        kj_reply(replaying->request, result);
    free(replaying);
}

static void go(struct replaying *replaying)
{
    struct kj_request *request = replaying->request;
    const bson_t *args = request->args;
    struct kj_replay_want want = {.version = replaying->version,
                                  .group_id = replaying->group_id,
                                  .campaign_id = kj_doc_int(args, "campaign_id", 0),
                                  .level = kj_doc_text(args, "level", NULL),
                                  .changed_only = kj_doc_bool(args, "changed_only", false),
                                  .ask = kj_doc_bool(args, "ask", false),
                                  .count = kj_doc_bool(args, "count", false),
                                  .after = kj_doc_int(args, "after", 0),
                                  .limit = kj_doc_int(args, "limit", 1000)};
    const char *wrong = NULL;
    if (read_instant(request, "since", &want.since) != KJ_OK)
        wrong = "since";
    else if (read_instant(request, "until", &want.until) != KJ_OK)
        wrong = "until";
    if (wrong == NULL) {
        kj_replay(kj_request_engine(request), request->workspace, &want, on_replayed, replaying);
        return;
    }
    kj_reply_error(request, KJ_EINVAL, wrong, "write 30d, 12h or 2026-03-02T06:00:00Z",
                   "this is neither a duration nor an instant");
    free(replaying);
}

static void on_staged(void *arg, int status, const bson_t *about, const struct kj_fault *fault)
{
    struct replaying *replaying = arg;
    if (status != KJ_OK) {
        kj_reply_fault(replaying->request, fault);
        free(replaying);
        return;
    }
    kj_copy(replaying->version, sizeof replaying->version, kj_doc_text(about, "hash", ""));
    go(replaying);
}

static void begin(struct kj_request *request, int64_t group_id)
{
    struct replaying *replaying = KJ_NEW(struct replaying);
    bson_t sources;
    replaying->request = request;
    replaying->group_id = group_id;
    kj_copy(replaying->version, sizeof replaying->version, kj_doc_text(request->args, "pack", ""));
    if (kj_doc_child(request->args, "sources", &sources))
        kj_script_stage(kj_request_engine(request)->script, &sources,
                        kj_doc_text(request->args, "path", ""), on_staged, replaying);
    else if (strlen(replaying->version) == k_hash_length &&
             !kj_script_has(kj_request_engine(request)->script, replaying->version))
        kj_engine_fetch_version(kj_request_engine(request), replaying->version, on_staged,
                                replaying);
    else
        go(replaying);
}

static void with_group(struct kj_request *request, int64_t group_id, int64_t assistant_id)
{
    (void)assistant_id;
    begin(request, group_id);
}

void kj_rules_replay(struct kj_request *request)
{
    bool named = kj_doc_has(request->args, "pack"), sent = kj_doc_has(request->args, "sources");
    if (named == sent)
        kj_reply_error(request, KJ_EINVAL, "",
                       "give pack (a name or hash), or sources with path; exactly one of the two",
                       "the rules that shall judge must be named or sent");
    else if (kj_doc_has(request->args, "group"))
        kj_resolve_group(request, request->args, with_group);
    else
        begin(request, 0);
}
