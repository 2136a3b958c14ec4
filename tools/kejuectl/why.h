// What the files of "why" share.
#ifndef CTL_WHY_H
#define CTL_WHY_H

#include "ctl.h"

bool why_begin(const bson_t *doc, const char *path, bson_t *list, bson_iter_t *at);
bool why_next(bson_iter_t *at, bson_t *doc); // the next that is a document
void why_time(struct kj_buf *out, const bson_t *doc, const char *path);
void why_title(const struct ctl *ctl, struct kj_buf *out, const char *title, size_t count);
// `before` and the value, when there is one.
void why_part(struct kj_buf *out, const char *before, const bson_t *doc, const char *path);
// why_rules.c: what was decided after each call, by which lines, on which evidence.
void why_decisions(const struct ctl *ctl, struct kj_buf *out, const bson_t *result);

#endif
