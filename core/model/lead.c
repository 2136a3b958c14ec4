// A row to a lead. What decides whom we call (number, consent, e-mail, priority) is refused when it
// is wrong; what only decorates (language, zone, WhatsApp) becomes a warning and is left out.
#include "model/lead_row.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "model/fold.h"
#include "model/language.h"
#include "model/window.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void split_name(struct kj_lead_work *work)
{
    char *full = work->text[KJ_L_FULL_NAME];
    if (full == NULL || (work->text[KJ_L_FIRST_NAME] && work->text[KJ_L_LAST_NAME]))
        return;
    if (work->text[KJ_L_FIRST_NAME] || work->text[KJ_L_LAST_NAME]) {
        enum kj_lead_column missing =
            work->text[KJ_L_FIRST_NAME] ? KJ_L_LAST_NAME : KJ_L_FIRST_NAME;
        work->text[missing] = kj_strdup(full);
        return;
    }
    char *comma = strchr(full, ','), *space = strrchr(full, ' ');
    if (comma) { // "Weber, Anna"
        work->text[KJ_L_FIRST_NAME] = kj_lead_trim(comma + 1, strlen(comma + 1));
        work->text[KJ_L_LAST_NAME] = kj_lead_trim(full, (size_t)(comma - full));
    } else if (space) {
        work->text[KJ_L_FIRST_NAME] = kj_lead_trim(full, (size_t)(space - full));
        work->text[KJ_L_LAST_NAME] = kj_lead_trim(space + 1, strlen(space + 1));
    } else
        work->text[KJ_L_FIRST_NAME] = kj_strdup(full);
}

static int check_names(struct kj_lead_work *work)
{
    for (enum kj_lead_column field = KJ_L_FIRST_NAME; field <= KJ_L_LAST_NAME; field++) {
        size_t length = work->text[field] ? kj_utf8_count(work->text[field]) : 0;
        if (length > KJ_LEAD_NAME)
            return kj_lead_too_long(work, kj_lead_column_name(field), length, KJ_LEAD_NAME);
    }
    return KJ_OK;
}

// The country that local numbers are read by: the row's, else the default.
static void number_country(struct kj_lead_work *work, char country[4])
{
    if (work->text[KJ_L_COUNTRY] && kj_country_parse(work->text[KJ_L_COUNTRY], country))
        return;
    if (work->text[KJ_L_COUNTRY])
        kj_lead_warn(work, "country",
                     "not a country, taken from the number:", work->text[KJ_L_COUNTRY]);
    (void)kj_country_parse(work->defaults ? kj_doc_text(work->defaults, "country", "") : "",
                           country);
}

static int take_phone(struct kj_lead_work *work, const char *country)
{
    if (work->text[KJ_L_PHONE] == NULL)
        return kj_fault(work->fault, KJ_EINVAL, "no_phone", "every lead needs a phone number",
                        "the row has no phone number");
    int rc = kj_phone_parse(work->text[KJ_L_PHONE], country, &work->phone, work->fault);
    for (size_t i = 0; i < work->other_count && rc != KJ_OK; i++)
        if (kj_phone_parse(work->other_phones[i], country, &work->phone, NULL) == KJ_OK) {
            kj_lead_warn(work, "phone_number", "another column was used instead of",
                         work->text[KJ_L_PHONE]);
            rc = KJ_OK;
        }
    if (rc != KJ_OK)
        return rc;
    if (!work->phone.valid)
        kj_lead_warn(work, "phone_number", "not known as a valid number:", work->phone.e164);
    if (work->phone.several)
        kj_lead_warn(work, "phone_number", "the first of several in", work->text[KJ_L_PHONE]);
    if (work->phone.extension)
        kj_lead_warn(work, "phone_number", "the extension was left out of", work->text[KJ_L_PHONE]);
    return KJ_OK;
}

static void put_whatsapp(struct kj_lead_work *work, const char *country, bson_t *lead)
{
    struct kj_phone phone;
    if (work->text[KJ_L_WHATSAPP] == NULL)
        return;
    if (kj_phone_parse(work->text[KJ_L_WHATSAPP], country, &phone, NULL) == KJ_OK)
        kj_doc_put_text(lead, "whatsapp_number", phone.e164);
    else
        kj_lead_warn(work, "whatsapp_number", "not a number, left out:", work->text[KJ_L_WHATSAPP]);
}

static bool is_email(const char *text)
{
    const char *at = strchr(text, '@');
    if (at == NULL || at == text || strchr(at + 1, '@') || at - text > 64)
        return false;
    for (const char *p = text; *p; p++)
        if ((unsigned char)*p <= ' ' || strchr("<>()[],;:\\\"", *p))
            return false;
    const char *dot = strrchr(at, '.');
    return dot && dot > at + 1 && strlen(dot) >= 3 && text[0] != '.' && at[-1] != '.' &&
           at[1] != '.' && !strstr(text, "..") && at[1] != '-';
}

