// A plugin's shared object: opened, its version judged before anything is called, its data checked.
//
// Used by the host and by `kejue-plugin check`, which lists every fault instead of the first.
// (Constructors of the shared object run when it is opened; that is why plugins have none.)
#ifndef KJ_PLUGIN_FILE_H
#define KJ_PLUGIN_FILE_H

#include "doc/doc.h"
#include "doc/schema.h"

#include "abi/kejue_plugin.h"

struct kj_plugin_file {
    void *handle;
    char *path;
    struct kejue_plugin decl; // a copy: fields that an older plugin lacks are zero
    size_t size;              // as the plugin says
};

// `name` is a path (with a slash) or a name under `dir`. KJ_ENOTFOUND, KJ_EINVAL (no such symbol,
// not a shared object), KJ_EVERSION with both versions.
int kj_plugin_file_open(const char *name, const char *dir, struct kj_plugin_file **file,
                        struct kj_fault *fault) KJ_MUST_USE;
void kj_plugin_file_close(struct kj_plugin_file *file);

// Every fault of the data, one by one: names, schemas, references between the lists. Returns how
// many there were. `found` may be NULL (just count).
typedef void kj_plugin_found(void *arg, const char *place, const char *text);
size_t kj_plugin_file_check(const struct kj_plugin_file *file, kj_plugin_found *found, void *arg);

// For kj_schema_compile: finds "documents/lead.json" among the embedded schemas.
const bson_t *kj_plugin_resolve(void *arg, const char *name);
// The schema in a declaration: JSON text, the name of a file under schemas/ (its `member`), or NULL
// = any. *schema is what to check with; *own is set when the caller must destroy it.
int kj_plugin_schema(const char *declared, const char *member, const struct kj_schema **schema,
                     struct kj_schema **own, struct kj_fault *fault) KJ_MUST_USE;
// The configuration schema's source, as a document the caller destroys; empty when none is given.
int kj_plugin_config_source(const struct kejue_plugin *decl, bson_t **source,
                            struct kj_fault *fault) KJ_MUST_USE;

#endif
