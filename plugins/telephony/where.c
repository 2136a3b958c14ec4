// Where a number is and what time it is there. A guess by prefix and season is enough for the
// habits of people who do not exist; the engine's real time zones are not the plugin's business.
#include "sim.h"

#include <stdio.h>
#include <string.h>

enum { NO_SUMMER, EUROPE, AMERICA, SOUTH };

struct row {
    const char *prefix;
    int offset; // minutes east, in winter (of the place)
    int summer;
    enum kj_sim_language native; // SIM_LANGUAGE_COUNT = one we do not speak
};

#define OTHER SIM_LANGUAGE_COUNT

// The longest prefix wins.
static const struct row k_places[] = {
    {"+1", -300, AMERICA, SIM_EN},      {"+1206", -480, AMERICA, SIM_EN},
    {"+1213", -480, AMERICA, SIM_EN},   {"+1310", -480, AMERICA, SIM_EN},
    {"+1415", -480, AMERICA, SIM_EN},   {"+1503", -480, AMERICA, SIM_EN},
    {"+1604", -480, AMERICA, SIM_EN},   {"+1619", -480, AMERICA, SIM_EN},
    {"+1702", -480, AMERICA, SIM_EN},   {"+1303", -420, AMERICA, SIM_EN},
    {"+1403", -420, AMERICA, SIM_EN},   {"+1505", -420, AMERICA, SIM_EN},
    {"+1602", -420, NO_SUMMER, SIM_EN}, {"+1801", -420, AMERICA, SIM_EN},
    {"+1204", -360, AMERICA, SIM_EN},   {"+1214", -360, AMERICA, SIM_EN},
    {"+1312", -360, AMERICA, SIM_EN},   {"+1504", -360, AMERICA, SIM_EN},
    {"+1512", -360, AMERICA, SIM_EN},   {"+1612", -360, AMERICA, SIM_EN},
    {"+1713", -360, AMERICA, SIM_EN},   {"+1808", -600, NO_SUMMER, SIM_EN},
    {"+27", 120, NO_SUMMER, SIM_EN},    {"+31", 60, EUROPE, OTHER},
    {"+32", 60, EUROPE, OTHER},         {"+33", 60, EUROPE, OTHER},
    {"+34", 60, EUROPE, SIM_ES},        {"+351", 0, EUROPE, OTHER},
    {"+353", 0, EUROPE, SIM_EN},        {"+358", 120, EUROPE, OTHER},
    {"+39", 60, EUROPE, OTHER},         {"+41", 60, EUROPE, SIM_DE},
    {"+43", 60, EUROPE, SIM_DE},        {"+44", 0, EUROPE, SIM_EN},
    {"+45", 60, EUROPE, OTHER},         {"+46", 60, EUROPE, OTHER},
    {"+47", 60, EUROPE, OTHER},         {"+48", 60, EUROPE, OTHER},
    {"+49", 60, EUROPE, SIM_DE},        {"+51", -300, NO_SUMMER, SIM_ES},
    {"+52", -360, NO_SUMMER, SIM_ES},   {"+54", -180, NO_SUMMER, SIM_ES},
    {"+55", -180, NO_SUMMER, OTHER},    {"+56", -240, SOUTH, SIM_ES},
    {"+57", -300, NO_SUMMER, SIM_ES},   {"+61", 600, SOUTH, SIM_EN},
    {"+618", 570, NO_SUMMER, SIM_EN},   {"+617", 600, NO_SUMMER, SIM_EN},
    {"+64", 720, SOUTH, SIM_EN},        {"+65", 480, NO_SUMMER, SIM_EN},
    {"+81", 540, NO_SUMMER, OTHER},     {"+86", 480, NO_SUMMER, OTHER},
    {"+91", 330, NO_SUMMER, SIM_EN},    {"+971", 240, NO_SUMMER, SIM_EN},
    {"+972", 120, EUROPE, OTHER},
};

