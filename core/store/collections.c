// The table of collections, and how their declared fields are read from documents.
//
// An index costs each write that touches it: fields that never change are cheap, `state` of jobs is
// not. Fields without KJ_ALONE are filtered after another index found the documents.
#include "store/collections.h"

#include "base/alloc.h"

#include <pthread.h>
#include <string.h>

#define KEY(name)                      \
    {                                  \
        name, KJ_FIELD_TEXT, KJ_UNIQUE \
    }
#define TEXT(name, flags)          \
    {                              \
        name, KJ_FIELD_TEXT, flags \
    }
#define INT(name, flags)          \
    {                             \
        name, KJ_FIELD_INT, flags \
    }
#define TIME(name, flags)          \
    {                              \
        name, KJ_FIELD_TIME, flags \
    }

static const struct kj_collection k_collections[KJ_COLL_COUNT] = {
    // Every job passes waiting, running and done, so there is no index over all states: each change
    // would cost a removal and an insertion in it (both indexes, of all states and of kinds, took a
    // third of the rate of inserts and of claims). The claim walks the first (sqlite_claim.c); what
    // is done, and a kind whatever its state, is looked for in the order of ids: beside the writes
    // (stale_ok), about a second for a million jobs at worst.
    [KJ_JOBS] = {"jobs",
                 {KEY("key"), TEXT("state", KJ_WORD), TEXT("kind", KJ_ZERO), TIME("due", KJ_ZERO),
                  INT("priority", KJ_ZERO), INT("campaign_id", KJ_ALONE | KJ_SPARSE),
                  INT("lead_id", KJ_ALONE | KJ_SPARSE), TEXT("host", 0)},
                 {{"claim", {"kind", "-priority", "due"}, "state", "waiting"},
                  {"running", {"host", "workspace"}, "state", "running"},
                  {"failed", {"workspace"}, "state", "failed"},
                  {"dead", {"workspace"}, "state", "dead"},
                  {"parked", {"workspace"}, "state", "parked"},
                  {"campaign_state", {"campaign_id", "state", "workspace"}, "campaign_id", NULL}}},
    [KJ_LEADS] = {"leads",
                  {KEY("phone_number"), TEXT("list", KJ_ALONE | KJ_SPARSE),
                   TEXT("status", KJ_ALONE), TEXT("external_reference", KJ_ALONE | KJ_SPARSE),
                   TEXT("country", 0), TIME("created_at", KJ_ALONE)},
                  {{"workspace", {"workspace"}, NULL, NULL}}},
    [KJ_NUMBERS] = {"numbers", {KEY("key")}},
    [KJ_CALLS] = {"calls",
                  {KEY("key"), INT("job_id", KJ_ALONE | KJ_SPARSE),
                   INT("lead_id", KJ_ALONE | KJ_SPARSE), INT("campaign_id", KJ_ALONE | KJ_SPARSE),
                   TEXT("state", KJ_ALONE), TEXT("disposition", KJ_ALONE | KJ_SPARSE),
                   TIME("created_at", KJ_ALONE)},
                  {{"workspace", {"workspace"}, NULL, NULL},
                   {"campaign_state", {"campaign_id", "state", "workspace"}, "campaign_id", NULL}}},
    [KJ_CAMPAIGNS] = {"campaigns", {KEY("key"), TEXT("name", KJ_ALONE), TEXT("status", KJ_ALONE)}},
    [KJ_ASSISTANTS] = {"assistants", {KEY("key"), INT("group_id", KJ_ALONE), TEXT("language", 0)}},
    [KJ_GROUPS] = {"groups", {KEY("key")}},
    [KJ_TEMPLATES] = {"templates", {KEY("key"), INT("group_id", KJ_ALONE), TEXT("name", KJ_ALONE)}},
    [KJ_PACKS] = {"packs", {KEY("key")}},
    [KJ_WEBHOOKS] = {"webhooks", {KEY("key")}},
    [KJ_MESSAGES] = {"messages",
                     {KEY("key"), INT("job_id", KJ_ALONE | KJ_SPARSE),
                      INT("lead_id", KJ_ALONE | KJ_SPARSE),
                      INT("campaign_id", KJ_ALONE | KJ_SPARSE),
                      TEXT("number", KJ_ALONE | KJ_SPARSE)}},
    [KJ_DECISIONS] = {"decisions",
                      {KEY("key"), INT("job_id", KJ_ALONE | KJ_SPARSE),
                       INT("lead_id", KJ_ALONE | KJ_SPARSE),
                       INT("campaign_id", KJ_ALONE | KJ_SPARSE),
                       INT("call_id", KJ_ALONE | KJ_SPARSE)}},
    [KJ_EVENTS] = {"events", {KEY("key"), TEXT("name", 0)}},
    [KJ_WORKSPACES] = {"workspaces", {KEY("key")}},
    [KJ_TOKENS] = {"tokens", {KEY("key")}},
    [KJ_CONVERSATIONS] = {"conversations", {KEY("key")}},
    [KJ_HOSTS] = {"hosts", {KEY("key")}},
    [KJ_LIMITS] = {"limits", {KEY("key")}},
    [KJ_COUNTERS] = {"counters", {KEY("key")}},
    [KJ_IDEMPOTENCY] = {"idempotency", {KEY("key"), TIME("created_at", KJ_ALONE)}},
    [KJ_PLUGIN_STATE] = {"plugin_state", {KEY("key")}},
    [KJ_META] = {"meta", {KEY("key")}},
};

