// kejue.time.format: an instant in words, in the lead's zone and language.
#include "base/alloc.h"
#include "base/clock.h"
#include "script/time_lib.h"
#include "script/vm.h"

#include <stdio.h>
#include <string.h>

struct words {
    const char *language;
    const char *days[7];
    const char *months[12];
};

static const struct words k_words[] = {
    {"en",
     {"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"},
     {"January", "February", "March", "April", "May", "June", "July", "August", "September",
      "October", "November", "December"}},
    {"de",
     {"Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag"},
     {"Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober",
      "November", "Dezember"}},
    {"es",
     {"lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo"},
     {"enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre",
      "octubre", "noviembre", "diciembre"}},
};

static const struct words *words_of(const char *language)
{
    for (size_t i = 0; language && i < KJ_COUNT(k_words); i++) {
        if (strncmp(language, k_words[i].language, 2) == 0) {
            return &k_words[i];
        }
    }
    return &k_words[0];
}

static void clock_text(const struct words *words, const struct kj_civil *at, char out[32])
{
    if (words == &k_words[0]) {
        int hour = at->hour % 12 ? at->hour % 12 : 12;
        snprintf(out, 32, "%d:%02d %s", hour, at->minute, at->hour < 12 ? "am" : "pm");
    } else {
        snprintf(out, 32, "%02d:%02d%s", at->hour, at->minute, words == &k_words[1] ? " Uhr" : "");
    }
}

static void long_text(const struct words *words, const struct kj_civil *at, char *out, size_t size)
{
    char clock[32];
    clock_text(words, at, clock);
    const char *day = words->days[at->weekday], *month = words->months[at->month - 1];
    if (words == &k_words[1]) {
        snprintf(out, size, "%s, %d. %s um %s", day, at->day, month, clock);
    } else if (words == &k_words[2]) {
        snprintf(out, size, "%s, %d de %s a las %s", day, at->day, month, clock);
    } else {
        snprintf(out, size, "%s, %d %s at %s", day, at->day, month, clock);
    }
}

static void short_text(const struct words *words, const struct kj_civil *at, char *out, size_t size)
{
    char clock[32];
    clock_text(words, at, clock);
    if (words == &k_words[1]) {
        snprintf(out, size, "%02d.%02d., %s", at->day, at->month, clock);
    } else if (words == &k_words[2]) {
        snprintf(out, size, "%02d/%02d, %s", at->day, at->month, clock);
    } else {
        snprintf(out, size, "%d %.3s, %s", at->day, words->months[at->month - 1], clock);
    }
}

static void date_text(const struct words *words, const struct kj_civil *at, char *out, size_t size)
{
    const char *month = words->months[at->month - 1];
    const char *form = words == &k_words[1]   ? "%d. %s %d"
                       : words == &k_words[2] ? "%d de %s de %d"
                                              : "%d %s %d";
    snprintf(out, size, form, at->day, month, at->year);
}

// format(t, style, language); the language of the call when none is named.
int kj_time_format(lua_State *L)
{
    static const char *const styles[] = {"long", "short", "date", "time", "weekday", "iso", NULL};
    int64_t ms = kj_check_moment(L, 1);
    int style = luaL_checkoption(L, 2, "long", styles);
    const struct words *words = words_of(luaL_optstring(L, 3, kj_vm_of(L)->language));
    struct kj_civil at;
    char out[128] = "";
    kj_local_time(L, ms, &at);
    switch (style) {
    case 0:
        long_text(words, &at, out, sizeof out);
        break;
    case 1:
        short_text(words, &at, out, sizeof out);
        break;
    case 2:
        date_text(words, &at, out, sizeof out);
        break;
    case 3:
        clock_text(words, &at, out);
        break;
    case 4:
        snprintf(out, sizeof out, "%s", words->days[at.weekday]);
        break;
    default:
        kj_time_print(ms, out, sizeof out);
        break;
    }
    lua_pushstring(L, out);
    return 1;
}
