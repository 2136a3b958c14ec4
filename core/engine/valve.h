// A store in front of the store, that can be shut: what the engine asks of the store goes through
// here, so that an engine may end while requests are under way. Loop thread only.
#ifndef KJ_VALVE_H
#define KJ_VALVE_H

#include "store/store.h"

// `inner` is borrowed and must outlive what was submitted, not the valve.
struct kj_store *kj_valve_create(struct kj_store *inner);
// Answers everything that is open, and what is submitted from now on, with KJ_ECANCELED, until
// nothing is left. What `inner` says later reaches nobody; it may have been carried out, as after a
// crash.
void kj_valve_shut(struct kj_store *valve);
// Within `done`: why the store has refused the whole request (disk full, damaged, read-only), in
// the store's own words; else NULL. So those who only hand on a status need not carry them.
const struct kj_fault *kj_valve_refusal(const struct kj_store *valve);
// After shut.
void kj_valve_destroy(struct kj_store *valve);

#endif
