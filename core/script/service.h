// The service behind script.h: who runs what on which thread. Private to this room.
#ifndef KJ_SERVICE_H
#define KJ_SERVICE_H

#include "script/ruleset.h"
#include "script/script.h"

enum { KJ_MAX_HOOK_RUNS = 8192, KJ_MAX_STAGED = 32 };

struct kj_hook_live;

// A piece of work: `work` on a pool thread (or at once without a loop), then `done` on the loop.
struct kj_errand {
    struct kj_work work;
    struct kj_script *script;
    void (*run)(struct kj_errand *errand);
    void (*done)(struct kj_errand *errand);
};

struct kj_script {
    struct kj_loop *loop; // NULL: everything at once
    struct kj_pool *pool;
    char *dir;
    struct kj_vm_limits limits;
    struct kj_ruleset *set;                // loop thread
    struct kj_pack *staged[KJ_MAX_STAGED]; // versions.c: beside the set, newest first
    struct kj_load_errand *loading;        // one at a time
    struct kj_load_errand *waiting;        // in order
    struct kj_hook_live *lives;            // hooks that run
    size_t live_count;
    uint64_t next_token;
    bool closing;
};

// Runs the errand; a full queue is KJ_EFULL and nothing is called.
int kj_errand_start(struct kj_errand *errand);
void kj_hooks_cancel(struct kj_script *script); // all: their done with KJ_ECANCELED

// versions.c: a loaded pack by its name, any version by its hash; NULL = not here. Borrowed.
struct kj_pack *kj_script_version(const struct kj_script *script, const char *name);
void kj_script_forget_versions(struct kj_script *script);

#endif
