// What is loaded: packs and hook files, each with warm states, immutable as a set. A set is built
// aside (any thread), tested, then swapped in on the loop; who uses an old one keeps it.
#ifndef KJ_RULESET_H
#define KJ_RULESET_H

#include "loop/pool.h"
#include "script/hook.h"
#include "script/rules.h"
#include "script/sources.h"

#include <pthread.h>

struct kj_cell;

struct kj_warm { // a state with its pack or hooks in it, or a locked process with such states
    struct kj_cell *cell; // the rest is NULL then
    struct kj_vm *vm;
    struct kj_rules *rules;
    struct kj_hook_file *hooks;
    struct kj_warm *next;
};

// One version of a pack or of a hook file. Counted; any thread.
struct kj_pack {
    int references; // atomic
    bool is_hook;
    char *name; // pack name, or path of the hook file
    char *path;
    char hash[65];
    struct kj_sources *sources;
    struct kj_vm_limits limits;
    bson_t *describe; // packs: everything but sources; hooks: {hooks: [...]}
    bson_t *files;    // path -> text of what it is made of
    int64_t tests;
    pthread_mutex_t lock; // guards what follows
    struct kj_warm *free;
    int free_count;
    int64_t died_ms, pause_ms; // when a locked process of it died (mono), how long none is started
};

int kj_pack_create(struct kj_sources *sources, const struct kj_vm_limits *limits, const char *path,
                   bool is_hook, struct kj_pack **pack, struct kj_fault *fault) KJ_MUST_USE;
struct kj_pack *kj_pack_ref(struct kj_pack *pack);
void kj_pack_unref(struct kj_pack *pack); // NULL is fine
// A state for one use at a time; give it back (a stopped one is thrown away).
int kj_pack_take(struct kj_pack *pack, struct kj_warm **warm, struct kj_fault *fault) KJ_MUST_USE;
void kj_pack_give(struct kj_pack *pack, struct kj_warm *warm);
// Judges a call by a rule pack, in process or in a locked one: as kj_eval_run, the plan with the
// pack's hash. KJ_EUNAVAILABLE: its process has died just now, try again later.
int kj_pack_judge(struct kj_pack *pack, const bson_t *facts, bson_t **plan,
                  struct kj_fault *fault) KJ_MUST_USE;

// One of several calls that are judged at a time.
struct kj_judged {
    bson_t facts; // borrowed bytes
    bson_t *plan; // or NULL and what follows
    int status;
    struct kj_fault fault;
};
// Each as by kj_pack_judge, at most KJ_MOST_TOGETHER. They go to a locked process together; when it
// dies nobody knows of which: all of them are KJ_EUNAVAILABLE, and for some time each call of the
// pack goes by itself.
void kj_pack_judge_many(struct kj_pack *pack, struct kj_judged *const *each, size_t count);

struct kj_ruleset {
    int references; // atomic
    struct kj_map packs;
    struct kj_map hooks; // by path
    bson_t *list;        // {packs: […], hooks: […]}
};

struct kj_ruleset *kj_ruleset_new(void);
struct kj_ruleset *kj_ruleset_ref(struct kj_ruleset *set);
void kj_ruleset_unref(struct kj_ruleset *set); // NULL is fine
// Builds a set from `dir`. With `only`, the other packs and the hooks are those of `old`. Packs
// that did not change keep their warm states. `run_tests`: a failed test is a fault.
int kj_ruleset_build(const char *dir, const char *only, const struct kj_vm_limits *limits,
                     struct kj_ruleset *old, bool run_tests, struct kj_ruleset **set,
                     struct kj_fault *fault) KJ_MUST_USE;

// --- tests beside a pack or a hook file ---
// Runs the file of tests that belongs to the pack; appends {pack, name, file, text} of what failed
// to `failed` and adds to *count. A fault: the file of tests itself is wrong.
int kj_pack_run_tests(struct kj_pack *pack, struct kj_doc_list *failed, int64_t *count,
                      struct kj_fault *fault) KJ_MUST_USE;

#endif
