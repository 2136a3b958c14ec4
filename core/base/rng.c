// xoshiro256** seeded by splitmix64 (Blackman and Vigna, public domain algorithms).
#include "base/rng.h"

#include "base/str.h"

#include <string.h>

static uint64_t splitmix(uint64_t *state)
{
    uint64_t z = (*state += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

void kj_rng_init(struct kj_rng *rng, uint64_t seed)
{
    for (int i = 0; i < 4; i++)
        rng->state[i] = splitmix(&seed);
}

void kj_rng_keyed(struct kj_rng *rng, uint64_t seed, const char *key, uint64_t number)
{
    uint64_t mixed = seed;
    uint64_t a = splitmix(&mixed) ^ kj_hash(key, strlen(key));
    uint64_t b = splitmix(&a) ^ number;
    kj_rng_init(rng, splitmix(&b));
}

static uint64_t rotate(uint64_t x, int bits)
{
    return (x << bits) | (x >> (64 - bits));
}

uint64_t kj_rng_next(struct kj_rng *rng)
{
    uint64_t *s = rng->state;
    uint64_t result = rotate(s[1] * 5, 7) * 9, t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 45);
    return result;
}

double kj_rng_unit(struct kj_rng *rng)
{
    return (double)(kj_rng_next(rng) >> 11) * 0x1.0p-53;
}

int64_t kj_rng_range(struct kj_rng *rng, int64_t low, int64_t high)
{
    uint64_t span = (uint64_t)high - (uint64_t)low + 1;
    return span == 0 ? (int64_t)kj_rng_next(rng)
                     : (int64_t)((uint64_t)low + kj_rng_next(rng) % span);
}
