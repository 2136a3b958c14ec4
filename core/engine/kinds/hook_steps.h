// What a job says of its hook's steps: {KEY: {begun: true}} once one is sent, {KEY: {ok, result or
// error}} once it is answered. Callers destroy what they get.
#ifndef KJ_HOOK_STEPS_H
#define KJ_HOOK_STEPS_H

#include "doc/doc.h"

bson_t *kj_step_error(const char *class, const char *code, const char *text,
                      int64_t retry_after_ms);
bson_t *kj_steps_with(const bson_t *job, const char *key, const bson_t *answer);
bool kj_step_begun(const bson_t *job, const char *key);
bson_t *kj_steps_for_retry(const bson_t *job);
bson_t *kj_steps_answered(const bson_t *job); // NULL: none

#endif
