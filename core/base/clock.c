// Clocks and the civil calendar (days algorithm after Howard Hinnant's public description).
#include "base/clock.h"

#include "base/str.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static int64_t read_clock_ns(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t kj_clock_real_mono(void)
{
    return read_clock_ns(CLOCK_BOOTTIME) / 1000000;
}

int64_t kj_clock_real_mono_ns(void)
{
    return read_clock_ns(CLOCK_BOOTTIME);
}

// In nanoseconds: two instants cut to milliseconds each would put our wall clock up to one ahead,
// and jobs would start before they are due. (In this order, so that it is never ahead at all.)
static int64_t wall_ahead_ns(void)
{
    int64_t wall = read_clock_ns(CLOCK_REALTIME);
    return wall - kj_clock_real_mono_ns();
}

void kj_clock_init_system(struct kj_clock *clock)
{
    *clock = (struct kj_clock){.kind = KJ_CLOCK_SYSTEM, .speed = 1};
    clock->wall_ahead_ns = wall_ahead_ns();
    clock->mono_start = kj_clock_real_mono();
}

void kj_clock_init_scaled(struct kj_clock *clock, int64_t wall_start, double speed)
{
    *clock = (struct kj_clock){.kind = KJ_CLOCK_SCALED, .speed = speed, .wall_start = wall_start};
    clock->mono_start = kj_clock_real_mono();
}

void kj_clock_init_virtual(struct kj_clock *clock, int64_t wall_start)
{
    *clock = (struct kj_clock){.kind = KJ_CLOCK_VIRTUAL, .speed = 1, .wall_start = wall_start};
}

int64_t kj_clock_mono(const struct kj_clock *clock)
{
    if (clock->kind == KJ_CLOCK_VIRTUAL)
        return clock->virtual_mono;
    int64_t elapsed = kj_clock_real_mono() - clock->mono_start;
    return clock->kind == KJ_CLOCK_SCALED ? (int64_t)((double)elapsed * clock->speed) : elapsed;
}

int64_t kj_clock_now(const struct kj_clock *clock)
{
    if (clock->kind == KJ_CLOCK_SYSTEM)
        return (kj_clock_real_mono_ns() + clock->wall_ahead_ns) / 1000000;
    return clock->wall_start + kj_clock_mono(clock);
}

void kj_clock_advance_to(struct kj_clock *clock, int64_t mono)
{
    if (clock->kind == KJ_CLOCK_VIRTUAL && mono > clock->virtual_mono)
        clock->virtual_mono = mono;
}

void kj_clock_set(struct kj_clock *clock, int64_t wall_ms)
{
    if (clock->kind != KJ_CLOCK_SYSTEM)
        clock->wall_start += wall_ms - kj_clock_now(clock);
}

int64_t kj_clock_take_step(struct kj_clock *clock)
{
    if (clock->kind != KJ_CLOCK_SYSTEM)
        return 0;
    int64_t ahead = wall_ahead_ns(), step = (ahead - clock->wall_ahead_ns) / 1000000;
    clock->wall_ahead_ns = ahead; // small drift is adopted silently
    return step > 2000 || step < -2000 ? step : 0;
}

static int64_t days_from_civil(int64_t year, int month, int day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t yoe = year - era * 400;
    int64_t doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    return era * 146097 + doe - 719468;
}

int64_t kj_civil_to_ms(const struct kj_civil *c)
{
    int64_t month0 = (int64_t)c->month - 1;
    int64_t year = c->year + (month0 >= 0 ? month0 / 12 : (month0 - 11) / 12);
    int month = (int)(month0 - (year - c->year) * 12) + 1;
    int64_t days = days_from_civil(year, month, 1) + c->day - 1;
    return (((days * 24 + c->hour) * 60 + c->minute) * 60 + c->second) * 1000 + c->millisecond;
}