const struct kj_collection *kj_collection(enum kj_coll coll)
{
    return &k_collections[coll];
}

const char *kj_coll_name(enum kj_coll coll)
{
    return (unsigned)coll < KJ_COLL_COUNT ? k_collections[coll].name : "unknown";
}

int kj_coll_from_name(const char *name)
{
    for (int i = 0; name && i < KJ_COLL_COUNT; i++)
        if (strcmp(k_collections[i].name, name) == 0)
            return i;
    return -1;
}

const struct kj_field *kj_collection_field(enum kj_coll coll, const char *name)
{
    for (const struct kj_field *field = k_collections[coll].fields; field->name; field++)
        if (*field->name == *name && strcmp(field->name, name) == 0)
            return field;
    return NULL;
}

static bool whole(double real)
{
    return real >= -9007199254740992.0 && real <= 9007199254740992.0 &&
           (double)(int64_t)real == real;
}

static bool number_value(const struct kj_element *at, bool real_field, struct kj_value *value)
{
    if (at->type == BSON_TYPE_DOUBLE) {
        value->real = kj_load_real(at->data);
        value->integer = whole(value->real) ? (int64_t)value->real : 0;
        value->kind = real_field ? KJ_VALUE_REAL : KJ_VALUE_INT;
        return real_field || whole(value->real);
    }
    if (!kj_element_int(at, &value->integer))
        return false;
    value->real = (double)value->integer;
    value->kind = real_field ? KJ_VALUE_REAL : KJ_VALUE_INT;
    return true;
}

int kj_field_value(enum kj_coll coll, const struct kj_field *field, const struct kj_element *at,
                   struct kj_value *value, struct kj_fault *fault)
{
    static const char *const k_wanted[] = {"text", "a whole number", "a date", "a number"};
    *value = (struct kj_value){0};
    if (at->type == BSON_TYPE_NULL || at->type == BSON_TYPE_UNDEFINED)
        return 0;
    if (field->type == KJ_FIELD_TEXT && at->type == BSON_TYPE_UTF8 && at->data[at->length] == 0) {
        value->kind = KJ_VALUE_TEXT;
        value->text = (const char *)at->data;
        value->length = at->length;
        return 0;
    }
    if (field->type == KJ_FIELD_TIME && at->type == BSON_TYPE_DATE_TIME) {
        value->kind = KJ_VALUE_INT;
        value->integer = kj_load64(at->data);
        return 0;
    }
    if (field->type != KJ_FIELD_TEXT && number_value(at, field->type == KJ_FIELD_REAL, value))
        return 0;
    return kj_fault(fault, KJ_EINVAL, kj_coll_name(coll), NULL,
                    "Field \"%s\" of %s is indexed and must be %s.", field->name,
                    kj_coll_name(coll), k_wanted[field->type]);
}

