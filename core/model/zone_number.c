// The zones a number may be in: by its first digits where they decide, else all of its country.
#include "model/zone.h"

#include "base/alloc.h"
#include "base/map.h"
#include "base/str.h"
#include "model/phone.h"
#include "model/window.h"
#include "model/zone_table.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char k_zone_tab[] = "/usr/share/zoneinfo/zone.tab";
static const char k_zone1970_tab[] = "/usr/share/zoneinfo/zone1970.tab";
// Zones that agree from here on count as one (2025-01-01 to 2040-01-01).
static const int64_t k_agree_from = 1735689600000, k_agree_until = 2208988800000;

// The lines of the table: a country (or several, "CH,DE,LI") and a zone.
struct tab_row {
    char countries[64], zone[64];
};

static struct tab_row *tab; // read once, kept
static size_t tab_count;
static pthread_once_t tab_once = PTHREAD_ONCE_INIT;

static void read_tab(void)
{
    struct kj_buf file;
    kj_buf_init(&file, 1 << 20);
    if (kj_read_file(k_zone_tab, 1 << 20, &file, NULL) != KJ_OK)
        (void)!kj_read_file(k_zone1970_tab, 1 << 20, &file, NULL);
    size_t lines = 1;
    for (const char *p = file.data; *p; p++)
        lines += *p == '\n';
    tab = kj_alloc(lines * sizeof *tab);
    char *rest = file.data;
    for (char *line; (line = strsep(&rest, "\n"));) {
        struct tab_row *row = &tab[tab_count];
        if (line[0] != '#' && sscanf(line, "%63s %*s %63s", row->countries, row->zone) == 2)
            tab_count++;
    }
    kj_buf_fini(&file);
}

static bool agree(const struct kj_zone *a, const struct kj_zone *b)
{
    int64_t at = k_agree_from;
    while (at < k_agree_until) {
        int64_t next = kj_zone_next_change(a, at);
        if (kj_zone_offset(a, at) != kj_zone_offset(b, at) || next != kj_zone_next_change(b, at))
            return false;
        at = next;
    }
    return true;
}

struct found {
    const struct kj_zone **zones;
    size_t size, count;
    bool failed;   // a zone that this tzdata does not have
    bool overflow; // more zones than there is room for
};

static void add(struct found *found, const char *name)
{
    const struct kj_zone *zone = kj_zone_get(name);
    if (zone == NULL) {
        found->failed = true;
        return;
    }
    for (size_t i = 0; i < found->count; i++)
        if (agree(found->zones[i], zone))
            return;
    if (found->count < found->size)
        found->zones[found->count++] = zone;
    else
        found->overflow = true;
}

static bool lists_country(const char *countries, const char *country)
{
    for (const char *p = countries; *p; p += p[2] == ',' ? 3 : 2)
        if (strncmp(p, country, 2) == 0)
            return true;
    return false;
}

static void add_country(struct found *found, const char *country)
{
    pthread_once(&tab_once, read_tab);
    if (strlen(country) != 2)
        return;
    for (size_t i = 0; i < tab_count; i++)
        if (lists_country(tab[i].countries, country))
            add(found, tab[i].zone);
}

// "America/Denver America/Phoenix", "@US @CA"
static void add_list(struct found *found, const char *list)
{
    while (*list) {
        char name[64];
        size_t length = strcspn(list, " ");
        snprintf(name, sizeof name, "%.*s", (int)length, list);
        if (name[0] == '@')
            add_country(found, name + 1);
        else
            add(found, name);
        list += length + (list[length] == ' ');
    }
}

// What a list comes to. It is the same for ever, and to tell which of its zones agree is to walk
// the changes of fifteen years: a third of what it took to read a number.
struct known {
    struct found found;
    const struct kj_zone *zones[KJ_MAX_ZONES];
};

static struct kj_map known; // list -> struct known; guarded by known_lock
static bool known_ready;
static pthread_mutex_t known_lock = PTHREAD_MUTEX_INITIALIZER;

static const struct found *found_of(const char *list)
{
    pthread_mutex_lock(&known_lock);
    if (!known_ready)
        kj_map_init(&known);
    known_ready = true;
    struct known *one = kj_map_get(&known, list);
    if (one == NULL) {
        one = KJ_NEW(struct known);
        one->found = (struct found){.zones = one->zones, .size = KJ_MAX_ZONES};
        add_list(&one->found, list);
        kj_map_put(&known, list, one);
    }
    pthread_mutex_unlock(&known_lock);
    return &one->found;
}

// 0 for more than there is room for: a part of the zones would be a wrong answer.
static size_t copy_found(const struct found *found, const struct kj_zone **zones, size_t size)
{
    if (found->overflow || found->count > size)
        return 0;
    memcpy(zones, found->zones, found->count * sizeof *zones);
    return found->count;
}

// The calling code of a number: no code is the start of another, so the first that fits is it.
static const struct kj_zone_row *row_of(const char *digits, const char **national)
{
    const char *code = NULL;
    for (size_t i = 0; i < kj_zone_table_count && code == NULL; i++)
        if (kj_starts_with(digits, kj_zone_table[i].calling_code))
            code = kj_zone_table[i].calling_code;
    if (code == NULL)
        return NULL;
    *national = digits + strlen(code);
    if (strcmp(code, "52") == 0 && (*national)[0] == '1' && strlen(*national) == 11)
        ++*national; // the mobile mark that Mexico gave up in 2019
    return kj_zone_row_find(code, *national);
}

// The caller's country when it can be this number's, else the number's own.
static void own_country(const char *e164, const char *country, char own[4])
{
    struct kj_phone phone;
    char code[8];
    own[0] = 0;
    if (country && strlen(country) == 2) {
        snprintf(code, sizeof code, "%d", kj_country_calling_code(country));
        if (code[0] != '0' && code[0] != '1' && code[0] != '7' && kj_starts_with(e164 + 1, code)) {
            kj_copy(own, 4, country);
            return;
        }
    }
    if (kj_phone_parse(e164, NULL, &phone, NULL) == KJ_OK)
        kj_copy(own, 4, phone.country);
}

size_t kj_zones_of_number(const char *e164, const char *country, const struct kj_zone **zones,
                          size_t size)
{
    const char *national = NULL;
    char own[4], list[8] = "@US @CA"; // an area code younger than the table: either of them
    if (e164 == NULL || e164[0] != '+')
        return 0;
    const struct kj_zone_row *row = row_of(e164 + 1, &national);
    const struct found *found = row ? found_of(row->zones) : NULL;
    if (found && !found->failed)
        return copy_found(found, zones, size);
    own_country(e164, country, own);
    if (strcmp(own, "US") != 0 && strcmp(own, "CA") != 0)
        snprintf(list, sizeof list, "@%s", own);
    return copy_found(found_of(list), zones, size);
}
