// Allocation that never returns NULL.
#include "base/alloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *checked(void *memory, size_t size)
{
    if (memory == NULL) {
        fprintf(stderr, "{\"level\":\"fatal\",\"text\":\"out of memory asking for %zu bytes\"}\n",
                size);
        abort();
    }
    return memory;
}

void *kj_alloc(size_t size)
{
    return checked(calloc(1, size ? size : 1), size);
}

void *kj_alloc_aligned(size_t size, size_t alignment)
{
    if (alignment <= _Alignof(max_align_t))
        return kj_alloc(size);
    size_t whole = (size + alignment - 1) / alignment * alignment;
    void *memory = checked(aligned_alloc(alignment, whole), whole);
    return memset(memory, 0, whole);
}

void *kj_alloc_up_to(size_t size, size_t zeroed)
{
    return memset(checked(malloc(size), size), 0, zeroed);
}

void *kj_realloc(void *memory, size_t size)
{
    return checked(realloc(memory, size ? size : 1), size);
}

char *kj_strdup(const char *text)
{
    return text ? kj_memdup(text, strlen(text) + 1) : NULL;
}

char *kj_strndup(const char *text, size_t length)
{
    char *copy = kj_alloc(length + 1);
    memcpy(copy, text, length);
    return copy;
}

void *kj_memdup(const void *bytes, size_t length)
{
    void *copy = kj_alloc(length ? length : 1);
    if (length)
        memcpy(copy, bytes, length);
    return copy;
}