// The fields of a collection by the slots of their names: of most members one look tells that they
// are none, and every write looks at all of them. Places count from 1; 0 = no more.
struct by_slot {
    uint64_t bits; // of the stamps, too
    unsigned char first[64], next[KJ_FIELDS_MAX];
    unsigned char lengths[KJ_FIELDS_MAX];
};
static struct by_slot g_by_slot[KJ_COLL_COUNT];

static void fill_slots(void)
{
    static const char *const k_stamps[] = {"_id", "version", "workspace"};
    for (size_t coll = 0; coll < KJ_COLL_COUNT; coll++) {
        const struct kj_field *fields = k_collections[coll].fields;
        struct by_slot *by = &g_by_slot[coll];
        for (size_t i = 0; i < KJ_COUNT(k_stamps); i++)
            by->bits |= kj_key_bit(k_stamps[i], strlen(k_stamps[i]));
        for (size_t i = 0; fields[i].name; i++) {
            by->lengths[i] = (unsigned char)strlen(fields[i].name);
            by->bits |= kj_key_bit(fields[i].name, by->lengths[i]);
            unsigned char *first = &by->first[kj_key_slot(fields[i].name, by->lengths[i])];
            by->next[i] = *first;
            *first = (unsigned char)(i + 1);
        }
    }
}

static const struct kj_field *field_of(enum kj_coll coll, const struct kj_element *member)
{
    const struct kj_field *fields = k_collections[coll].fields;
    const struct by_slot *by = &g_by_slot[coll];
    unsigned at = by->first[kj_key_slot(member->key, member->key_length)];
    while (at &&
           !kj_key_is(member->key, member->key_length, fields[at - 1].name, by->lengths[at - 1]))
        at = by->next[at - 1];
    return at ? &fields[at - 1] : NULL;
}

int kj_collection_values(enum kj_coll coll, const bson_t *doc,
                         struct kj_value values[KJ_FIELDS_MAX], size_t *stamps,
                         struct kj_fault *fault)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct kj_members members = kj_members_in(doc);
    struct kj_element at;
    memset(values, 0, sizeof *values * KJ_FIELDS_MAX);
    *stamps = 0;
    if (members.at == bson_get_data(doc))
        return kj_fault(fault, KJ_EINVAL, kj_coll_name(coll), NULL,
                        "The document for %s is not BSON.", kj_coll_name(coll));
    pthread_once(&once, fill_slots);
    for (;;) {
        members.at = kj_pass_others(members.at, members.end, g_by_slot[coll].bits);
        if (!kj_members_next(&members, &at))
            break;
        const struct kj_field *field = field_of(coll, &at);
        if (field == NULL) {
            *stamps += kj_is_stamp(&at);
            continue;
        }
        int rc =
            kj_field_value(coll, field, &at, &values[field - k_collections[coll].fields], fault);
        if (rc < 0)
            return rc;
    }
    const struct kj_field *fields = k_collections[coll].fields;
    for (size_t i = 0; fields[i].name; i++) {
        if (values[i].kind != KJ_VALUE_NONE || !(fields[i].flags & KJ_ZERO))
            continue;
        values[i].kind = fields[i].type == KJ_FIELD_TEXT ? KJ_VALUE_TEXT : KJ_VALUE_INT;
        values[i].text = "";
    }
    return 0;
}

bool kj_value_equal(const struct kj_value *a, const struct kj_value *b)
{
    if (a->kind != b->kind)
        return false;
    switch (a->kind) {
    case KJ_VALUE_TEXT:
        return a->length == b->length && memcmp(a->text, b->text, a->length) == 0;
    case KJ_VALUE_INT:
        return a->integer == b->integer;
    case KJ_VALUE_REAL:
        return a->real == b->real;
    default:
        return true;
    }
}
