// Versions of packs beside the loaded ones: sources that somebody sent, built aside and kept by
// hash, so that new rules can judge old calls, or a share of the new ones, before they are loaded.
// Only the last few are kept; whoever needs one again sends its sources again.
#include "script/service.h"

#include "base/alloc.h"
#include "doc/element.h"

#include <stdlib.h>
#include <string.h>

struct kj_pack *kj_script_version(const struct kj_script *script, const char *name)
{
    size_t at = 0;
    const char *key;
    void *loaded = kj_map_get(&script->set->packs, name);
    if (loaded) {
        return loaded;
    }
    for (size_t i = 0; i < KJ_COUNT(script->staged); i++) {
        if (script->staged[i] && strcmp(script->staged[i]->hash, name) == 0) {
            return script->staged[i];
        }
    }
    while (kj_map_next(&script->set->packs, &at, &key, &loaded)) {
        if (strcmp(((struct kj_pack *)loaded)->hash, name) == 0) {
            return loaded;
        }
    }
    return NULL;
}

bool kj_script_has(const struct kj_script *script, const char *name)
{
    return kj_script_version(script, name) != NULL;
}

void kj_script_forget_versions(struct kj_script *script)
{
    for (size_t i = 0; i < KJ_COUNT(script->staged); i++) {
        kj_pack_unref(script->staged[i]);
        script->staged[i] = NULL;
    }
}

// --- building one ---

struct stage_errand {
    struct kj_errand errand; // first
    struct kj_sources *sources;
    char *path;
    struct kj_pack *pack;
    int status;
    struct kj_fault fault;
    kj_script_loaded *done;
    void *arg;
};

static struct kj_sources *read_sources(const bson_t *files)
{
    struct kj_sources *sources = kj_sources_new();
    bson_iter_t at;
    if (bson_iter_init(&at, files)) {
        while (bson_iter_next(&at)) {
            uint32_t length;
            const char *text = bson_iter_utf8(&at, &length);
            if (text) {
                kj_sources_add(sources, bson_iter_key(&at), text, length);
            }
        }
    }
    return sources;
}

static void stage_run(struct kj_errand *errand)
{
    struct stage_errand *stage = (struct stage_errand *)errand;
    if (strncmp(stage->path, "rules/", 6) != 0 || !kj_sources_get(stage->sources, stage->path)) {
        stage->status = kj_fault(&stage->fault, KJ_EINVAL, "path",
                                 "send the pack's own file among the sources, as rules/NAME.lua",
                                 "the sources hold no pack \"%.100s\"", stage->path);
        return;
    }
    stage->status = kj_pack_create(stage->sources, &errand->script->limits, stage->path, false,
                                   &stage->pack, &stage->fault);
}

// The newest stands first; what falls off the end is freed once nobody judges by it any more.
static struct kj_pack *keep(struct kj_script *script, struct kj_pack *pack)
{
    struct kj_pack *known = kj_script_version(script, pack->hash);
    size_t last = KJ_COUNT(script->staged) - 1;
    if (known) {
        kj_pack_unref(pack);
        return known;
    }
    kj_pack_unref(script->staged[last]);
    memmove(script->staged + 1, script->staged, last * sizeof *script->staged);
    script->staged[0] = pack;
    return pack;
}

static void stage_done(struct kj_errand *errand)
{
    struct stage_errand *stage = (struct stage_errand *)errand;
    bson_t about = BSON_INITIALIZER;
    if (errand->work.canceled) {
        stage->status = kj_fault(&stage->fault, KJ_ECANCELED, NULL, NULL, "the host is stopping");
    }
    if (stage->status == 0) {
        struct kj_pack *pack = keep(errand->script, stage->pack);
        kj_doc_put_text(&about, "name", pack->name);
        kj_doc_put_text(&about, "hash", pack->hash);
    }
    stage->done(stage->arg, stage->status, stage->status ? NULL : &about,
                stage->status ? &stage->fault : NULL);
    bson_destroy(&about);
    kj_sources_unref(stage->sources);
    free(stage->path);
    free(stage);
}

static void stage_late(struct kj_task *task)
{
    struct kj_work *work = (struct kj_work *)((char *)task - offsetof(struct kj_work, task));
    stage_done((struct kj_errand *)work);
}

