// Does a sentence forbid further calls? Phrase lists per language, in a small pattern language.
#ifndef KJ_OPTOUT_H
#define KJ_OPTOUT_H

#include <stdbool.h>

// Pattern: items parted by spaces, over folded words. "a|b" one of them, "?a" may be missing,
// "ab~" any word that starts so, "*" up to three words, "^" and "$" start and end of the turn.
// "!" at the end: not when one of `spoilers` follows ("don't call me" + "before nine"). "%" at the
// start: not right after one of `negations` ("don't" + "stop calling"). "&" at the start: not right
// after one of `subjects` ("why" + "don't you call me"): that tells of somebody, it asks nothing.
struct kj_optout_list {
    const char *language;
    const char *polite;   // left out before matching: "please|bitte"
    const char *spoilers; // words that turn a refusal into a restriction
    const char *negations, *subjects;
    const char *const *patterns; // ends with NULL
};

extern const struct kj_optout_list kj_optout_lists[]; // ends with a NULL language

// All lists are asked, the given language first: people refuse in the language they think in.
bool kj_optout_asked(const char *text, const char *language);

#endif
