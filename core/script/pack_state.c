// A version of a pack: its sources, its hash, and a few warm states. A new state costs ten times
// what a rule does, so states are kept; one that hit a limit never comes back.
#include "script/ruleset.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "script/cell.h"
#include "script/eval.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// A state that once grew beyond KEEP_BYTES goes: its pages are not given back before.
enum { KEEP_STATES = 8, KEEP_BYTES = 8 * 1024 * 1024 };
// A pack whose locked processes die: how long none is started, doubling while they go on dying.
enum { PAUSE_MS = 100, PAUSE_MOST_MS = 30000, CALM_MS = 60000 };
enum { TOGETHER_BYTES = 256 * 1024 }; // facts that go to a locked process at a time

static void warm_destroy(struct kj_warm *warm)
{
    if (!warm) {
        return;
    }
    kj_cell_close(warm->cell);
    kj_rules_destroy(warm->rules);
    kj_hook_file_destroy(warm->hooks);
    kj_vm_destroy(warm->vm);
    free(warm);
}

static int warm_create(const struct kj_pack *pack, struct kj_warm **out, struct kj_fault *fault)
{
    struct kj_warm *warm = KJ_NEW(struct kj_warm);
    int status = kj_vm_create(&pack->limits, pack->sources, pack->is_hook ? NULL : pack->name,
                              pack->is_hook, &warm->vm, fault);
    if (status == 0 && pack->is_hook) {
        status = kj_hook_file_load(warm->vm, pack->path, &warm->hooks, fault);
    } else if (status == 0) {
        status = kj_rules_load(warm->vm, pack->path, &warm->rules, fault);
    }
    if (status) {
        warm_destroy(warm);
        return status;
    }
    *out = warm;
    return 0;
}

// --- locked processes ---

static bool is_locked(const struct kj_pack *pack)
{
    return pack->limits.locked && !pack->is_hook;
}

static int cell_create(const struct kj_pack *pack, struct kj_cell_pack *loaded,
                       struct kj_warm **out, struct kj_fault *fault)
{
    struct kj_cell *cell;
    int status = kj_cell_open(pack->sources, &pack->limits, pack->path, &cell, loaded, fault);
    if (status == 0) {
        *out = KJ_NEW(struct kj_warm);
        (*out)->cell = cell;
    }
    return status;
}

static int cell_again(struct kj_pack *pack, struct kj_warm **out, struct kj_fault *fault)
{
    struct kj_cell_pack loaded = {0};
    pthread_mutex_lock(&pack->lock);
    int64_t wait = pack->died_ms + pack->pause_ms - kj_clock_real_mono();
    pthread_mutex_unlock(&pack->lock);
    if (wait > 0) {
        return kj_fault(fault, KJ_EUNAVAILABLE, pack->path, NULL,
                        "the process of these rules died and is started again in %d ms", (int)wait);
    }
    int status = cell_create(pack, &loaded, out, fault);
    kj_doc_clear(&loaded.describe);
    kj_doc_clear(&loaded.files);
    return status;
}

static void note_death(struct kj_pack *pack)
{
    int64_t now = kj_clock_real_mono();
    pthread_mutex_lock(&pack->lock);
    bool calm = pack->pause_ms == 0 || now - pack->died_ms > CALM_MS;
    pack->pause_ms = calm ? PAUSE_MS : 2 * pack->pause_ms;
    if (pack->pause_ms > PAUSE_MOST_MS) {
        pack->pause_ms = PAUSE_MOST_MS;
    }
    pack->died_ms = now;
    pthread_mutex_unlock(&pack->lock);
}

int kj_pack_take(struct kj_pack *pack, struct kj_warm **warm, struct kj_fault *fault)
{
    pthread_mutex_lock(&pack->lock);
    *warm = pack->free;
    if (*warm) {
        pack->free = (*warm)->next;
        pack->free_count--;
    }
    pthread_mutex_unlock(&pack->lock);
    if (*warm) {
        return 0;
    }
    return is_locked(pack) ? cell_again(pack, warm, fault) : warm_create(pack, warm, fault);
}

static bool worth_keeping(struct kj_pack *pack, const struct kj_warm *warm)
{
    if (!warm->cell) {
        return warm->vm->stop == KJ_STOP_NONE && warm->vm->blocks.held <= KEEP_BYTES;
    }
    if (kj_cell_dead(warm->cell)) {
        note_death(pack);
        return false;
    }
    return !kj_cell_old(warm->cell);
}