void kj_script_stage(struct kj_script *script, const bson_t *files, const char *path,
                     kj_script_loaded *done, void *arg)
{
    struct stage_errand *stage = KJ_NEW(struct stage_errand);
    char hash[65];
    stage->errand.script = script;
    stage->errand.run = stage_run;
    stage->errand.done = stage_done;
    stage->sources = read_sources(files);
    stage->path = kj_strdup(path);
    stage->done = done;
    stage->arg = arg;
    // Sent again as we keep them: the hash of a version is that of its sources. To build one takes
    // as long as to judge a hundred calls.
    kj_sha256_hex(bson_get_data(files), files->len, hash);
    struct kj_pack *known = kj_script_version(script, hash);
    if (known && script->loop && kj_streq(known->path, path)) {
        stage->pack = kj_pack_ref(known);
        stage->errand.work.task.run = stage_late;
        kj_loop_post(script->loop, &stage->errand.work.task);
        return;
    }
    int status = kj_errand_start(&stage->errand);
    if (status) { // not from inside this call
        stage->status = kj_fault(&stage->fault, status, NULL, "try again later",
                                 "more evaluations wait than may");
        stage->errand.work.task.run = stage_late;
        kj_loop_post(script->loop, &stage->errand.work.task);
    }
}

// --- judging many ---

struct many_errand {
    struct kj_errand errand; // first
    struct kj_pack *pack;
    struct kj_script_many many;
    struct kj_judged judged[KJ_MOST_TOGETHER];
    int status;
    struct kj_fault fault;
};

// Those from `from` on; the first fault ends all.
static void judge_some(struct many_errand *many, size_t from, size_t count)
{
    struct kj_judged *each[KJ_MOST_TOGETHER];
    for (size_t i = 0; i < count; i++) {
        const uint8_t *facts = many->many.facts[from + i];
        each[i] = &many->judged[i];
        if (!bson_init_static(&each[i]->facts, facts, kj_load32(facts))) {
            many->status = KJ_EINVAL;
            return;
        }
    }
    kj_pack_judge_many(many->pack, each, count);
    for (size_t i = 0; i < count; i++) {
        if (many->status == 0 && each[i]->status == 0) {
            many->many.each(many->many.arg, from + i, each[i]->plan);
        } else if (many->status == 0) {
            many->status = each[i]->status;
            many->fault = each[i]->fault;
        }
        kj_doc_clear(&each[i]->plan);
    }
}

// One errand for all: to hand each call over alone would cost more than to judge it.
static void many_run(struct kj_errand *errand)
{
    struct many_errand *judged = (struct many_errand *)errand;
    const struct kj_script_many *many = &judged->many;
    for (size_t i = 0; i < many->count && judged->status == 0; i += KJ_MOST_TOGETHER) {
        size_t left = many->count - i;
        judge_some(judged, i, left < KJ_MOST_TOGETHER ? left : KJ_MOST_TOGETHER);
    }
}

static void many_done(struct kj_errand *errand)
{
    struct many_errand *judged = (struct many_errand *)errand;
    if (errand->work.canceled) {
        judged->status = kj_fault(&judged->fault, KJ_ECANCELED, NULL, NULL, "the host is stopping");
    }
    judged->many.done(judged->many.arg, judged->status, judged->status ? &judged->fault : NULL);
    kj_pack_unref(judged->pack);
    free(judged);
}

static void many_late(struct kj_task *task)
{
    struct kj_work *work = (struct kj_work *)((char *)task - offsetof(struct kj_work, task));
    many_done((struct kj_errand *)work);
}

void kj_script_judge_many(struct kj_script *script, const char *pack,
                          const struct kj_script_many *many)
{
    struct many_errand *judged = KJ_NEW(struct many_errand);
    struct kj_pack *version = kj_script_version(script, pack);
    judged->errand.script = script;
    judged->errand.run = many_run;
    judged->errand.done = many_done;
    judged->many = *many;
    judged->pack = version ? kj_pack_ref(version) : NULL;
    int status = version ? kj_errand_start(&judged->errand) : KJ_ENOTFOUND;
    if (status == 0) {
        return; // a thread has it now
    }
    judged->status = version ? kj_fault(&judged->fault, status, pack, "try again later",
                                        "more evaluations wait than may")
                             : kj_fault(&judged->fault, status, pack, "send its sources again",
                                        "there is no rule pack \"%s\"", pack);
    judged->errand.work.task.run = many_late;
    kj_loop_post(script->loop, &judged->errand.work.task);
}
