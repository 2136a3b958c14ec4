// The doors: they carry commands in and events out, and know nothing else.
#ifndef KJ_FACE_H
#define KJ_FACE_H

#include "api/command.h"

// --- the bus: the REP and PUB of nng over ipc (mode 0600), spoken by sp_server.h ---
// A request is a BSON or JSON document {id, cmd, args, token}; the answer has the same encoding:
// {id, ok: true, result} or {id, ok: false, error: {code, place, text, hint, faults[]}}.
// Events go out on the PUB socket as "NAME " + JSON, so that nng subscriptions work by prefix.
struct kj_bus;
struct kj_bus_config {
    const char *rep_path; // "/run/kejue/bus.ipc"; clients dial it as ipc:///run/kejue/bus.ipc
    const char *pub_path; // "/run/kejue/events.ipc"
    size_t message_limit; // 0 = 32 MiB; each command has its own limits below that
};
int kj_bus_create(struct kj_api *api, const struct kj_bus_config *config, struct kj_bus **bus,
                  struct kj_fault *fault) KJ_MUST_USE;
void kj_bus_destroy(struct kj_bus *bus);
void kj_bus_publish(struct kj_bus *bus, const bson_t *event);

// --- HTTP/1.1 in the loop ---
// POST /api/commands/NAME (bearer token, Idempotency-Key), GET /api/commands, /hooks/INSTANCE/PATH,
// GET /api/events (server-sent; Last-Event-ID or ?cursor=), /healthz, /metrics. May be destroyed
// while commands are under way; what it holds is freed by kj_loop_destroy.
struct kj_http;
struct kj_http_config {
    const char *address; // "127.0.0.1"
    uint16_t port;       // 0 = any free port
    size_t body_limit;   // 0 = 1 MiB; a command with a larger limit of its own may have that
};
int kj_http_create(struct kj_api *api, const struct kj_http_config *config, struct kj_http **http,
                   struct kj_fault *fault) KJ_MUST_USE;
void kj_http_destroy(struct kj_http *http);
uint16_t kj_http_port(const struct kj_http *http);
void kj_http_publish(struct kj_http *http, const bson_t *event); // to the server-sent streams

#endif
