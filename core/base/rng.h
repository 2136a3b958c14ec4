// Where all randomness comes from.
//
// Keyed, not streamed: an outcome is drawn from a generator seeded by (run seed, who, which, what
// for), so it does not move when the order of other work does. Not for secrets: those come from
// OpenSSL.
#ifndef KJ_RNG_H
#define KJ_RNG_H

#include <stddef.h>
#include <stdint.h>

struct kj_rng {
    uint64_t state[4];
};

void kj_rng_init(struct kj_rng *rng, uint64_t seed);
// A generator of its own for (seed, key, number): kj_rng_keyed(&r, seed, "+49…/backoff", attempt).
void kj_rng_keyed(struct kj_rng *rng, uint64_t seed, const char *key, uint64_t number);
uint64_t kj_rng_next(struct kj_rng *rng);
double kj_rng_unit(struct kj_rng *rng);                              // [0, 1)
int64_t kj_rng_range(struct kj_rng *rng, int64_t low, int64_t high); // inclusive

#endif
