// The vendors' own schemas and samples, where this machine has them: KEJUE_VENDOR_SPECS, or the
// folder shared/vendor-specs beside the source tree. They are not part of the project.
#ifndef VENDOR_SPECS_H
#define VENDOR_SPECS_H

#include "doc/json.h"
#include "doc/schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

// The folder, or NULL with a line that says what is skipped.
static inline const char *vendor_folder(const char *what)
{
    static char path[1024];
    struct stat about;
    const char *named = getenv("KEJUE_VENDOR_SPECS");
    snprintf(path, sizeof path, "%s", named ? named : KEJUE_SOURCE_DIR "/../shared/vendor-specs");
    if (stat(path, &about) == 0 && S_ISDIR(about.st_mode))
        return path;
    printf("SKIPPED: %s (no vendor specifications at %s; set KEJUE_VENDOR_SPECS)\n", what, path);
    return NULL;
}

// The document at folder/name; ends the test program when it cannot be read. Caller destroys.
static inline bson_t *vendor_json(const char *folder, const char *name)
{
    static const struct kj_json_limits limits = {16 * 1024 * 1024, 1000000, 128};
    char path[1200];
    struct kj_buf text;
    struct kj_fault fault = {0};
    bson_t *doc = NULL;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    kj_buf_init(&text, 0);
    int status = kj_read_file(path, 16 * 1024 * 1024, &text, &fault);
    // JavaScript's rounding of the 64-bit limits, which are no 64-bit numbers any more
    for (char *at = text.data; status == KJ_OK && (at = strstr(at, "9223372036854776000"));)
        memcpy(at, "9223372036854775807", 19);
    if (status != KJ_OK ||
        kj_json_parse(text.data, text.length, &limits, &doc, NULL, &fault) != KJ_OK) {
        fprintf(stderr, "%s: %s %s\n", path, fault.place, fault.text);
        abort();
    }
    kj_buf_fini(&text);
    return doc;
}

static inline struct kj_schema *vendor_schema(const char *folder, const char *name)
{
    struct kj_schema *schema = NULL;
    struct kj_fault fault = {0};
    bson_t *source = vendor_json(folder, name);
    if (kj_schema_compile(source, NULL, NULL, &schema, &fault) != KJ_OK) {
        fprintf(stderr, "%s: %s %s\n", name, fault.place, fault.text);
        abort();
    }
    bson_destroy(source);
    return schema;
}

// True when the document fits; prints the faults where it does not.
static inline bool vendor_fits(const struct kj_schema *schema, const bson_t *doc)
{
    struct kj_schema_report report = {.limit = 8};
    bool fits = kj_schema_check(schema, doc, false, &report) == KJ_OK;
    for (size_t i = 0; i < report.count; i++)
        printf("  %s: %s %s\n", report.faults[i].pointer, report.faults[i].keyword,
               report.faults[i].text);
    kj_schema_report_fini(&report);
    return fits;
}

#endif
