// Building a set of packs and hooks from a directory, aside, with its tests.
#include "script/ruleset.h"

#include "base/alloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct kj_ruleset *kj_ruleset_new(void)
{
    struct kj_ruleset *set = KJ_NEW(struct kj_ruleset);
    set->references = 1;
    kj_map_init(&set->packs);
    kj_map_init(&set->hooks);
    set->list = bson_new();
    return set;
}

struct kj_ruleset *kj_ruleset_ref(struct kj_ruleset *set)
{
    __atomic_add_fetch(&set->references, 1, __ATOMIC_RELAXED);
    return set;
}

static void unref_all(struct kj_map *map)
{
    size_t at = 0;
    const char *name;
    void *pack;
    while (kj_map_next(map, &at, &name, &pack)) {
        kj_pack_unref(pack);
    }
    kj_map_fini(map);
}

void kj_ruleset_unref(struct kj_ruleset *set)
{
    if (!set || __atomic_sub_fetch(&set->references, 1, __ATOMIC_ACQ_REL) > 0) {
        return;
    }
    unref_all(&set->packs);
    unref_all(&set->hooks);
    bson_destroy(set->list);
    free(set);
}

// --- building ---

struct build {
    struct kj_sources *sources;
    const struct kj_vm_limits *limits;
    struct kj_ruleset *set, *old;
    const char *only;
    bool run_tests;
    struct kj_fault *fault;
};

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), tail = strlen(end);
    return length >= tail && strcmp(text + length - tail, end) == 0;
}

// rules/NAME.lua and rules/NAME/init.lua are packs; *_test.lua and other files of a folder are not.
static bool is_pack_file(const char *path)
{
    if (strncmp(path, "rules/", 6) != 0 || ends_with(path, "_test.lua")) {
        return false;
    }
    const char *slash = strchr(path + 6, '/');
    return !slash || strcmp(slash, "/init.lua") == 0;
}

static bool is_hook_file(const char *path)
{
    return strncmp(path, "hooks/", 6) == 0 && !ends_with(path, "_test.lua") &&
           !strchr(path + 6, '/');
}

static int first_failure(const struct kj_doc_list *failed, struct kj_fault *fault)
{
    bson_t first;
    if (!kj_doc_child(failed->array, "0", &first)) {
        return 0;
    }
    return kj_fault(fault, KJ_ESTATE, kj_doc_text(&first, "file", NULL),
                    "nothing was changed; the rules loaded before stay in use",
                    "the test \"%.120s\" failed: %.300s%s", kj_doc_text(&first, "name", ""),
                    kj_doc_text(&first, "text", ""), failed->count > 1 ? " (and other tests)" : "");
}

static int test_pack(const struct build *build, struct kj_pack *pack)
{
    bson_t array = BSON_INITIALIZER;
    struct kj_doc_list failed = {.array = &array};
    int status = kj_pack_run_tests(pack, &failed, &pack->tests, build->fault);
    if (status == 0) {
        status = first_failure(&failed, build->fault);
    }
    bson_destroy(&array);
    return status;
}

// An unchanged version is taken over with its warm states, unless its tests may have changed.
static int add(struct build *build, const char *path, bool is_hook)
{
    struct kj_pack *pack, *before;
    struct kj_map *map = is_hook ? &build->set->hooks : &build->set->packs;
    int status = kj_pack_create(build->sources, build->limits, path, is_hook, &pack, build->fault);
    if (status) {
        return status;
    }
    if (kj_map_get(map, pack->name)) {
        status = kj_fault(build->fault, KJ_EEXISTS, path, "keep one of the two",
                          "there are two packs \"%s\"", pack->name);
        kj_pack_unref(pack);
        return status;
    }
    if (build->run_tests) {
        status = test_pack(build, pack);
    }
    if (status) {
        kj_pack_unref(pack);
        return status;
    }
    before = build->old ? kj_map_get(is_hook ? &build->old->hooks : &build->old->packs, pack->name)
                        : NULL;
    if (before && strcmp(before->hash, pack->hash) == 0 && before->tests == pack->tests) {
        kj_pack_unref(pack);
        pack = kj_pack_ref(before);
    }
    kj_map_put(map, pack->name, pack);
    return 0;
}

static void share(struct kj_map *to, const struct kj_map *from, const char *without)
{
    size_t at = 0;
    const char *name;
    void *pack;
    while (kj_map_next(from, &at, &name, &pack)) {
        if (!without || strcmp(name, without) != 0) {
            kj_map_put(to, name, kj_pack_ref(pack));
        }
    }
}

static int add_only(struct build *build)
{
    char path[200];
    snprintf(path, sizeof path, "rules/%.100s.lua", build->only);
    if (!kj_sources_get(build->sources, path)) {
        snprintf(path, sizeof path, "rules/%.100s/init.lua", build->only);
    }
    if (!kj_sources_get(build->sources, path) || !is_pack_file(path)) {
        return kj_fault(build->fault, KJ_ENOTFOUND, build->only,
                        "name a file in scripts/rules without .lua", "there is no such pack");
    }
    if (build->old) {
        share(&build->set->packs, &build->old->packs, build->only);
        share(&build->set->hooks, &build->old->hooks, NULL);
    }
    return add(build, path, false);
}

