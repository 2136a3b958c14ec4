// Countries by the words that lists use, their weekends and their first languages.
#include "model/phone.h"

#include "base/alloc.h"
#include "base/map.h"
#include "model/country_table.h"
#include "model/fold.h"

#include <ctype.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const struct kj_country_row *by_code(const char *text)
{
    for (size_t i = 0; i < kj_country_table_count; i++) {
        const struct kj_country_row *row = &kj_country_table[i];
        if (strcasecmp(text, row->code) == 0 || strcasecmp(text, row->code3) == 0)
            return row;
    }
    return NULL;
}

// Folded names to rows, built at first use: imports ask for every line.
static struct kj_map by_names;
static pthread_once_t by_names_once = PTHREAD_ONCE_INIT;

static void index_names(void)
{
    struct kj_buf name;
    kj_map_init(&by_names);
    kj_buf_init(&name, 1024);
    for (size_t i = 0; i < kj_country_table_count; i++)
        for (const char *names = kj_country_table[i].names; *names;) {
            size_t length = strcspn(names, "|");
            char *one = kj_strndup(names, length);
            kj_buf_reset(&name);
            kj_fold(one, 0, &name);
            if (kj_map_get(&by_names, name.data) == NULL)
                kj_map_put(&by_names, name.data, (void *)&kj_country_table[i]);
            free(one);
            names += length + (names[length] == '|');
        }
    kj_buf_fini(&name);
}

static const struct kj_country_row *by_name(const char *text)
{
    struct kj_buf folded;
    pthread_once(&by_names_once, index_names);
    kj_buf_init(&folded, 1024);
    kj_fold(text, 0, &folded);
    const struct kj_country_row *found = kj_map_get(&by_names, folded.data);
    kj_buf_fini(&folded);
    return found;
}

bool kj_country_parse(const char *text, char country[4])
{
    country[0] = 0;
    if (text == NULL)
        return false;
    while (isspace((unsigned char)*text))
        text++;
    size_t length = strlen(text);
    while (length && isspace((unsigned char)text[length - 1]))
        length--;
    if (length == 0 || length > 128)
        return false;
    char *trimmed = kj_strndup(text, length);
    const struct kj_country_row *row = by_code(trimmed);
    if (row == NULL && length > 1)
        row = by_name(trimmed);
    free(trimmed);
    if (row)
        kj_copy(country, 4, row->code);
    return row != NULL;
}

static bool among(const char *codes, const char *country)
{
    size_t length = country ? strlen(country) : 0;
    return length == 2 && kj_fold_lists(codes, country, length);
}

unsigned kj_country_weekend(const char *country)
{
    enum { THU = 1 << 3, FRI = 1 << 4, SAT = 1 << 5, SUN = 1 << 6 };
    if (among("AF|IR", country))
        return THU | FRI;
    if (among("BD|BH|DJ|DZ|EG|IL|IQ|JO|KM|KW|LY|MV|OM|PS|QA|SA|SD|SO|SY|YE", country))
        return FRI | SAT;
    if (among("BN", country))
        return FRI | SUN;
    if (among("NP", country))
        return SAT;
    return SAT | SUN;
}

const char *kj_country_language(const char *country)
{
    static const char *const k_spoken[][2] = {
        {"en", "AG|AI|AU|BB|BM|BS|BZ|CA|DM|GB|GD|GG|GH|GI|GU|GY|IE|IM|JE|JM|KN|KY|LC|LR|MS|NG|NZ|"
               "SG|TC|TT|US|VC|VG|VI|ZA|ZM|ZW"},
        {"de", "AT|CH|DE|LI"},
        {"es", "AR|BO|CL|CO|CR|CU|DO|EC|ES|GT|HN|MX|NI|PA|PE|PR|PY|SV|UY|VE"},
        {"fr", "BF|BJ|CI|FR|GA|GF|GP|MC|ML|MQ|NC|NE|PF|PM|RE|SN|TG|YT"},
        {"pt", "AO|BR|CV|GW|MZ|PT|ST"},
        {"it", "IT|SM|VA"},
        {"nl", "AW|BE|CW|NL|SR|SX"},
        {"ar", "AE|BH|DZ|EG|IQ|JO|KW|LB|LY|MA|OM|PS|QA|SA|SD|SY|TN|YE"},
        {"pl", "PL"},
        {"tr", "TR"},
        {"hi", "IN"},
        {"ru", "BY|KZ|RU"},
        {"sv", "SE"},
        {"da", "DK|FO|GL"},
        {"nb", "NO|SJ"},
        {"fi", "FI"},
        {"cs", "CZ"},
        {"sk", "SK"},
        {"hu", "HU"},
        {"ro", "MD|RO"},
        {"bg", "BG"},
        {"hr", "HR"},
        {"sl", "SI"},
        {"el", "CY|GR"},
        {"uk", "UA"},
        {"ja", "JP"},
        {"ko", "KR"},
        {"zh", "CN|HK|MO|TW"},
        {"he", "IL"},
        {"id", "ID"},
        {"vi", "VN"},
        {"th", "TH"},
    };
    for (size_t i = 0; i < KJ_COUNT(k_spoken); i++)
        if (among(k_spoken[i][1], country))
            return k_spoken[i][0];
    return NULL;
}
