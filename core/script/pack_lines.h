// Which line of a file holds which member of the table given to kejue.rules { … }: Lua does not
// tell, and an error without a line sends a person searching.
#ifndef KJ_PACK_LINES_H
#define KJ_PACK_LINES_H

#include "base/map.h"

#include <stddef.h>

struct kj_lines {
    struct kj_map lines; // "success[2]" -> (void *)line
    // The first key that stands twice in one table, where Lua keeps the second without a word; line
    // 0: none does.
    char twice[200];
    int twice_line, first_line;
};

// `function` is "rules", "hook" or "tests": the first kejue.FUNCTION { … } of the text.
void kj_lines_init(struct kj_lines *lines, const char *text, size_t length, const char *function);
void kj_lines_fini(struct kj_lines *lines);
// The line of the path, or 0.
int kj_lines_find(const struct kj_lines *lines, const char *path);
// The line of the path or of the nearest thing around it that has one; at least 1.
int kj_lines_near(const struct kj_lines *lines, const char *path);

#endif
