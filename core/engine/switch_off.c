// See switch_off.h.
#include "engine/switch_off.h"

#include "base/alloc.h"
#include "base/log.h"
#include "engine/path.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HITS = 3, WITHIN_MS = 600000 };

struct hits { // of "workspace/pack"
    char workspace[64], pack[128];
    int64_t at[HITS]; // wall ms of the last ones, oldest first; 0 = none
    int64_t since;    // wall ms; 0 = on
    char reason[400];
};

static struct hits *find(struct kj_engine *engine, const char *workspace, const char *pack,
                         bool make)
{
    char key[256];
    snprintf(key, sizeof key, "%.63s/%.127s", workspace, pack);
    struct hits *hits = kj_map_get(&engine->own->limit_hits, key);
    if (hits == NULL && make) {
        hits = KJ_NEW(struct hits);
        kj_copy(hits->workspace, sizeof hits->workspace, workspace);
        kj_copy(hits->pack, sizeof hits->pack, pack);
        kj_map_put(&engine->own->limit_hits, key, hits);
    }
    return hits;
}

const char *kj_switched_off(struct kj_engine *engine, const char *workspace, const char *pack)
{
    const struct hits *hits = find(engine, workspace, pack, false);
    return hits && hits->since ? hits->reason : NULL;
}

bool kj_switch_off_note(struct kj_engine *engine, const char *workspace, const char *pack,
                        const char *reason)
{
    struct hits *hits = find(engine, workspace, pack, true);
    int64_t now = kj_loop_now(engine->loop);
    memmove(hits->at, hits->at + 1, (HITS - 1) * sizeof *hits->at);
    hits->at[HITS - 1] = now;
    if (hits->since || hits->at[0] == 0 || now - hits->at[0] > WITHIN_MS)
        return false;
    hits->since = now;
    snprintf(hits->reason, sizeof hits->reason,
             "the rules of \"%.60s\" are switched off here: they hit their limits %d times within "
             "%d minutes, the last time: %.200s; mend them, then rules.reload and job.retry",
             pack, HITS, WITHIN_MS / 60000, reason);
    kj_log(KJ_LOG_ERROR, "engine", hits->reason, "workspace", workspace, "pack", pack, NULL);
    return true;
}

void kj_switch_on(struct kj_engine *engine, const char *pack)
{
    struct kj_map *map = &engine->own->limit_hits;
    const char *key;
    void *value;
    for (size_t at = 0; kj_map_next(map, &at, &key, &value);) {
        struct hits *hits = value;
        if (pack == NULL || kj_streq(hits->pack, pack)) {
            kj_map_remove(map, key);
            free(hits);
        }
    }
}

bson_t *kj_switch_off_list(struct kj_engine *engine, const char *workspace)
{
    bson_t *array = bson_new();
    struct kj_doc_list list = {.array = array};
    const char *key;
    void *value;
    for (size_t at = 0; kj_map_next(&engine->own->limit_hits, &at, &key, &value);) {
        const struct hits *hits = value;
        bson_t one = BSON_INITIALIZER;
        if (hits->since && (workspace[0] == 0 || kj_streq(hits->workspace, workspace))) {
            kj_doc_put_text(&one, "pack", hits->pack);
            kj_doc_put_text(&one, "workspace", workspace[0] ? NULL : hits->workspace);
            kj_doc_put_time(&one, "since", hits->since);
            kj_doc_put_text(&one, "reason", hits->reason);
            kj_doc_put_doc(array, kj_doc_next(&list), &one);
        }
        bson_destroy(&one);
    }
    return array;
}

void kj_switch_off_fini(struct kj_engine *engine)
{
    kj_switch_on(engine, NULL);
    kj_map_fini(&engine->own->limit_hits);
}
