// kejue.conf: libconfig text to a checked document, with the line of every value.
#ifndef KJ_CONFIG_H
#define KJ_CONFIG_H

#include "base/map.h"
#include "doc/doc.h"

struct kj_config {
    char path[4096];
    bson_t *doc;         // matches schemas/documents/config
    struct kj_map lines; // JSON Pointer -> line
};

// The fault's place is "kejue.conf:12".
int kj_config_load(const char *path, struct kj_config *config, struct kj_fault *fault) KJ_MUST_USE;
void kj_config_fini(struct kj_config *config);
// "kejue.conf:12" for a pointer, or for the nearest thing around it.
void kj_config_place(const struct kj_config *config, const char *pointer, char *place, size_t size);

#endif