void kj_pack_give(struct kj_pack *pack, struct kj_warm *warm)
{
    if (!warm) {
        return;
    }
    bool keep = worth_keeping(pack, warm);
    if (keep) {
        pthread_mutex_lock(&pack->lock);
        keep = pack->free_count < KEEP_STATES;
        if (keep) {
            warm->next = pack->free;
            pack->free = warm;
            pack->free_count++;
        }
        pthread_mutex_unlock(&pack->lock);
    }
    if (!keep) {
        warm_destroy(warm);
    }
}

// --- judging ---

static int judge_locked(struct kj_pack *pack, struct kj_judged *const *each, size_t *count,
                        struct kj_fault *fault)
{
    struct kj_warm *warm = NULL;
    int status = kj_pack_take(pack, &warm, fault);
    if (status == 0) {
        status = kj_cell_judge(warm->cell, each, count, fault);
    }
    kj_pack_give(pack, warm);
    return status;
}

static bool is_calm(struct kj_pack *pack)
{
    pthread_mutex_lock(&pack->lock);
    bool calm = pack->pause_ms == 0 || kj_clock_real_mono() - pack->died_ms > CALM_MS;
    pthread_mutex_unlock(&pack->lock);
    return calm;
}

// How many of them go at a time: one while it may be the end of the process.
static size_t fits_together(struct kj_pack *pack, struct kj_judged *const *each, size_t count)
{
    size_t some = 1, bytes = each[0]->facts.len;
    if (count > 1 && is_calm(pack)) {
        for (; some < count && bytes + each[some]->facts.len <= TOGETHER_BYTES; some++) {
            bytes += each[some]->facts.len;
        }
    }
    return some;
}

// How many of them are through.
static size_t judge_together(struct kj_pack *pack, struct kj_judged *const *each, size_t count)
{
    struct kj_fault fault = {0};
    size_t told = count;
    int status = judge_locked(pack, each, &told, &fault);
    if (status == 0) {
        return told;
    }
    for (size_t i = 0; i < count; i++) {
        each[i]->status = count == 1 ? status : KJ_EUNAVAILABLE;
        each[i]->fault = fault;
        each[i]->fault.code = each[i]->status;
    }
    return count;
}

void kj_pack_judge_many(struct kj_pack *pack, struct kj_judged *const *each, size_t count)
{
    for (size_t i = 0, some; i < count; i += some) {
        struct kj_judged *one = each[i];
        some = 1;
        if (is_locked(pack)) {
            some = judge_together(pack, each + i, fits_together(pack, each + i, count - i));
        } else {
            one->status = kj_pack_judge(pack, &one->facts, &one->plan, &one->fault);
        }
    }
}

int kj_pack_judge(struct kj_pack *pack, const bson_t *facts, bson_t **plan, struct kj_fault *fault)
{
    struct kj_warm *warm = NULL;
    if (is_locked(pack)) {
        struct kj_judged one = {.plan = NULL}, *const all[] = {&one};
        if (!bson_init_static(&one.facts, bson_get_data(facts), facts->len)) {
            return KJ_EINVAL;
        }
        (void)judge_together(pack, all, 1);
        *plan = one.plan;
        if (one.status && fault) {
            *fault = one.fault;
        }
        return one.status;
    }
    int status = kj_pack_take(pack, &warm, fault);
    if (status == 0) {
        status = kj_eval_run(warm->vm, warm->rules, facts, plan, fault);
        if (status == 0) {
            kj_doc_put_text(*plan, "hash", pack->hash);
        }
    }
    kj_pack_give(pack, warm);
    return status;
}

struct kj_pack *kj_pack_ref(struct kj_pack *pack)
{
    __atomic_add_fetch(&pack->references, 1, __ATOMIC_RELAXED);
    return pack;
}

void kj_pack_unref(struct kj_pack *pack)
{
    if (!pack || __atomic_sub_fetch(&pack->references, 1, __ATOMIC_ACQ_REL) > 0) {
        return;
    }
    while (pack->free) {
        struct kj_warm *next = pack->free->next;
        warm_destroy(pack->free);
        pack->free = next;
    }
    pthread_mutex_destroy(&pack->lock);
    kj_sources_unref(pack->sources);
    bson_destroy(pack->describe);
    bson_destroy(pack->files);
    free(pack->name);
    free(pack->path);
    free(pack);
}