static int add_all(struct build *build)
{
    size_t at = 0;
    const char *path;
    void *source;
    while (kj_map_next(&build->sources->files, &at, &path, &source)) {
        int status = 0;
        if (is_pack_file(path)) {
            status = add(build, path, false);
        } else if (is_hook_file(path)) {
            status = add(build, path, true);
        }
        if (status) {
            return status;
        }
    }
    return 0;
}

static void list_packs(const struct build *build, bson_t *out)
{
    bson_t array = BSON_INITIALIZER;
    struct kj_doc_list list = {.array = &array};
    size_t at = 0;
    const char *name;
    void *value;
    while (kj_map_next(&build->set->packs, &at, &name, &value)) {
        const struct kj_pack *pack = value, *before = NULL;
        bson_t one = BSON_INITIALIZER;
        before = build->old ? kj_map_get(&build->old->packs, name) : NULL;
        kj_doc_put_text(&one, "name", name);
        kj_doc_put_text(&one, "hash", pack->hash);
        kj_doc_put_text(&one, "path", pack->path);
        kj_doc_put_int(&one, "tests", pack->tests);
        kj_doc_put_bool(&one, "changed", !before || strcmp(before->hash, pack->hash) != 0);
        kj_doc_put_doc(&array, kj_doc_next(&list), &one);
        bson_destroy(&one);
    }
    kj_doc_put_array(out, "packs", &array);
    bson_destroy(&array);
}

static void list_hooks(const struct build *build, bson_t *out)
{
    bson_t array = BSON_INITIALIZER;
    struct kj_doc_list list = {.array = &array};
    size_t at = 0;
    const char *name;
    void *value;
    while (kj_map_next(&build->set->hooks, &at, &name, &value)) {
        const struct kj_pack *pack = value;
        bson_t hooks;
        bson_iter_t hook;
        if (!kj_doc_child(pack->describe, "hooks", &hooks) || !bson_iter_init(&hook, &hooks)) {
            continue;
        }
        while (bson_iter_next(&hook)) {
            bson_append_iter(&array, kj_doc_next(&list), -1, &hook);
        }
    }
    kj_doc_put_array(out, "hooks", &array);
    bson_destroy(&array);
}

// "hooks/note.lua" of the hook "note.lua:1".
static void file_of(const bson_t *hook, char *path, size_t size)
{
    const char *file = kj_doc_text(hook, "file", "");
    snprintf(path, size, "hooks/%.*s", (int)strcspn(file, ":"), file);
}

// A kind of job is run by one hook: of two with its name nobody could tell which.
static int check_kinds(struct build *build)
{
    size_t count = kj_doc_count(build->set->list, "hooks");
    for (size_t i = 1; i < count; i++) {
        for (size_t before = 0; before < i; before++) {
            char path[32], place[240], first[220], file[220];
            bson_t one, other;
            snprintf(path, sizeof path, "hooks.%zu", i);
            bool there = kj_doc_child(build->set->list, path, &one);
            snprintf(path, sizeof path, "hooks.%zu", before);
            there = there && kj_doc_child(build->set->list, path, &other);
            const char *on = there ? kj_doc_text(&one, "on", "") : "";
            if (strncmp(on, "kind.", 5) != 0 || strcmp(on, kj_doc_text(&other, "on", "")) != 0) {
                continue;
            }
            file_of(&one, file, sizeof file);
            file_of(&other, first, sizeof first);
            snprintf(place, sizeof place, "%s:%d", file, (int)kj_doc_int(&one, "line", 1));
            return kj_fault(build->fault, KJ_EEXISTS, place, "give one of them another name",
                            "the kind \"%.90s\" is declared by %s:%d already", on + 5, first,
                            (int)kj_doc_int(&other, "line", 1));
        }
    }
    return 0;
}

int kj_ruleset_build(const char *dir, const char *only, const struct kj_vm_limits *limits,
                     struct kj_ruleset *old, bool run_tests, struct kj_ruleset **out,
                     struct kj_fault *fault)
{
    struct build build = {
        .limits = limits, .old = old, .only = only, .run_tests = run_tests, .fault = fault};
    int status = kj_sources_load(dir, &build.sources, fault);
    if (status) {
        return status;
    }
    build.set = kj_ruleset_new();
    status = only ? add_only(&build) : add_all(&build);
    kj_sources_unref(build.sources);
    if (status == 0) {
        list_packs(&build, build.set->list);
        list_hooks(&build, build.set->list);
        status = check_kinds(&build);
    }
    if (status) {
        kj_ruleset_unref(build.set);
        return status;
    }
    *out = build.set;
    return 0;
}
