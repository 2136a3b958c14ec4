// The address of a record: a path with {fields} of the record, percent-encoded.
//
// CRMs that upsert by an external id want that id in the path ("/sobjects/Lead/Phone__c/{phone}").
// Values come from leads, so everything but unreserved characters is encoded.
#include "crm.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *crm_scalar(const struct kejue_host *host, struct kejue_doc doc, const char *path,
                       char *buffer, size_t size)
{
    const char *text = host->text(doc, path, NULL);
    if (text)
        return text;
    int64_t whole = host->integer(doc, path, INT64_MIN);
    if (whole == INT64_MIN)
        return NULL;
    snprintf(buffer, size, "%lld", (long long)whole);
    return buffer;
}

static size_t encode(char *to, const char *text)
{
    size_t used = 0;
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (isalnum(c) || strchr("-._~", c))
            to[used++] = (char)c;
        else
            used += (size_t)snprintf(to + used, 4, "%%%02X", c);
    }
    return used;
}

char *crm_address(const struct crm_instance *crm, struct kejue_doc record, char *missing)
{
    size_t used = strlen(crm->base);
    char *url = malloc(used + 1);
    if (!url)
        abort();
    memcpy(url, crm->base, used);
    for (const char *p = crm->path; *p;) {
        const char *close = *p == '{' ? strchr(p, '}') : NULL;
        char number[32];
        const char *value = NULL;
        size_t literal = close ? 0 : 1;
        if (close) {
            snprintf(missing, CRM_PATH, "%.*s", (int)(close - p - 1), p + 1);
            value = crm_scalar(crm->host, record, missing, number, sizeof number);
            if (!value || !*value) {
                free(url);
                return NULL;
            }
        }
        url = realloc(url, used + literal + (value ? 3 * strlen(value) : 0) + 1);
        if (!url)
            abort();
        if (value)
            used += encode(url + used, value);
        else
            url[used++] = *p;
        p = close ? close + 1 : p + 1;
    }
    url[used] = '\0';
    return url;
}
