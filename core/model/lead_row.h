// A lead under construction: the row's columns sorted into fields (lead_row.c), from which lead.c
// builds the document.
#ifndef KJ_LEAD_ROW_H
#define KJ_LEAD_ROW_H

#include "model/lead.h"
#include "model/phone.h"

enum { KJ_LEAD_NAME = 100 }; // characters of a first or last name

enum kj_lead_column {
    KJ_L_PHONE,
    KJ_L_WHATSAPP,
    KJ_L_FIRST_NAME,
    KJ_L_LAST_NAME,
    KJ_L_FULL_NAME,
    KJ_L_EMAIL,
    KJ_L_COMPANY,
    KJ_L_JOB_TITLE,
    KJ_L_COUNTRY,
    KJ_L_LANGUAGE,
    KJ_L_TIMEZONE,
    KJ_L_PRIORITY,
    KJ_L_NOTES,
    KJ_L_REFERENCE,
    KJ_L_SOURCE,
    KJ_L_LIST,
    KJ_L_CONSENT_AT,
    KJ_L_CONSENT_TEXT,
    KJ_L_CONSENT_CHANNEL,
    KJ_L_CONSENT_SCOPE,
    KJ_L_CONSENT_EXPIRES,
    KJ_L_COUNT
};

// A lead under construction. Texts are trimmed copies.
struct kj_lead_work {
    char *text[KJ_L_COUNT];
    char *other_phones[4]; // of further phone columns, in their order
    size_t other_count;
    bson_t metadata, tags, warnings;
    size_t metadata_count;
    struct kj_doc_list tag_list, warning_list;
    const bson_t *defaults;
    struct kj_phone phone;
    struct kj_fault *fault;
};

// Sorts the row into `work`. KJ_EINVAL with the reason in work->fault.
int kj_lead_read_row(struct kj_lead_work *work, const bson_t *row) KJ_MUST_USE;
int kj_lead_take_tags(struct kj_lead_work *work, const bson_iter_t *at) KJ_MUST_USE;
void kj_lead_warn(struct kj_lead_work *work, const char *field, const char *text,
                  const char *value);
int kj_lead_too_long(struct kj_lead_work *work, const char *field, size_t length, size_t longest);
const char *kj_lead_column_name(enum kj_lead_column column);
// Without white space (also no-break) at both ends and without control characters; never NULL.
char *kj_lead_trim(const char *text, size_t length);

#endif