void kj_civil_from_ms(int64_t ms, struct kj_civil *c)
{
    int64_t days = ms / 86400000, rest = ms % 86400000;
    if (rest < 0) {
        rest += 86400000;
        days--;
    }
    c->weekday = (int)(((days + 3) % 7 + 7) % 7);
    c->hour = (int)(rest / 3600000);
    c->minute = (int)(rest / 60000 % 60);
    c->second = (int)(rest / 1000 % 60);
    c->millisecond = (int)(rest % 1000);
    int64_t z = days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;
    c->day = (int)(doy - (153 * mp + 2) / 5 + 1);
    c->month = (int)(mp < 10 ? mp + 3 : mp - 9);
    c->year = (int)(yoe + era * 400 + (c->month <= 2));
}

static char *put_digits(char *to, int count, int value, char behind)
{
    for (int i = count; i-- > 0; value /= 10)
        to[i] = (char)('0' + value % 10);
    to[count] = behind;
    return to + count + 1;
}

// By hand for the years that have four digits: by snprintf the instants of a job were the dearest
// part of showing it.
void kj_time_print(int64_t wall_ms, char *buffer, size_t size)
{
    struct kj_civil c;
    char text[32];
    kj_civil_from_ms(wall_ms, &c);
    if (c.year < 0 || c.year > 9999) {
        snprintf(buffer, size, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", c.year, c.month, c.day,
                 c.hour, c.minute, c.second, c.millisecond);
        return;
    }
    char *to = put_digits(put_digits(text, 4, c.year, '-'), 2, c.month, '-');
    to = put_digits(put_digits(to, 2, c.day, 'T'), 2, c.hour, ':');
    to = put_digits(put_digits(to, 2, c.minute, ':'), 2, c.second, '.');
    *put_digits(to, 3, c.millisecond, 'Z') = 0;
    kj_copy(buffer, size, text);
}

// Reads exactly `count` digits.
static bool digits(const char **at, int count, int *value)
{
    *value = 0;
    for (int i = 0; i < count; i++, (*at)++) {
        if (!isdigit((unsigned char)**at))
            return false;
        *value = *value * 10 + (**at - '0');
    }
    return true;
}

static bool literal(const char **at, char c)
{
    return **at == c ? ((*at)++, true) : false;
}

static bool parse_offset(const char **at, int *minutes)
{
    *minutes = 0;
    if (**at == 'Z' || **at == 'z') {
        (*at)++;
        return true;
    }
    int sign = **at == '-' ? -1 : 1, hours, mins;
    if (**at != '+' && **at != '-')
        return false;
    (*at)++;
    if (!digits(at, 2, &hours) || !literal(at, ':') || !digits(at, 2, &mins))
        return false;
    *minutes = sign * (hours * 60 + mins);
    return hours < 24 && mins < 60;
}

static bool parse_fraction(const char **at, int *ms)
{
    *ms = 0;
    if (**at != '.')
        return true;
    (*at)++;
    if (!isdigit((unsigned char)**at))
        return false;
    for (int scale = 100; isdigit((unsigned char)**at); (*at)++, scale /= 10)
        *ms += (**at - '0') * scale;
    return true;
}

static bool parse_date(const char **at, struct kj_civil *c)
{
    return digits(at, 4, &c->year) && literal(at, '-') && digits(at, 2, &c->month) &&
           literal(at, '-') && digits(at, 2, &c->day) && c->month >= 1 && c->month <= 12 &&
           c->day >= 1;
}

static bool parse_clock(const char **at, struct kj_civil *c)
{
    return digits(at, 2, &c->hour) && literal(at, ':') && digits(at, 2, &c->minute) &&
           literal(at, ':') && digits(at, 2, &c->second) && parse_fraction(at, &c->millisecond) &&
           c->hour <= 23 && c->minute <= 59 && c->second <= 60;
}

bool kj_time_parse(const char *text, int64_t *wall_ms)
{
    struct kj_civil c = {0}, back;
    const char *at = text;
    int offset;
    if (!parse_date(&at, &c) || (*at != 'T' && *at != 't' && *at != ' '))
        return false;
    at++;
    if (!parse_clock(&at, &c) || !parse_offset(&at, &offset) || *at)
        return false;
    int64_t ms = kj_civil_to_ms(&c);
    kj_civil_from_ms(ms - (c.second == 60 ? 1000 : 0), &back); // a 31st of June comes back as July
    if (back.day != c.day || back.month != c.month)
        return false;
    *wall_ms = ms - (int64_t)offset * 60000;
    return true;
}
