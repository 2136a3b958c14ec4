// What follows a load of the rules. The source of every pack that was ever in use is kept, by hash:
// a decision can be explained and replayed with the very text that made it.
#include "base/alloc.h"
#include "base/log.h"
#include "engine/engine.h"
#include "engine/kinds/schedule.h"
#include "engine/kinds/script_kind.h"
#include "engine/switch_off.h"

#include <stdio.h>
#include <stdlib.h>

static void on_stored(struct kj_store_request *request)
{
    for (size_t i = 0; i < request->n_ops; i++)
        if (request->ops[i].status != KJ_OK && request->ops[i].status != KJ_EEXISTS)
            kj_log(KJ_LOG_ERROR, "engine", "a pack's source could not be stored", NULL);
}

static bson_t *pack_document(struct kj_engine *engine, const char *name)
{
    bson_t *about = kj_script_describe(engine->script, name), *doc = bson_new();
    if (about) {
        kj_doc_put_from(doc, "key", about, "hash");
        kj_doc_put_from(doc, "name", about, "name");
        kj_doc_put_from(doc, "sources", about, "sources");
        kj_doc_put_time(doc, "created_at", kj_loop_now(engine->loop));
    }
    kj_doc_clear(&about);
    return doc;
}

static void keep_packs(struct kj_engine *engine)
{
    bson_t *loaded = kj_script_list(engine->script), packs;
    bson_iter_t at;
    size_t count = loaded ? kj_doc_count(loaded, "packs") : 0, i = 0;
    if (count && kj_doc_child(loaded, "packs", &packs) && bson_iter_init(&at, &packs)) {
        struct kj_store_request *request = kj_store_request(count, "", on_stored, NULL);
        while (bson_iter_next(&at) && i < count) {
            bson_t pack;
            if (!kj_doc_at(&at, &pack))
                continue;
            request->ops[i].verb = KJ_STORE_INSERT;
            request->ops[i].coll = KJ_PACKS;
            kj_store_own_doc(request, i++, pack_document(engine, kj_doc_text(&pack, "name", "")));
        }
        request->n_ops = i;
        kj_store_submit(engine->store, request);
    }
    kj_doc_clear(&loaded);
}

// --- one version, sent by somebody or named by a group ---

struct version {
    struct kj_engine *engine;
    kj_engine_done *done;
    void *arg;
};

static void tell(struct version *version, int status, const bson_t *about,
                 const struct kj_fault *fault)
{
    version->done(version->arg, status, about, fault);
    free(version);
}

static struct version *new_version(struct kj_engine *engine, kj_engine_done *done, void *arg)
{
    struct version *version = KJ_NEW(struct version);
    *version = (struct version){engine, done, arg};
    return version;
}

static void on_kept(struct kj_store_request *request)
{
    const struct kj_store_op *op = &request->ops[0];
    struct kj_fault fault;
    bson_t about = BSON_INITIALIZER;
    kj_doc_put_from(&about, "name", op->doc, "name");
    kj_doc_put_from(&about, "hash", op->doc, "key");
    bool good = op->status == KJ_OK || op->status == KJ_EEXISTS;
    if (!good)
        kj_fault(&fault, op->status, NULL, "try again", "the version could not be stored");
    tell(request->arg, good ? KJ_OK : op->status, good ? &about : NULL, good ? NULL : &fault);
    bson_destroy(&about);
}

static void on_sent(void *arg, int status, const bson_t *about, const struct kj_fault *fault)
{
    struct version *version = arg;
    if (status != KJ_OK) {
        tell(version, status, NULL, fault);
        return;
    }
    struct kj_store_request *request = kj_store_request(1, "", on_kept, version);
    request->ops[0].verb = KJ_STORE_INSERT;
    request->ops[0].coll = KJ_PACKS;
    kj_store_own_doc(request, 0, pack_document(version->engine, kj_doc_text(about, "hash", "")));
    kj_store_submit(version->engine->store, request);
}

void kj_engine_send_version(struct kj_engine *engine, const bson_t *sources, const char *path,
                            kj_engine_done *done, void *arg)
{
    kj_script_stage(engine->script, sources, path, on_sent, new_version(engine, done, arg));
}

static void on_staged(void *arg, int status, const bson_t *about, const struct kj_fault *fault)
{
    tell(arg, status, about, fault);
}

static void on_pack(struct kj_store_request *request)
{
    struct version *version = request->arg;
    const struct kj_store_op *op = &request->ops[0];
    struct kj_fault fault;
    char file[128];
    bson_t sources;
    bson_iter_t at;
    if (op->status != KJ_OK || op->n_docs == 0 || !kj_doc_child(op->docs[0], "sources", &sources)) {
        int status = op->status ? op->status : KJ_ENOTFOUND;
        kj_fault(&fault, status, "/hash", "send it with kejue-rules send --pack FILE",
                 status == KJ_ENOTFOUND ? "there is no version with this hash"
                                        : "the version could not be read");
        tell(version, status, NULL, &fault);
        return;
    }
    const char *name = kj_doc_text(op->docs[0], "name", "");
    snprintf(file, sizeof file, "rules/%.100s.lua", name);
    if (!bson_iter_init_find(&at, &sources, file))
        snprintf(file, sizeof file, "rules/%.100s/init.lua", name);
    kj_script_stage(version->engine->script, &sources, file, on_staged, version);
}

void kj_engine_fetch_version(struct kj_engine *engine, const char *hash, kj_engine_done *done,
                             void *arg)
{
    bson_t *known = kj_script_describe(engine->script, hash);
    if (known) {
        bson_t about = BSON_INITIALIZER;
        kj_doc_put_from(&about, "name", known, "name");
        kj_doc_put_from(&about, "hash", known, "hash");
        done(arg, KJ_OK, &about, NULL);
        bson_destroy(&about);
        bson_destroy(known);
        return;
    }
    kj_store_get(engine->store, "", KJ_PACKS, 0, hash, on_pack, new_version(engine, done, arg));
}

bson_t *kj_engine_rules_off(struct kj_engine *engine, const char *workspace)
{
    return kj_switch_off_list(engine, workspace);
}

void kj_engine_rules_on(struct kj_engine *engine, const char *pack)
{
    kj_switch_on(engine, pack);
}

void kj_engine_rules_loaded(struct kj_engine *engine)
{
    keep_packs(engine);
    kj_script_kinds_refresh(engine);
    kj_schedules_refresh(engine);
}
