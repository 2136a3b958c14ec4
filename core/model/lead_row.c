// Sorts the columns of a row into fields, metadata and tags, and keeps to the limits.
#include "model/lead_row.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "model/fold.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    k_max_phone = 50,
    k_max_line = 255,
    k_max_notes = 10000,
    k_max_tags = 50,
    k_max_tag = 64,
    k_max_metadata = 100,
    k_max_key = 64,
    k_max_value = 4096,
};

static const struct {
    const char *name;
    size_t longest; // code points
} k_fields[KJ_L_COUNT] = {
    [KJ_L_PHONE] = {"phone_number", k_max_phone},
    [KJ_L_WHATSAPP] = {"whatsapp_number", k_max_phone},
    [KJ_L_FIRST_NAME] = {"first_name", KJ_LEAD_NAME},
    [KJ_L_LAST_NAME] = {"last_name", KJ_LEAD_NAME},
    [KJ_L_FULL_NAME] = {"full_name", 2 * KJ_LEAD_NAME},
    [KJ_L_EMAIL] = {"email", k_max_line},
    [KJ_L_COMPANY] = {"company", k_max_line},
    [KJ_L_JOB_TITLE] = {"job_title", k_max_line},
    [KJ_L_COUNTRY] = {"country", k_max_line},
    [KJ_L_LANGUAGE] = {"language", k_max_line},
    [KJ_L_TIMEZONE] = {"timezone", k_max_line},
    [KJ_L_PRIORITY] = {"priority", k_max_line},
    [KJ_L_NOTES] = {"notes", k_max_notes},
    [KJ_L_REFERENCE] = {"external_reference", k_max_line},
    [KJ_L_SOURCE] = {"source", k_max_line},
    [KJ_L_LIST] = {"list", k_max_line},
    [KJ_L_CONSENT_AT] = {"consent_at", k_max_line},
    [KJ_L_CONSENT_TEXT] = {"consent_text", k_max_value},
    [KJ_L_CONSENT_CHANNEL] = {"consent_channel", k_max_line},
    [KJ_L_CONSENT_SCOPE] = {"consent_scope", k_max_line},
    [KJ_L_CONSENT_EXPIRES] = {"consent_expires_at", k_max_line},
};

const char *kj_lead_column_name(enum kj_lead_column column)
{
    return k_fields[column].name;
}

void kj_lead_warn(struct kj_lead_work *work, const char *field, const char *text, const char *value)
{
    char line[256];
    snprintf(line, sizeof line, "%s: %s%s%.*s%s", field, text, value ? " \"" : "",
             value ? kj_utf8_fit(value, 80) : 0, value ? value : "", value ? "\"" : "");
    kj_doc_put_text(&work->warnings, kj_doc_next(&work->warning_list), line);
}

// --- reading the row ---

char *kj_lead_trim(const char *text, size_t length)
{
    char *out = kj_strndup(text, length);
    size_t to = 0;
    for (const char *at = out; *at;) {
        const char *start = at;
        int c = kj_utf8_next(&at);
        bool space = c == 0xA0 || c == 0xFEFF || c == 0x200B || (c >= 0 && c < 0x20) || c == 0x7F;
        if (space)
            out[to++] = c == '\n' ? '\n' : ' ';
        else if (c >= 0)
            while (start < at)
                out[to++] = *start++;
    }
    out[to] = 0;
    while (to > 0 && isspace((unsigned char)out[to - 1]))
        out[--to] = 0;
    size_t from = strspn(out, " \n");
    memmove(out, out + from, to - (from < to ? from : to) + 1);
    return out;
}

// A value as text: numbers and truth values come typed from the API. NULL for what is no scalar.
static char *text_of(const bson_iter_t *at)
{
    char number[48];
    uint32_t length;
    if (BSON_ITER_HOLDS_UTF8(at)) {
        const char *text = bson_iter_utf8(at, &length);
        return kj_lead_trim(text, length);
    }
    if (BSON_ITER_HOLDS_DATE_TIME(at))
        kj_time_print(bson_iter_date_time(at), number, sizeof number);
    else if (BSON_ITER_HOLDS_INT(at))
        snprintf(number, sizeof number, "%lld", (long long)bson_iter_as_int64(at));
    else if (BSON_ITER_HOLDS_DOUBLE(at))
        snprintf(number, sizeof number, "%.15g", bson_iter_double(at));
    else if (BSON_ITER_HOLDS_BOOL(at))
        snprintf(number, sizeof number, "%s", bson_iter_bool(at) ? "true" : "false");
    else
        return NULL;
    return kj_strdup(number);
}

int kj_lead_too_long(struct kj_lead_work *work, const char *field, size_t length, size_t longest)
{
    return kj_fault(work->fault, KJ_EINVAL, "too_long_field", "shorten it",
                    "%.*s is %zu characters long, at most %zu fit", kj_utf8_fit(field, 60), field,
                    length, longest);
}

static int add_tag(struct kj_lead_work *work, const char *text, size_t length)
{
    char *tag = kj_lead_trim(text, length);
    int rc = KJ_OK;
    size_t size = kj_utf8_count(tag);
    bool known = false;
    bson_iter_t at;
    for (bool more = bson_iter_init(&at, &work->tags); more && bson_iter_next(&at) && !known;)
        known = strcmp(bson_iter_utf8(&at, NULL), tag) == 0;
    if (size > k_max_tag)
        rc = kj_lead_too_long(work, "a tag", size, k_max_tag);
    else if (tag[0] && !known && work->tag_list.count >= k_max_tags)
        rc = kj_fault(work->fault, KJ_EINVAL, "too_long_field", NULL, "there are more than %d tags",
                      k_max_tags);
    else if (tag[0] && !known)
        kj_doc_put_text(&work->tags, kj_doc_next(&work->tag_list), tag);
    free(tag);
    return rc;
}

