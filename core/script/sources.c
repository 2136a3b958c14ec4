// Reads the scripts directory: lib/*.lua, rules/*.lua and one folder a pack, hooks/*.lua. Only
// plain files with plain names are taken, in sorted order.
#include "script/sources.h"

#include "base/alloc.h"

#include <dirent.h>
#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { MAX_SOURCE = 1024 * 1024, MAX_SOURCES = 2000, MAX_DEPTH = 2 };

struct kj_sources *kj_sources_new(void)
{
    struct kj_sources *sources = KJ_NEW(struct kj_sources);
    sources->references = 1;
    kj_map_init(&sources->files);
    return sources;
}

static void source_free(struct kj_source *source)
{
    if (source) {
        free(source->path);
        free(source->text);
        free(source);
    }
}

void kj_sources_add(struct kj_sources *sources, const char *path, const char *text, size_t length)
{
    struct kj_source *source = KJ_NEW(struct kj_source);
    source->path = kj_strdup(path);
    source->text = kj_strndup(text, length);
    source->length = length;
    source_free(kj_map_put(&sources->files, path, source));
}

struct kj_sources *kj_sources_ref(struct kj_sources *sources)
{
    __atomic_add_fetch(&sources->references, 1, __ATOMIC_RELAXED);
    return sources;
}

void kj_sources_unref(struct kj_sources *sources)
{
    if (!sources || __atomic_sub_fetch(&sources->references, 1, __ATOMIC_ACQ_REL) > 0) {
        return;
    }
    size_t at = 0;
    const char *path;
    void *source;
    while (kj_map_next(&sources->files, &at, &path, &source)) {
        source_free(source);
    }
    kj_map_fini(&sources->files);
    free(sources);
}

const struct kj_source *kj_sources_get(const struct kj_sources *sources, const char *path)
{
    return sources ? kj_map_get(&sources->files, path) : NULL;
}

static bool plain_name(const char *name)
{
    return name[0] != '.' && name[0] != '\0' &&
           name[strspn(
               name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.")] == '\0';
}

static bool is_lua(const char *name)
{
    size_t length = strlen(name);
    return length > 4 && strcmp(name + length - 4, ".lua") == 0;
}

static int take_file(struct kj_sources *sources, const char *full, const char *path,
                     struct kj_fault *fault)
{
    struct kj_buf text;
    kj_buf_init(&text, 0);
    int status = kj_read_file(full, MAX_SOURCE, &text, fault);
    if (status == 0 && sources->files.count >= MAX_SOURCES) {
        status = kj_fault(fault, KJ_ELIMIT, path, NULL, "more than %d script files", MAX_SOURCES);
    }
    if (status == 0) {
        kj_sources_add(sources, path, text.data ? text.data : "", text.length);
    }
    kj_buf_fini(&text);
    return status;
}

static int take_folder(struct kj_sources *sources, const char *dir, const char *folder, int depth,
                       struct kj_fault *fault)
{
    char full[1024];
    snprintf(full, sizeof full, "%s/%s", dir, folder);
    struct dirent **entries = NULL;
    int count = scandir(full, &entries, NULL, alphasort);
    if (count < 0) {
        return errno == ENOENT ? 0
                               : kj_fault(fault, KJ_EIO, full, NULL, "cannot read this folder: %s",
                                          strerror(errno));
    }
    int status = 0;
    for (int i = 0; i < count; i++) {
        const char *name = entries[i]->d_name;
        char path[512], file[1024 + 512];
        struct stat about;
        snprintf(path, sizeof path, "%s/%s", folder, name);
        snprintf(file, sizeof file, "%s/%s", dir, path);
        if (status == 0 && plain_name(name) && stat(file, &about) == 0) {
            if (S_ISDIR(about.st_mode) && depth < MAX_DEPTH) {
                status = take_folder(sources, dir, path, depth + 1, fault);
            } else if (S_ISREG(about.st_mode) && is_lua(name)) {
                status = take_file(sources, file, path, fault);
            }
        }
        free(entries[i]);
    }
    free(entries);
    return status;
}

int kj_sources_load(const char *dir, struct kj_sources **out, struct kj_fault *fault)
{
    static const char *const folders[] = {"lib", "rules", "hooks"};
    struct stat about;
    *out = NULL;
    if (stat(dir, &about) != 0 || !S_ISDIR(about.st_mode)) {
        return kj_fault(fault, KJ_ENOTFOUND, dir, "name the folder that holds rules/ and hooks/",
                        "there is no such folder");
    }
    struct kj_sources *sources = kj_sources_new();
    for (size_t i = 0; i < KJ_COUNT(folders); i++) {
        int status = take_folder(sources, dir, folders[i], 1, fault);
        if (status) {
            kj_sources_unref(sources);
            return status;
        }
    }
    *out = sources;
    return 0;
}

void kj_sha256_hex(const void *bytes, size_t length, char hex[65])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    if (!EVP_Digest(bytes, length, digest, &size, EVP_sha256(), NULL)) {
        size = 0;
    }
    for (unsigned int i = 0; i < 32; i++) {
        snprintf(hex + 2 * i, 3, "%02x", i < size ? digest[i] : 0);
    }
}
