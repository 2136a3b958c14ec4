// What code alone can say about a transcript, before any model is asked: was a human reached, did
// the callee forbid further calls, when does the callee want to be called back.
#ifndef KJ_FACTS_H
#define KJ_FACTS_H

#include "doc/doc.h"
#include "model/zone.h"

// Word lists per language, deterministic, first of all judges ("stop calling", "rufen Sie nie
// wieder an", DTMF 9). Matches only what the lead said. Appends to `facts`:
//   opt_out {asked: bool, quote, turn}: turns count from 1, as c.transcript does in rules
//   callback {state "ok"|"ambiguous"|"invalid", at, earliest_at, latest_at, quote, turn} when
//   wished
// `transcript` is the array [{speaker, text, start_ms, end_ms}]; `language` "en", "de", "es", "pl"
// …
void kj_facts_from_transcript(const bson_t *transcript, const char *language,
                              const struct kj_zone *zone, int64_t now, bson_t *facts);

// An appointment the lead agreed to in `quote`, said in turn `turn` (from 1): appends appointment
// {state "wished", at, title, quote, turn} to `facts`. Without `at` when the words allow two
// readings; nothing when they are not in the talk or name no time.
void kj_facts_appointment(const bson_t *transcript, const bson_t *said, const char *language,
                          const struct kj_zone *zone, int64_t now, bson_t *facts);

enum kj_wish { KJ_WISH_NONE, KJ_WISH_OK, KJ_WISH_AMBIGUOUS, KJ_WISH_INVALID };
// "tomorrow at two", "next Tuesday morning", "in zwei Stunden", "mañana a las dos": a local time
// span in the lead's zone. Two o'clock without am/pm is 14:00 when a.m. would be outside
// 07:00-21:00.
enum kj_wish kj_wish_parse(const char *text, const char *language, const struct kj_zone *zone,
                           int64_t now, int64_t *at, int64_t *earliest, int64_t *latest);
// The turn that holds `quote` (case, punctuation and white space aside), or -1: evidence by code.
int kj_quote_find(const bson_t *transcript, const char *quote, int named_turn);

#endif
