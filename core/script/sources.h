// The Lua files of a scripts directory, read once: every state of one version is built from the
// same bytes, also when the files change meanwhile. Immutable once loaded; counted; any thread.
#ifndef KJ_SOURCES_H
#define KJ_SOURCES_H

#include "base/map.h"
#include "base/str.h"

struct kj_source {
    char *path; // "rules/solar.lua", relative to the directory
    char *text;
    size_t length;
};

struct kj_sources {
    int references; // atomic
    struct kj_map files;
};

// Reads lib/, rules/ (and one folder a pack) and hooks/. Missing folders are empty ones.
int kj_sources_load(const char *dir, struct kj_sources **sources,
                    struct kj_fault *fault) KJ_MUST_USE;
struct kj_sources *kj_sources_new(void); // for tests: add by hand
void kj_sources_add(struct kj_sources *sources, const char *path, const char *text, size_t length);
struct kj_sources *kj_sources_ref(struct kj_sources *sources);
void kj_sources_unref(struct kj_sources *sources); // NULL is fine
const struct kj_source *kj_sources_get(const struct kj_sources *sources, const char *path);

// SHA-256 as 64 hex digits.
void kj_sha256_hex(const void *bytes, size_t length, char hex[65]);

#endif
