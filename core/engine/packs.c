// What follows a load of the rules. The source of every pack that was ever in use is kept, by hash:
// a decision can be explained and replayed with the very text that made it.
#include "base/alloc.h"
#include "base/log.h"
#include "engine/engine.h"
#include "engine/kinds/schedule.h"
#include "engine/kinds/script_kind.h"
#include "engine/switch_off.h"

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
            uint32_t length;
            const uint8_t *bytes;
            bson_iter_document(&at, &length, &bytes);
            if (!bson_init_static(&pack, bytes, length))
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
