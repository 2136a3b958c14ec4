// Memory that is there or the process is not (see err.h for why).
#ifndef KJ_ALLOC_H
#define KJ_ALLOC_H

#include <stddef.h>

void *kj_alloc(size_t size); // zeroed
// For types that ask for more than malloc gives (bson_t: 128). Freed by free, never reallocated.
void *kj_alloc_aligned(size_t size, size_t alignment);
void *kj_realloc(void *memory, size_t size);
char *kj_strdup(const char *text);                 // NULL stays NULL
char *kj_strndup(const char *text, size_t length); // always terminated
void *kj_memdup(const void *bytes, size_t length); // length 0 gives a 1-byte block

#define KJ_NEW(type) ((type *)kj_alloc_aligned(sizeof(type), _Alignof(type)))
#define KJ_COUNT(array) (sizeof(array) / sizeof *(array))

#endif
