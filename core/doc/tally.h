// How often names were met: a map whose values are the counts, and a document of it.
#ifndef KJ_TALLY_H
#define KJ_TALLY_H

#include "base/map.h"
#include "doc/doc.h"

void kj_tally_add(struct kj_map *tally, const char *name, int64_t more); // NULL and "": nothing
// {name: count}, sorted by name.
void kj_tally_put(bson_t *doc, const char *key, const struct kj_map *tally);

#endif
