// What a campaign has spent on the model, and may spend.
#ifndef KJ_SPENDING_H
#define KJ_SPENDING_H

#include "engine/path.h"

// `refused` NULL: there is room (or no budget). Called once as long as the path lives, at once when
// there is no budget.
void kj_spending_check(struct kj_path *path,
                       void (*done)(struct kj_path *path, void *arg, const char *refused),
                       void *arg);
// Notes what a call has cost; millionths of `currency`, NULL when the model's answers had no price.
// When that uses the budget up, the event campaign.budget_reached rides on it.
void kj_spending_add(struct kj_path *path, int64_t micros, const char *currency);

#endif
