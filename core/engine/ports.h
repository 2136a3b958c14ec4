// What plugins and hooks may ask of the engine ("host.submit", "host.emit", …).
#ifndef KJ_PORTS_H
#define KJ_PORTS_H

#include "engine/engine.h"

// verb without "host."; answers exactly once.
void kj_ports_ask(struct kj_engine *engine, const char *instance, const char *workspace,
                  const char *verb, const bson_t *request, kj_host_reply *reply, void *reply_arg);

#endif
