// rules.send, rules.shadow, rules.canary, rules.promote, rules.rollback: the way of a new version
// of a pack from a file to the calls of a group. It is named by its hash all the way.
#include "api/commands.h"
#include "api/documents.h"
#include "api/resolve.h"
#include "engine/rollout.h"

#include "base/alloc.h"

#include <stdlib.h>

static void on_sent(void *arg, int status, const bson_t *about, const struct kj_fault *fault)
{
    if (status != KJ_OK)
        kj_reply_fault(arg, fault);
    else
        kj_reply(arg, about);
}

void kj_rules_send(struct kj_request *request)
{
    bson_t sources;
    kj_doc_child(request->args, "sources", &sources); // the schema wants it
    kj_engine_send_version(kj_request_engine(request), &sources,
                           kj_doc_text(request->args, "path", ""), on_sent, request);
}

// --- a move of a group ---

struct moving {
    struct kj_request *request;
    enum kj_rollout_move move;
    const char *mode; // start
    bson_t *group;
};

static void moving_free(struct moving *moving)
{
    kj_doc_clear(&moving->group);
    free(moving);
}

static void on_moved(void *arg, int status, const bson_t *group, const struct kj_fault *fault)
{
    struct moving *moving = arg;
    if (status != KJ_OK)
        kj_reply_fault(moving->request, fault);
    else
        kj_reply_take(moving->request, kj_public(group));
    moving_free(moving);
}

static void move(struct moving *moving, const bson_t *rollout)
{
    struct kj_request *request = moving->request;
    bool loaded = kj_doc_bool(request->args, "loaded", false);
    kj_rollout_change(
        kj_request_engine(request),
        &(struct kj_rollout_change){.move = moving->move,
                                    .workspace = request->workspace,
                                    .group_id = kj_doc_int(moving->group, "_id", 0),
                                    .rollout = rollout,
                                    .hash = loaded ? "" : NULL,
                                    .reason = kj_doc_text(request->args, "reason", NULL),
                                    .done = on_moved,
                                    .arg = moving});
}

// "10%" or 10.
static int64_t share_of(const bson_t *args)
{
    const char *text = kj_doc_text(args, "share", NULL);
    return text ? strtol(text, NULL, 10) : kj_doc_int(args, "share", 0);
}

static void start(struct moving *moving, const bson_t *live, const bson_t *trial)
{
    struct kj_request *request = moving->request;
    const bson_t *args = request->args;
    bson_t rollout = BSON_INITIALIZER;
    int64_t now = kj_loop_now(request->api->loop);
    kj_doc_put_text(&rollout, "mode", moving->mode);
    kj_doc_put_from(&rollout, "hash", trial, "hash");
    kj_doc_put_time(&rollout, "started_at", now);
    kj_doc_put_int(&rollout, "id", now);
    kj_doc_put_from(&rollout, "levels", trial, "scale.levels");
    if (kj_streq(moving->mode, "canary")) {
        kj_doc_put_int(&rollout, "share", share_of(args));
        kj_doc_put_from(&rollout, "success", trial, "scale.success");
        kj_doc_put_from(&rollout, "live_success", live, "scale.success");
        kj_doc_put_int(&rollout, "max_errors", kj_doc_int(args, "max_errors", 5));
        kj_doc_put_int(&rollout, "max_fall", kj_doc_int(args, "max_fall", 15));
        kj_doc_put_int(&rollout, "min_calls", kj_doc_int(args, "min_calls", 100));
    }
    move(moving, &rollout);
    bson_destroy(&rollout);
}

static void on_version(void *arg, int status, const bson_t *about, const struct kj_fault *fault)
{
    struct moving *moving = arg;
    struct kj_request *request = moving->request;
    const char *pack = kj_doc_text(moving->group, "pack", "");
    if (status != KJ_OK) {
        kj_reply_fault(request, fault);
        moving_free(moving);
        return;
    }
    struct kj_script *script = kj_request_engine(request)->script;
    bson_t *live = kj_script_describe(script, kj_doc_text(moving->group, "pinned", pack));
    bson_t *trial = kj_script_describe(script, kj_doc_text(about, "hash", ""));
    const char *wrong = NULL;
    if (!live)
        wrong = "the version that decides in this group is not loaded";
    else if (!kj_streq(kj_doc_text(trial, "name", ""), pack))
        wrong = "it is a version of another pack than the group's";
    else if (kj_streq(kj_doc_text(live, "hash", ""), kj_doc_text(trial, "hash", "")))
        wrong = "this is the version that decides in this group already";
    if (wrong) {
        kj_reply_error(request, KJ_ESTATE, "/hash", "see rules.rollout", "%s", wrong);
        moving_free(moving);
    } else
        start(moving, live, trial);
    kj_doc_clear(&live);
    kj_doc_clear(&trial);
}

static void on_group(struct kj_store_request *store)
{
    struct moving *moving = store->arg;
    struct kj_request *request = moving->request;
    struct kj_store_op *op = &store->ops[0];
    if (op->status != KJ_OK) {
        kj_documents_fail(request, op->status, "group");
        moving_free(moving);
        return;
    }
    moving->group = bson_copy(op->docs[0]);
    if (moving->move == KJ_ROLLOUT_START)
        kj_engine_fetch_version(kj_request_engine(request), kj_doc_text(request->args, "hash", ""),
                                on_version, moving);
    else
        move(moving, NULL);
}

static void begin(struct kj_request *request, enum kj_rollout_move how, const char *mode)
{
    struct moving *moving = KJ_NEW(struct moving);
    *moving = (struct moving){request, how, mode, NULL};
    kj_store_get(kj_request_engine(request)->store, request->workspace, KJ_GROUPS, 0,
                 kj_doc_text(request->args, "group", ""), on_group, moving);
}

void kj_rules_shadow(struct kj_request *request)
{
    begin(request, KJ_ROLLOUT_START, "shadow");
}

void kj_rules_canary(struct kj_request *request)
{
    begin(request, KJ_ROLLOUT_START, "canary");
}

void kj_rules_promote(struct kj_request *request)
{
    begin(request, KJ_ROLLOUT_PROMOTE, NULL);
}

void kj_rules_rollback(struct kj_request *request)
{
    begin(request, KJ_ROLLOUT_ROLLBACK, NULL);
}
