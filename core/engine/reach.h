// May a person be written to? A refusal holds for every channel, not for calls only: it is asked
// after before any verb that costs or touches a person (KEJUE_MONEY) and whose request names one in
// `to` is sent for a rule or a hook. What names nobody (an HTTP request that tells a CRM of the
// refusal) goes out.
#ifndef KJ_REACH_H
#define KJ_REACH_H

#include "engine/engine.h"

struct kj_reach {
    const char *workspace, *verb;
    const bson_t *args; // `to`: a phone number is looked up, an address belongs to the lead
    int64_t lead_id;    // whom the job is about, 0 = nobody: their numbers are looked up too
};

// KJ_OK: nobody said no. KJ_EDENIED: `text` tells who did, when and how. Else the store's status.
// Comes at once when the verb reaches nobody. What `reach` points to is not needed after.
typedef void kj_reach_done(void *arg, int status, const char *text);
void kj_reach_ask(struct kj_engine *engine, const struct kj_reach *reach, kj_reach_done *done,
                  void *arg);

#endif
