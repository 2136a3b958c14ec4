// Phone numbers: any way a list writes them, to E.164 (libphonenumber behind a C shim).
// The metadata is of 2022: only "impossible" refuses a number, "invalid" is a warning. Any thread.
#ifndef KJ_PHONE_H
#define KJ_PHONE_H

#include "base/err.h"

#include <stdbool.h>

struct kj_phone {
    char e164[24];
    char country[4]; // ISO 3166-1 alpha-2, "" when unknown
    bool valid;      // by the metadata at hand
    bool mobile;     // surely or possibly a mobile line
    bool extension;  // the text named an extension; e164 is without it
    bool several;    // the text held more than one number; this is the first
};

// `country` (alpha-2, may be NULL) is for numbers in a local format. KJ_EINVAL; fault->place is the
// reason in one word: empty, not_a_number, no_country, too_short, too_long, impossible.
int kj_phone_parse(const char *text, const char *country, struct kj_phone *phone,
                   struct kj_fault *fault) KJ_MUST_USE;
// alpha-2 from "DE", "DEU", "Germany", "Deutschland"; false when unknown.
bool kj_country_parse(const char *text, char country[4]);
// "+49…" belongs to calling code 49; 0 when the country is unknown.
int kj_country_calling_code(const char *country);
// The language most people there are called in ("de"), or NULL where no single one stands out.
const char *kj_country_language(const char *country);
// "saturday,sunday" or "friday,saturday" …: bit 0 = Monday.
unsigned kj_country_weekend(const char *country);

#endif
