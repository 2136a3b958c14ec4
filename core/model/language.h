// Languages by the names and tags that people and lists write.
#ifndef KJ_LANGUAGE_H
#define KJ_LANGUAGE_H

#include <stdbool.h>

// "English", "englisch", "EN", "en-US", "en_US" -> "en". False, and "" in tag, when unknown.
bool kj_language_parse(const char *text, char tag[16]);

#endif