// "hot, trade fair; 2026" or an array of texts.
int kj_lead_take_tags(struct kj_lead_work *work, const bson_iter_t *at)
{
    bson_iter_t item;
    int rc = KJ_OK;
    if (BSON_ITER_HOLDS_ARRAY(at)) {
        for (bool more = bson_iter_recurse(at, &item);
             more && rc == KJ_OK && bson_iter_next(&item);)
            if (BSON_ITER_HOLDS_UTF8(&item)) {
                const char *text = bson_iter_utf8(&item, NULL);
                rc = add_tag(work, text, strlen(text));
            }
        return rc;
    }
    char *text = text_of(at);
    for (const char *tag = text ? text : ""; *tag && rc == KJ_OK;) {
        size_t length = strcspn(tag, ",;|\n");
        rc = add_tag(work, tag, length);
        tag += length + (tag[length] != 0);
    }
    free(text);
    return rc;
}

// A column nobody knows: kept under its own name, without what a path could not hold.
static int add_metadata(struct kj_lead_work *work, const char *header, const bson_iter_t *at)
{
    char *key = kj_lead_trim(header, strlen(header)), *text = text_of(at);
    int rc = KJ_OK;
    size_t size = kj_utf8_count(key), length = text ? kj_utf8_count(text) : 0;
    for (char *p = key; *p; p++)
        if (*p == '.' || (*p == '$' && p == key))
            *p = '_';
    if (text && text[0] == 0)
        goto done;
    if (size == 0 || size > k_max_key)
        rc = kj_lead_too_long(work, "a column's name", size, k_max_key);
    else if (length > k_max_value)
        rc = kj_lead_too_long(work, key, length, k_max_value);
    else if (work->metadata_count == k_max_metadata)
        rc = kj_fault(work->fault, KJ_EINVAL, "too_long_field", "drop some columns",
                      "there are more than %d columns of your own", k_max_metadata);
    else if (!bson_has_field(&work->metadata, key)) {
        work->metadata_count++;
        if (BSON_ITER_HOLDS_UTF8(at))
            kj_doc_put_text(&work->metadata, key, text);
        else
            bson_append_iter(&work->metadata, key, -1, at);
    }
done:
    free(key);
    free(text);
    return rc;
}

static int take_document(struct kj_lead_work *work, const char *prefix, const bson_iter_t *at)
{
    bson_iter_t item;
    int rc = KJ_OK;
    bool more = bson_iter_recurse(at, &item);
    while (more && rc == KJ_OK && bson_iter_next(&item)) {
        char name[64];
        snprintf(name, sizeof name, "%s%.40s", prefix, bson_iter_key(&item));
        enum kj_lead_column field = 0;
        while (prefix[0] && field < KJ_L_COUNT && strcmp(k_fields[field].name, name) != 0)
            field++;
        if (prefix[0] == 0)
            rc = add_metadata(work, bson_iter_key(&item), &item);
        else if (field < KJ_L_COUNT && work->text[field] == NULL)
            work->text[field] = text_of(&item);
    }
    return rc;
}

static enum kj_lead_column field_of(const char *header)
{
    const char *name = header;
    for (int pass = 0; name && pass < 2; pass++) {
        for (enum kj_lead_column field = 0; field < KJ_L_COUNT; field++)
            if (strcmp(k_fields[field].name, name) == 0)
                return field;
        name = kj_lead_field(header);
    }
    return KJ_L_COUNT;
}

// A column of a known field. The first that says something counts; of phones the others are kept.
static int take_field(struct kj_lead_work *work, enum kj_lead_column field, const char *header,
                      const bson_iter_t *at)
{
    char *text = text_of(at);
    size_t length = text ? kj_utf8_count(text) : 0;
    int rc = KJ_OK;
    if (text == NULL || length == 0)
        free(text);
    else if (length > k_fields[field].longest) {
        rc = kj_lead_too_long(work, k_fields[field].name, length, k_fields[field].longest);
        free(text);
    } else if (work->text[field] == NULL)
        work->text[field] = text;
    else {
        bool phone = field == KJ_L_PHONE && work->other_count < KJ_COUNT(work->other_phones);
        if (phone)
            work->other_phones[work->other_count++] = kj_strdup(text);
        rc = add_metadata(work, header, at);
        free(text);
    }
    return rc;
}

static int take_column(struct kj_lead_work *work, const bson_iter_t *at)
{
    const char *header = bson_iter_key(at);
    if (strcmp(header, "metadata") == 0 && BSON_ITER_HOLDS_DOCUMENT(at))
        return take_document(work, "", at);
    if (strcmp(header, "line") == 0 && BSON_ITER_HOLDS_INT(at))
        return KJ_OK; // where the row stood in its file
    if (strcmp(header, "consent") == 0 && BSON_ITER_HOLDS_DOCUMENT(at))
        return take_document(work, "consent_", at);
    enum kj_lead_column field = field_of(header);
    if (field < KJ_L_COUNT)
        return take_field(work, field, header, at);
    const char *name = kj_lead_field(header);
    if (name && strcmp(name, "tags") == 0)
        return kj_lead_take_tags(work, at);
    return BSON_ITER_HOLDS_NULL(at) ? KJ_OK : add_metadata(work, header, at);
}

int kj_lead_read_row(struct kj_lead_work *work, const bson_t *row)
{
    bson_iter_t at;
    int rc = KJ_OK;
    for (bool more = bson_iter_init(&at, row); more && rc == KJ_OK && bson_iter_next(&at);)
        rc = take_column(work, &at);
    return rc;
}
