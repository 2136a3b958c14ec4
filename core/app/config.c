// Reads kejue.conf by libconfig, turns the tree into a document and lets the schema judge it, so
// that an unknown key and a wrong type are told the same way as at every other door, with their
// line.
#include "app/config.h"

#include "base/alloc.h"
#include "doc/schema.h"

#include <libconfig.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { k_depth = 16, k_pointer = 512 };

static void note_line(struct kj_config *config, const char *pointer,
                      const config_setting_t *setting)
{
    kj_map_put(&config->lines, pointer, (void *)(uintptr_t)config_setting_source_line(setting));
}

static int put_setting(struct kj_config *config, bson_t *to, const char *key,
                       const config_setting_t *setting, const char *pointer, int depth);

static int put_group(struct kj_config *config, bson_t *to, const config_setting_t *group,
                     const char *pointer, int depth)
{
    bool named = config_setting_type(group) == CONFIG_TYPE_GROUP;
    int count = config_setting_length(group);
    for (int i = 0; i < count; i++) {
        const config_setting_t *member = config_setting_get_elem(group, (unsigned)i);
        char key[24], below[k_pointer];
        snprintf(key, sizeof key, "%d", i);
        const char *name = named ? config_setting_name(member) : key;
        snprintf(below, sizeof below, "%s/%s", pointer, name);
        int rc = put_setting(config, to, name, member, below, depth + 1);
        if (rc != KJ_OK)
            return rc;
    }
    return KJ_OK;
}

static int put_setting(struct kj_config *config, bson_t *to, const char *key,
                       const config_setting_t *setting, const char *pointer, int depth)
{
    bson_t child = BSON_INITIALIZER;
    int type = config_setting_type(setting), rc = KJ_OK;
    if (depth > k_depth || strlen(pointer) > k_pointer - 64)
        rc = KJ_ELIMIT;
    note_line(config, pointer, setting);
    switch (type) {
    case CONFIG_TYPE_INT:
    case CONFIG_TYPE_INT64:
        kj_doc_put_int(to, key, config_setting_get_int64(setting));
        break;
    case CONFIG_TYPE_FLOAT:
        kj_doc_put_real(to, key, config_setting_get_float(setting));
        break;
    case CONFIG_TYPE_BOOL:
        kj_doc_put_bool(to, key, config_setting_get_bool(setting));
        break;
    case CONFIG_TYPE_STRING:
        kj_doc_put_text(to, key, config_setting_get_string(setting));
        break;
    default:
        if (rc == KJ_OK)
            rc = put_group(config, &child, setting, pointer, depth);
        if (type == CONFIG_TYPE_GROUP)
            kj_doc_put_doc(to, key, &child);
        else
            kj_doc_put_array(to, key, &child);
    }
    bson_destroy(&child);
    return rc;
}

void kj_config_place(const struct kj_config *config, const char *pointer, char *place, size_t size)
{
    char at[k_pointer];
    const char *file = strrchr(config->path, '/');
    uintptr_t line = 0;
    kj_copy(at, sizeof at, pointer);
    while ((line = (uintptr_t)kj_map_get(&config->lines, at)) == 0 && at[0]) {
        char *slash = strrchr(at, '/');
        if (slash == NULL)
            break;
        *slash = 0;
    }
    snprintf(place, size, "%s:%zu", file ? file + 1 : config->path, line ? (size_t)line : 1);
}

static int check(struct kj_config *config, struct kj_fault *fault)
{
    struct kj_schema_report report = {0};
    const struct kj_schema *schema = kj_schema_get("documents/config", NULL);
    char place[192];
    if (schema == NULL)
        return kj_fault(fault, KJ_EINTERNAL, "documents/config", NULL, "does not compile");
    if (kj_schema_check(schema, config->doc, false, &report) == KJ_OK)
        return KJ_OK;
    const struct kj_schema_fault *first = &report.faults[0];
    kj_config_place(config, first->pointer, place, sizeof place);
    kj_fault(fault, KJ_ESCHEMA, place, "see the comments in the sample kejue.conf", "%s %s",
             first->pointer[0] ? first->pointer + 1 : "the configuration", first->text);
    kj_schema_report_fini(&report);
    return KJ_ESCHEMA;
}

int kj_config_load(const char *path, struct kj_config *config, struct kj_fault *fault)
{
    config_t tree;
    struct kj_buf text;
    char place[4200];
    *config = (struct kj_config){0};
    kj_copy(config->path, sizeof config->path, path);
    kj_map_init(&config->lines);
    kj_buf_init(&text, 1u << 20);
    config_init(&tree);
    config->doc = bson_new();
    int rc = kj_read_file(path, 1u << 20, &text, fault);
    if (rc == KJ_OK && config_read_string(&tree, text.data) != CONFIG_TRUE) {
        const char *file = strrchr(path, '/');
        snprintf(place, sizeof place, "%s:%d", file ? file + 1 : path, config_error_line(&tree));
        rc = kj_fault(fault, KJ_EPARSE, place, "see the sample kejue.conf", "%s",
                      config_error_text(&tree));
    }
    if (rc == KJ_OK && put_group(config, config->doc, config_root_setting(&tree), "", 0) != KJ_OK)
        rc = kj_fault(fault, KJ_ELIMIT, path, NULL, "is nested more than %d deep", k_depth);
    if (rc == KJ_OK)
        rc = check(config, fault);
    config_destroy(&tree);
    kj_buf_fini(&text);
    if (rc != KJ_OK)
        kj_config_fini(config);
    return rc;
}

void kj_config_fini(struct kj_config *config)
{
    kj_doc_clear(&config->doc);
    kj_map_fini(&config->lines);
}