// --- what it is made of ---

static void add_file(struct kj_pack *pack, const char *path)
{
    const struct kj_source *source = kj_sources_get(pack->sources, path);
    bson_iter_t at;
    if (source && !bson_iter_init_find(&at, pack->files, path)) {
        bson_append_utf8(pack->files, path, -1, source->text, (int)source->length);
    }
}

struct modules {
    struct kj_pack *pack;
};

// Every module the state has loaded, sorted by path.
static int add_modules(lua_State *L)
{
    struct modules *modules = lua_touserdata(L, 1);
    const char *names[500];
    size_t count = 0;
    lua_rawgetp(L, LUA_REGISTRYINDEX, &kj_key_loaded);
    if (lua_getmetatable(L, -1)) { // frozen: the members stand in its shadow
        lua_rawgetp(L, -1, &kj_key_frozen);
    }
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
        if (lua_type(L, -2) == LUA_TSTRING && count < KJ_COUNT(names)) {
            size_t at = count++;
            const char *name = lua_tostring(L, -2);
            for (; at > 0 && strcmp(names[at - 1], name) > 0; at--) {
                names[at] = names[at - 1];
            }
            names[at] = name;
        }
    }
    for (size_t i = 0; i < count; i++) {
        add_file(modules->pack, names[i]);
    }
    return 0;
}

static void take_hash(struct kj_pack *pack)
{
    kj_sha256_hex(bson_get_data(pack->files), pack->files->len, pack->hash);
}

static int describe_cell(struct kj_pack *pack, struct kj_warm **warm, struct kj_fault *fault)
{
    struct kj_cell_pack loaded = {0};
    int status = cell_create(pack, &loaded, warm, fault);
    pack->describe = loaded.describe;
    pack->files = loaded.files;
    memcpy(pack->hash, loaded.hash, sizeof pack->hash);
    return status;
}

static int describe_state(struct kj_pack *pack, struct kj_warm **out, struct kj_fault *fault)
{
    struct modules modules = {pack};
    pack->describe = bson_new();
    pack->files = bson_new();
    int created = warm_create(pack, out, fault);
    if (created) {
        return created;
    }
    struct kj_warm *warm = *out;
    for (size_t i = 0; warm->rules && i < warm->rules->file_count; i++) {
        add_file(pack, warm->rules->files[i]);
    }
    add_file(pack, pack->path);
    int status = kj_vm_protect(warm->vm, add_modules, &modules, fault);
    take_hash(pack);
    if (status) {
        return status;
    }
    if (warm->rules) {
        bson_concat(pack->describe, warm->rules->describe);
        kj_doc_put_text(pack->describe, "hash", pack->hash);
    } else {
        bson_t hooks = BSON_INITIALIZER;
        struct kj_doc_list list = {.array = &hooks};
        kj_hook_file_list(warm->hooks, &list);
        kj_doc_put_array(pack->describe, "hooks", &hooks);
        bson_destroy(&hooks);
    }
    return 0;
}

// "solar" of "rules/solar.lua" and of "rules/solar/init.lua".
static char *name_of(const char *path)
{
    const char *from = strchr(path, '/') + 1;
    size_t length = strcspn(from, "/.");
    return kj_strndup(from, length);
}

int kj_pack_create(struct kj_sources *sources, const struct kj_vm_limits *limits, const char *path,
                   bool is_hook, struct kj_pack **out, struct kj_fault *fault)
{
    struct kj_pack *pack = KJ_NEW(struct kj_pack);
    struct kj_warm *warm = NULL;
    pack->references = 1;
    pack->is_hook = is_hook;
    pack->path = kj_strdup(path);
    pack->name = is_hook ? kj_strdup(path) : name_of(path);
    pack->limits = *limits;
    pack->sources = kj_sources_ref(sources);
    pthread_mutex_init(&pack->lock, NULL);
    int status =
        is_locked(pack) ? describe_cell(pack, &warm, fault) : describe_state(pack, &warm, fault);
    kj_pack_give(pack, warm);
    if (status) {
        kj_pack_unref(pack);
        return status;
    }
    *out = pack;
    return 0;
}
