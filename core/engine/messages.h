// Messages sent and received over chat channels: one document each, statuses only move forward.
#ifndef KJ_MESSAGES_H
#define KJ_MESSAGES_H

#include "engine/engine.h"

// `job` is the effect's job document, `result` the verb's answer {message_id, …}.
void kj_message_sent(struct kj_engine *engine, const bson_t *job, const bson_t *result,
                     void (*done)(void *arg, int status), void *arg);
// "message.status" and "message.received" of plugins; doubled ones change nothing.
void kj_message_status(struct kj_engine *engine, const char *workspace, const bson_t *data,
                       kj_engine_done *done, void *arg);
void kj_message_received(struct kj_engine *engine, const char *workspace, const bson_t *data,
                         kj_engine_done *done, void *arg);

#endif
