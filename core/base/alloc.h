// Memory that is there or the process is not (see err.h for why).
#ifndef KJ_ALLOC_H
#define KJ_ALLOC_H

#include <stddef.h>

void *kj_alloc(size_t size); // zeroed
void *kj_realloc(void *memory, size_t size);
char *kj_strdup(const char *text);                 // NULL stays NULL
char *kj_strndup(const char *text, size_t length); // always terminated
void *kj_memdup(const void *bytes, size_t length); // length 0 gives a 1-byte block

#define KJ_NEW(type) ((type *)kj_alloc(sizeof(type)))
#define KJ_COUNT(array) (sizeof(array) / sizeof *(array))

#endif
