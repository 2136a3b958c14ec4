// A row of somebody's list to a lead document: header synonyms, normalisation, reasons for refusal.
#ifndef KJ_LEAD_H
#define KJ_LEAD_H

#include "doc/doc.h"

// The field a header names ("Mobile", "Telefon", "phone number" -> "phone_number"; "Vorname" ->
// "first_name"; …), or NULL: such columns go to metadata under their own name. Besides the fields
// of a lead it may say "full_name" ("Name") and "consent_at", "consent_text" … (lead.consent).
const char *kj_lead_field(const char *header);
// `row` {header or field: text, or a typed value of that field: number, array of tags, document of
// metadata or consent; an integer `line` is skipped}; `defaults` {country, language, source, list,
// tags} may be NULL. Gives *lead: phone_number (E.164), whatsapp_number, first_name, last_name,
// email, company, job_title, country, language, timezone (when the number's zones agree),
// timezones[] (else), priority 0..100, notes, external_reference, tags[], source, list, consent{},
// metadata{}, warnings[] ("field: what was odd"). What the row does not say is left out (a priority
// then counts as 50), but country, language and zones come from the number.
// KJ_EINVAL: fault->place is the reason word (no_phone, not_a_number, no_country, too_short,
// too_long, impossible, bad_email, bad_priority, bad_consent, too_long_field). Any thread; a number
// costs some 50 us, so lists go to the offload pool.
int kj_lead_from_row(const bson_t *row, const bson_t *defaults, bson_t **lead,
                     struct kj_fault *fault) KJ_MUST_USE;

#endif
