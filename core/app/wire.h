// What the running daemon consists of. Private to app/.
#ifndef KJ_WIRE_H
#define KJ_WIRE_H

#include "app/app.h"
#include "face/face.h"

struct kj_app {
    const struct kj_options *options;
    struct kj_config config;
    char data_dir[3072], run_dir[3072], scripts_dir[3072], plugin_dir[3072];
    char host_name[64];
    struct kj_clock clock;
    struct kj_loop *loop;
    struct kj_fetcher *fetcher;
    struct kj_store *store;
    struct kj_script *script;
    struct kj_engine *engine;
    struct kj_host *host;
    struct kj_api *api;
    struct kj_bus *bus;
    struct kj_http *http;
    uv_signal_t signals[3];
    int signals_open;
    uv_timer_t last_timer;
    struct kj_task last_task;
    int exit_code;
    bool stopping;
    bool checking; // under test: answers and events are held against their schemas
};

// wire.c: builds and unmakes, in the order of the floor plan.
int kj_app_wire(struct kj_app *app, struct kj_fault *fault) KJ_MUST_USE;
void kj_app_unwire(struct kj_app *app);
int kj_app_open_doors(struct kj_app *app, struct kj_fault *fault) KJ_MUST_USE;

// app_store.c: opens the store of a type, "sqlite" or "mongodb", as the configuration has it.
int kj_app_store(struct kj_app *app, const char *type, struct kj_store **store,
                 struct kj_fault *fault) KJ_MUST_USE;

// copy_store.c: for kejued --copy-store; tells on standard output.
int kj_app_copy_store(struct kj_app *app, struct kj_fault *fault) KJ_MUST_USE;
// copy_plan.c: what store.copy answers.
int kj_app_copy_plan(void *app, const char *to, bson_t *result, struct kj_fault *fault) KJ_MUST_USE;
// KJ_ESTATE when the store is what an interrupted one has left. Before anything else uses it.
int kj_app_refuse_half_copy(struct kj_app *app, struct kj_fault *fault) KJ_MUST_USE;

// paths.c: folders and names from options and configuration.
int kj_app_paths(struct kj_app *app, struct kj_fault *fault) KJ_MUST_USE;

#endif
