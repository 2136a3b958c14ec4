// Several answers to the same form as one: what most of them say, and how many did.
#ifndef KJ_AGREEMENT_H
#define KJ_AGREEMENT_H

#include "doc/doc.h"

// `answers`: {variables, texts, appointment} each. Each variable gets `agreement`, the share of the
// answers with its value; a text on which they do not agree by more than half is null. The caller
// destroys what it gets.
bson_t *kj_agreement(bson_t *const *answers, size_t count);

#endif
