// Memory that is there or the process is not (see err.h for why).
#ifndef KJ_ALLOC_H
#define KJ_ALLOC_H

#include <stddef.h>

void *kj_alloc(size_t size); // zeroed
// For types that ask for more than malloc gives (bson_t: 128). Freed by free, never reallocated.
void *kj_alloc_aligned(size_t size, size_t alignment);
// Only the first `zeroed` bytes are cleared, the others not touched: with hundreds of jobs or
// requests under way, rooms for faults that nobody fills would push all else out of the caches.
void *kj_alloc_up_to(size_t size, size_t zeroed);
void *kj_realloc(void *memory, size_t size);
char *kj_strdup(const char *text);                 // NULL stays NULL
char *kj_strndup(const char *text, size_t length); // always terminated
void *kj_memdup(const void *bytes, size_t length); // length 0 gives a 1-byte block

#define KJ_NEW(type) ((type *)kj_alloc_aligned(sizeof(type), _Alignof(type)))
// Zero up to the member.
#define KJ_NEW_UP_TO(type, member) ((type *)kj_alloc_up_to(sizeof(type), offsetof(type, member)))
#define KJ_COUNT(array) (sizeof(array) / sizeof *(array))

#endif
