// Input: a schema, a NUL, a document (both JSON). Any schema compiles or is refused with a reason;
// any document is judged in bounded time, the same with and without a report.
#include "doc/json.h"
#include "doc/schema.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const bson_t *resolve(void *arg, const char *name)
{
    return strcmp(name, "other") == 0 ? arg : NULL;
}

static void judge(const struct kj_schema *schema, const char *text, size_t length)
{
    struct kj_schema_report report = {0};
    bson_t *doc;
    bool is_array;
    if (kj_json_parse(text, length, NULL, &doc, &is_array, NULL) != 0)
        return;
    int quiet = kj_schema_check(schema, doc, is_array, NULL);
    int loud = kj_schema_check(schema, doc, is_array, &report);
    if (quiet != loud || (loud == 0) != (report.count == 0) || report.count > 50)
        abort();
    for (size_t i = 0; i < report.count; i++)
        if (!report.faults[i].keyword[0] || !report.faults[i].text[0])
            abort();
    kj_schema_report_fini(&report);
    bson_destroy(doc);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *middle = memchr(data, 0, size);
    struct kj_fault fault = {0};
    struct kj_schema *schema;
    bson_t *source;
    if (middle == NULL ||
        kj_json_parse((const char *)data, (size_t)(middle - data), NULL, &source, NULL, NULL) != 0)
        return 0;
    int rc = kj_schema_compile(source, resolve, source, &schema, &fault);
    if (rc != 0 && (schema || !fault.text[0]))
        abort();
    bson_destroy(source); // a compiled schema keeps what it needs
    if (rc == 0)
        judge(schema, (const char *)middle + 1, size - (size_t)(middle + 1 - data));
    kj_schema_destroy(schema);
    return 0;
}
