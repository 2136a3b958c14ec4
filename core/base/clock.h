// Where all time comes from.
//
// Three kinds: the system's clock; a scaled one (n times as fast, for demonstrations); a virtual
// one that stands still until it is moved (tests, rehearsals). Instants are int64 milliseconds
// since 1970 UTC ("wall") or since some fixed point ("mono", never steps back). Loop thread only.
#ifndef KJ_CLOCK_H
#define KJ_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum kj_clock_kind { KJ_CLOCK_SYSTEM, KJ_CLOCK_SCALED, KJ_CLOCK_VIRTUAL };

struct kj_clock {
    enum kj_clock_kind kind;
    double speed;          // scaled: clock milliseconds per real one
    int64_t wall_start;    // but for the system's: wall instant at `mono_start`
    int64_t wall_ahead_ns; // the system's: of the wall clock, before the monotonic one
    int64_t mono_start;    // system monotonic milliseconds at init
    int64_t virtual_mono;  // virtual: milliseconds since init
};

void kj_clock_init_system(struct kj_clock *clock);
void kj_clock_init_scaled(struct kj_clock *clock, int64_t wall_start, double speed);
void kj_clock_init_virtual(struct kj_clock *clock, int64_t wall_start);

int64_t kj_clock_now(const struct kj_clock *clock);  // wall
int64_t kj_clock_mono(const struct kj_clock *clock); // mono
// Virtual only: moves forward; a target in the past is ignored.
void kj_clock_advance_to(struct kj_clock *clock, int64_t mono);
// Scaled or virtual: the wall time becomes `wall_ms` (a run that goes on where it stood).
void kj_clock_set(struct kj_clock *clock, int64_t wall_ms);
// System only: how far the system's wall clock has stepped away from ours since the last call
// (0 when below 2 s); adopts the new time.
int64_t kj_clock_take_step(struct kj_clock *clock);
// Real milliseconds, whatever the clock: for deadlines of real input and output only.
int64_t kj_clock_real_mono(void);
int64_t kj_clock_real_mono_ns(void);

// "2026-11-20T19:14:52.000Z"; size at least 25.
void kj_time_print(int64_t wall_ms, char *buffer, size_t size);
// RFC 3339 with offset; false when it is not one (or not a real date).
bool kj_time_parse(const char *text, int64_t *wall_ms);
// Proleptic Gregorian calendar, UTC.
struct kj_civil {
    int year, month, day, hour, minute, second, millisecond;
    int weekday; // 0 = Monday … 6 = Sunday
};
void kj_civil_from_ms(int64_t ms, struct kj_civil *civil);
int64_t kj_civil_to_ms(const struct kj_civil *civil); // ignores weekday; fields may overflow

#endif
