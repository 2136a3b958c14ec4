// What the source files of the fake host share; tests include fake_host.h only.
#ifndef FAKE_HOST_OWN_H
#define FAKE_HOST_OWN_H

#include "peers/fake_host.h"

#include "base/alloc.h"
#include "base/heap.h"
#include "base/map.h"
#include "base/str.h"
#include "doc/json.h"

#include <stdlib.h>
#include <string.h>

struct op {
    uint64_t id;
    bool finished, canceled;
    struct fake_result result;
    char *code, *text, *json;
    bson_t *doc;
};

struct ask {
    struct fake_ask shown;
    char *verb, *json;
    bson_t *request;
    kejue_answer *answer;
    void *arg;
    struct ask *next;
};

struct event {
    struct fake_event shown;
    char *name, *json;
    bson_t *data;
};

// One thing to happen at an instant: a timer of the plugin, or a step of the fake's own.
struct timer {
    struct kj_heap_node node;
    uint64_t id;
    void (*fire)(void *arg);
    void *arg;
    bool own; // of the fake: not counted, not stoppable
};

struct state {
    char *json;
    int64_t revision;
};

struct fake_host {
    struct kejue_host table;
    const struct kejue_plugin *plugin;
    void *instance;
    bson_t *config;
    uint64_t seed, next_id;
    int64_t now;
    struct kj_heap timers;
    struct op **ops; // by id - 1; NULL = forgotten
    size_t op_count, op_capacity;
    struct ask *asks, **asks_end;
    struct event **events;
    size_t event_count, event_capacity, refused;
    struct kj_map asked, metrics, states;
    fake_on_ask *on_ask;
    void *on_ask_arg;
    enum kejue_class emit_class;
    char log[512];
    bool healthy;
};

char *fake_json_of(const bson_t *doc);      // the caller frees
bson_t *fake_copy_of(struct kejue_doc doc); // the caller destroys
// `own`: a step of the fake itself, not counted and not stoppable.
uint64_t fake_schedule(struct fake_host *host, int64_t delay, void (*fire)(void *arg), void *arg,
                       bool own);
// The entry of the table.
void fake_ask(struct kejue_ctx *ctx, uint64_t op, const char *verb, struct kejue_doc doc,
              kejue_answer *answer, void *arg);
void fake_ask_drop_step(void (*fire)(void *arg), void *arg); // of a step that never ran
void fake_asks_fini(struct fake_host *host);
void fake_events_forget(struct fake_host *host);
// Fills the readers and builders of the table.
void fake_host_fill_documents(struct kejue_host *table);

#endif
