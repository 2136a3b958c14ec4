// Error codes and faults: one table, so that names and numbers cannot drift apart.
#include "base/err.h"

#include <stdio.h>
#include <string.h>

static const struct {
    int code;
    const char *name;
} k_names[] = {
    {KJ_OK, "ok"},
    {KJ_EINVAL, "invalid"},
    {KJ_EPARSE, "parse"},
    {KJ_ESCHEMA, "schema"},
    {KJ_ENOTFOUND, "not_found"},
    {KJ_EEXISTS, "exists"},
    {KJ_ECONFLICT, "conflict"},
    {KJ_EDENIED, "denied"},
    {KJ_ELIMIT, "limit"},
    {KJ_ETIMEDOUT, "timeout"},
    {KJ_ECANCELED, "canceled"},
    {KJ_EUNAVAILABLE, "unavailable"},
    {KJ_EVERSION, "version"},
    {KJ_EIO, "io"},
    {KJ_EINTERNAL, "internal"},
    {KJ_ESTATE, "state"},
    {KJ_EFULL, "full"},
};

int kj_fault(struct kj_fault *fault, int code, const char *place, const char *hint,
             const char *format, ...)
{
    if (fault == NULL)
        return code;
    va_list args;
    fault->code = code;
    snprintf(fault->place, sizeof fault->place, "%s", place ? place : "");
    snprintf(fault->hint, sizeof fault->hint, "%s", hint ? hint : "");
    va_start(args, format);
    vsnprintf(fault->text, sizeof fault->text, format, args);
    va_end(args);
    return code;
}

const char *kj_error_name(int code)
{
    for (size_t i = 0; i < sizeof k_names / sizeof *k_names; i++)
        if (k_names[i].code == code)
            return k_names[i].name;
    return "internal";
}

int kj_error_from_name(const char *name)
{
    for (size_t i = 0; i < sizeof k_names / sizeof *k_names; i++)
        if (strcmp(k_names[i].name, name) == 0)
            return k_names[i].code;
    return KJ_EINTERNAL;
}

void kj_fault_print(const struct kj_fault *fault, char *buffer, size_t size)
{
    size_t length = strlen(fault->text);
    if (fault->hint[0] && length && fault->text[length - 1] == '.')
        length--; // the sentence goes on
    snprintf(buffer, size, "%s%s%.*s%s%s", fault->place, fault->place[0] ? ": " : "", (int)length,
             fault->text, fault->hint[0] ? "; " : "", fault->hint);
}