// The row with the longest prefix. Most part at the second character.
static const struct row *row_of(const char *to)
{
    const struct row *best = NULL;
    size_t longest = 0;
    for (size_t i = 0; i < sizeof k_places / sizeof *k_places; i++) {
        const char *prefix = k_places[i].prefix;
        size_t length = 0;
        while (prefix[length] && prefix[length] == to[length])
            length++;
        if (prefix[length] == 0 && (!best || length > longest)) {
            best = &k_places[i];
            longest = length;
        }
    }
    return best;
}

enum kj_sim_language kj_sim_native(const char *to)
{
    const struct row *row = row_of(to);
    return row ? row->native : SIM_EN;
}

int64_t kj_sim_days(int year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400, of_era = y - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

void kj_sim_local(int64_t at_ms, int offset_minutes, struct kj_sim_local *local)
{
    int64_t minutes = at_ms / 60000 - (at_ms % 60000 < 0) + offset_minutes;
    int64_t days = minutes / 1440 - (minutes % 1440 < 0);
    int64_t of_day = minutes - days * 1440, z = days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097, of_era = z - era * 146097;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100), m = (5 * of_year + 2) / 153;
    local->day = (int)(of_year - (153 * m + 2) / 5 + 1);
    local->month = (int)(m < 10 ? m + 3 : m - 9);
    local->year = (int)(year + era * 400 + (local->month <= 2));
    local->hour = (int)(of_day / 60);
    local->minute = (int)(of_day % 60);
    local->weekday = (int)(((days + 3) % 7 + 7) % 7); // 1970-01-01 was a Thursday
}

// By whole months: the days in between do not matter here.
static bool summer_time(int rule, int month)
{
    if (rule == EUROPE)
        return month >= 4 && month <= 10;
    if (rule == AMERICA)
        return month >= 4 && month <= 10;
    return rule == SOUTH && (month >= 10 || month <= 3);
}

int kj_sim_offset(const struct kejue_host *host, struct kejue_doc request, const char *to,
                  int64_t at_ms)
{
    const char *path = "context.utc_offset_minutes";
    if (host->has(request, path)) {
        int64_t given = host->integer(request, path, 0);
        if (given >= -840 && given <= 840)
            return (int)given;
    }
    const struct row *row = row_of(to);
    if (!row)
        return 0;
    struct kj_sim_local local;
    kj_sim_local(at_ms, row->offset, &local);
    return row->offset + (summer_time(row->summer, local.month) ? 60 : 0);
}

static bool between(int value, int low, int high)
{
    return value >= low && value <= high;
}

// "Z" or "+02:00": minutes east of UTC.
static bool parse_zone(const char *zone, int64_t *offset)
{
    int hour = 0, minute = 0;
    *offset = 0;
    if (strcmp(zone, "Z") == 0 || strcmp(zone, "z") == 0)
        return true;
    if ((*zone != '+' && *zone != '-') || sscanf(zone + 1, "%2d:%2d", &hour, &minute) != 2)
        return false;
    *offset = (*zone == '-' ? -1 : 1) * (hour * 60 + minute);
    return true;
}

bool kj_sim_parse_time(const char *text, int64_t *wall_ms)
{
    int year, month, day, hour, minute, second, read = 0;
    int64_t offset;
    if (sscanf(text, "%4d-%2d-%2d%*1[Tt ]%2d:%2d:%2d%n", &year, &month, &day, &hour, &minute,
               &second, &read) != 6)
        return false;
    if (!between(month, 1, 12) || !between(day, 1, 31) || !between(hour, 0, 23) ||
        !between(minute, 0, 59) || !between(second, 0, 60))
        return false;
    const char *zone = text + read;
    if (*zone == '.')
        zone += 1 + strspn(zone + 1, "0123456789"); // finer than this carrier cares
    if (!parse_zone(zone, &offset))
        return false;
    int64_t minutes = kj_sim_days(year, month, day) * 1440 + hour * 60 + minute - offset;
    *wall_ms = minutes * 60000 + second * 1000;
    return true;
}