static int put_email(struct kj_lead_work *work, bson_t *lead)
{
    const char *email = work->text[KJ_L_EMAIL];
    if (email && !is_email(email))
        return kj_fault(work->fault, KJ_EINVAL, "bad_email", "correct it or leave it empty",
                        "\"%.*s\" is not an e-mail address", kj_utf8_fit(email, 80), email);
    kj_doc_put_text(lead, "email", email);
    return KJ_OK;
}

static int put_priority(struct kj_lead_work *work, bson_t *lead)
{
    static const struct {
        const char *words;
        int value;
    } k_words[] = {
        {"low|niedrig|gering|baja|bajo|basse|bassa|bas|niski|baixa|laag|dusuk", 25},
        {"medium|normal|mittel|media|medio|moyenne|sredni|gemiddeld|orta|default", 50},
        {"high|hoch|alta|alto|haute|wysoki|hoog|yuksek|urgent", 75},
    };
    const char *text = work->text[KJ_L_PRIORITY];
    if (text == NULL)
        return KJ_OK; // left out, so that a second import does not reset it
    struct kj_buf folded;
    int64_t value = -1;
    kj_buf_init(&folded, 1024);
    kj_fold(text, 0, &folded);
    for (size_t i = 0; i < KJ_COUNT(k_words) && value < 0; i++)
        if (kj_fold_lists(k_words[i].words, folded.data, folded.length))
            value = k_words[i].value;
    kj_buf_fini(&folded);
    if (value < 0 && strspn(text, "0123456789") == strlen(text) && strlen(text) <= 3)
        value = atoi(text);
    if (value < 0 || value > 100)
        return kj_fault(work->fault, KJ_EINVAL, "bad_priority", "low, medium, high or 0 to 100",
                        "\"%.*s\" is not a priority", kj_utf8_fit(text, 40), text);
    kj_doc_put_int(lead, "priority", value);
    return KJ_OK;
}

static void put_language(struct kj_lead_work *work, const char *country, bson_t *lead)
{
    char tag[16] = "";
    const char *text = work->text[KJ_L_LANGUAGE];
    if (text && !kj_language_parse(text, tag))
        kj_lead_warn(work, "language", "not known, left out:", text);
    if (tag[0] == 0 && work->defaults)
        (void)kj_language_parse(kj_doc_text(work->defaults, "language", ""), tag);
    if (tag[0] == 0 && kj_country_language(country))
        kj_copy(tag, sizeof tag, kj_country_language(country));
    kj_doc_put_text(lead, "language", tag[0] ? tag : NULL);
}

static void put_zones(struct kj_lead_work *work, bson_t *lead)
{
    const struct kj_zone *zones[KJ_MAX_ZONES];
    const char *text = work->text[KJ_L_TIMEZONE];
    if (text && kj_zone_get(text)) {
        kj_doc_put_text(lead, "timezone", text);
        return;
    }
    if (text)
        kj_lead_warn(work, "timezone", "not known, taken from the number:", text);
    size_t count = kj_zones_of_number(work->phone.e164, work->phone.country, zones, KJ_MAX_ZONES);
    if (count == 1)
        kj_doc_put_text(lead, "timezone", kj_zone_name(zones[0]));
    else if (count > 1) {
        bson_t names = BSON_INITIALIZER;
        struct kj_doc_list list = {.array = &names};
        for (size_t i = 0; i < count; i++)
            kj_doc_put_text(&names, kj_doc_next(&list), kj_zone_name(zones[i]));
        kj_doc_put_array(lead, "timezones", &names);
        bson_destroy(&names);
    } else
        kj_lead_warn(work, "timezone", "no time zone is known for", work->phone.e164);
}

// A full instant, or a day ("2026-03-01": its first second in UTC, or its last as an end).
static bool read_instant(const char *text, bool end, int64_t *at)
{
    char full[40];
    if (kj_time_parse(text, at))
        return true;
    if (strlen(text) != 10)
        return false;
    snprintf(full, sizeof full, "%sT%sZ", text, end ? "23:59:59" : "00:00:00");
    return kj_time_parse(full, at);
}

