// Text made comparable: lower case, no diacritics, one space between words. What people say and
// what lists call their columns is compared in this form only. Pure functions.
#ifndef KJ_FOLD_H
#define KJ_FOLD_H

#include "base/str.h"

// NUMBERS keeps : . / - between digits ("14:30", "24.12."). CASE lowers letters and leaves them
// their marks: "Größe" is "größe", not "grosse".
enum { KJ_FOLD_NUMBERS = 1, KJ_FOLD_CASE = 2 };

// Appends the folded form of `text`: words separated by single spaces, none at the ends. Digits of
// other scripts become ASCII; English contractions are joined ("don't" -> "dont"), other
// apostrophes part words ("n'appelez" -> "n appelez"). Bad UTF-8 counts as a space.
void kj_fold(const char *text, int flags, struct kj_buf *out);
// "a|b|c" holds `word` (both folded).
bool kj_fold_lists(const char *alternatives, const char *word, size_t length);
// The same for names as they are written: each is folded first.
bool kj_fold_names(const char *names, const char *folded);
// Of nearly all text: what needs no closer look.
static inline bool kj_plain_letter(char c)
{
    return (unsigned)((c | 0x20) - 'a') < 26;
}
// One code point, or -1 for a bad sequence; *at moves behind it. The text ends with NUL.
int kj_utf8_next(const char **at);
size_t kj_utf8_count(const char *text); // code points
// How many of the first `size` bytes can be shown without cutting a character; for "%.*s".
int kj_utf8_fit(const char *text, size_t size);

#endif
