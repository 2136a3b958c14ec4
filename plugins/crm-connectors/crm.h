// The inside of the CRM connector: a mapping from a record to the body of somebody's JSON API.
#ifndef CRM_H
#define CRM_H

#include "kejue_plugin.h"

enum { CRM_ROWS = 200, CRM_HEADERS = 16, CRM_DEPTH = 12, CRM_PATH = 200 };

// One row of the mapping: the value at `from` in the record, or the constant `value`, goes to `to`.
struct crm_row {
    char from[CRM_PATH];
    char to[CRM_PATH]; // "properties.phone", "inputs.0.id"
    char *value;       // NULL = by from
    int required;
};

struct crm_call;
struct crm_instance {
    const struct kejue_host *host;
    struct kejue_ctx *ctx;
    char *base, *path; // the address; path may hold {from} parts
    char method[8];
    char id_path[CRM_PATH];
    char event_key[CRM_PATH]; // "" = none
    char auth_scheme[8], auth_header[80];
    int repeatable; // the endpoint does the same for the same request: a resend is safe
    struct {
        char name[80];
        char *value;
    } headers[CRM_HEADERS];
    int header_count;
    struct crm_row *rows;
    int row_count;
    struct crm_call *calls;
};

// --- mapping.c ---
// Sorts the rows so that those with a common beginning of `to` stand together. -1 with a sentence
// when two of them cannot live in one document ("a" and "a.b", or the same twice).
int crm_mapping_prepare(struct crm_row *rows, int count, char *error, size_t error_size);
// Writes the body under "json". -1 with the name of a required field that the record lacks.
int crm_mapping_put(const struct crm_instance *crm, struct kejue_builder *b,
                    struct kejue_doc record, const char **missing);

// --- address.c ---
// base + path with {field} replaced by the record's values, percent-encoded. The caller frees it;
// NULL when a field is missing, `missing` (CRM_PATH bytes) then names it.
char *crm_address(const struct crm_instance *crm, struct kejue_doc record, char *missing);
// Text of a scalar at path: a text, or a number written into buffer. NULL when there is none.
const char *crm_scalar(const struct kejue_host *host, struct kejue_doc doc, const char *path,
                       char *buffer, size_t size);

// --- event.c ---
void crm_event(struct crm_instance *crm, uint64_t op, struct kejue_doc request);

// --- upsert.c ---
void crm_upsert(struct crm_instance *crm, uint64_t op, const char *key, struct kejue_doc request);
void crm_calls_close(struct crm_instance *crm);

#endif