static int put_consent(struct kj_lead_work *work, bson_t *lead)
{
    bson_t consent = BSON_INITIALIZER;
    const char *given = work->text[KJ_L_CONSENT_AT], *expires = work->text[KJ_L_CONSENT_EXPIRES];
    const char *scope = work->text[KJ_L_CONSENT_SCOPE];
    int64_t at;
    int rc = KJ_OK;
    bool any = false;
    for (enum kj_lead_column field = KJ_L_CONSENT_AT; field <= KJ_L_CONSENT_EXPIRES; field++)
        any |= work->text[field] != NULL;
    if (given && read_instant(given, false, &at))
        kj_doc_put_time(&consent, "at", at);
    else if (any)
        rc = kj_fault(work->fault, KJ_EINVAL, "bad_consent", "write it as 2026-03-01T09:30:00Z",
                      "a consent needs the instant at which it was given");
    kj_doc_put_text(&consent, "text", work->text[KJ_L_CONSENT_TEXT]);
    kj_doc_put_text(&consent, "channel", work->text[KJ_L_CONSENT_CHANNEL]);
    if (scope && strcmp(scope, "calls") && strcmp(scope, "messages") && strcmp(scope, "all"))
        rc = kj_fault(work->fault, KJ_EINVAL, "bad_consent", NULL,
                      "the scope of a consent is calls, messages or all");
    kj_doc_put_text(&consent, "scope", scope);
    if (expires && read_instant(expires, true, &at))
        kj_doc_put_time(&consent, "expires_at", at);
    else if (expires)
        rc = kj_fault(work->fault, KJ_EINVAL, "bad_consent", "write it as 2026-03-01T09:30:00Z",
                      "the end of the consent is not an instant");
    if (any && rc == KJ_OK)
        kj_doc_put_doc(lead, "consent", &consent);
    bson_destroy(&consent);
    return rc;
}

static int put_default_tags(struct kj_lead_work *work)
{
    bson_iter_t at;
    return work->defaults && kj_doc_find(work->defaults, "tags", &at) ? kj_lead_take_tags(work, &at)
                                                                      : KJ_OK;
}

static void put_plain(struct kj_lead_work *work, bson_t *lead)
{
    static const enum kj_lead_column k_plain[] = {KJ_L_FIRST_NAME, KJ_L_LAST_NAME, KJ_L_COMPANY,
                                                  KJ_L_JOB_TITLE,  KJ_L_NOTES,     KJ_L_REFERENCE};
    for (size_t i = 0; i < KJ_COUNT(k_plain); i++)
        if (work->text[k_plain[i]] && work->text[k_plain[i]][0])
            kj_doc_put_text(lead, kj_lead_column_name(k_plain[i]), work->text[k_plain[i]]);
    for (enum kj_lead_column field = KJ_L_SOURCE; field <= KJ_L_LIST; field++) {
        const char *own = work->text[field];
        const char *name = kj_lead_column_name(field);
        kj_doc_put_text(lead, name,
                        own              ? own
                        : work->defaults ? kj_doc_text(work->defaults, name, NULL)
                                         : NULL);
    }
}

static int build(struct kj_lead_work *work, bson_t *lead)
{
    char country[4];
    number_country(work, country);
    split_name(work);
    int rc = check_names(work);
    if (rc == KJ_OK)
        rc = take_phone(work, country);
    if (rc != KJ_OK)
        return rc;
    kj_doc_put_text(lead, "phone_number", work->phone.e164);
    put_whatsapp(work, country[0] ? country : work->phone.country, lead);
    put_plain(work, lead);
    char own[4];
    if (!kj_country_parse(work->text[KJ_L_COUNTRY] ? work->text[KJ_L_COUNTRY] : "", own))
        kj_copy(own, sizeof own, work->phone.country);
    kj_doc_put_text(lead, "country", own[0] ? own : NULL);
    put_language(work, own, lead);
    put_zones(work, lead);
    rc = put_email(work, lead);
    if (rc == KJ_OK)
        rc = put_priority(work, lead);
    if (rc == KJ_OK)
        rc = put_consent(work, lead);
    if (rc == KJ_OK)
        rc = put_default_tags(work);
    if (rc != KJ_OK)
        return rc;
    if (work->tag_list.count)
        kj_doc_put_array(lead, "tags", &work->tags);
    if (work->metadata_count)
        kj_doc_put_doc(lead, "metadata", &work->metadata);
    if (work->warning_list.count)
        kj_doc_put_array(lead, "warnings", &work->warnings);
    return KJ_OK;
}

static void work_fini(struct kj_lead_work *work)
{
    for (size_t i = 0; i < KJ_L_COUNT; i++)
        free(work->text[i]);
    for (size_t i = 0; i < work->other_count; i++)
        free(work->other_phones[i]);
    bson_destroy(&work->metadata);
    bson_destroy(&work->tags);
    bson_destroy(&work->warnings);
}

int kj_lead_from_row(const bson_t *row, const bson_t *defaults, bson_t **lead,
                     struct kj_fault *fault)
{
    struct kj_lead_work work = {.defaults = defaults, .fault = fault};
    bson_t *out = bson_new();
    bson_init(&work.metadata);
    bson_init(&work.tags);
    bson_init(&work.warnings);
    work.tag_list.array = &work.tags;
    work.warning_list.array = &work.warnings;
    int rc = kj_lead_read_row(&work, row);
    if (rc == KJ_OK)
        rc = build(&work, out);
    work_fini(&work);
    *lead = rc == KJ_OK ? out : NULL;
    if (rc != KJ_OK)
        bson_destroy(out);
    return rc;
}
