// Faults in words: where, which keyword, and what a person can do about it.
#include "doc/schema_run.h"

#include "base/alloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_NAMES = 256, MAX_FORMS = 64, SHOWN_NAMES = 8 };

void kj_schema_add_token(struct kj_buf *out, const char *key, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (key[i] == '~')
            kj_buf_adds(out, "~0");
        else if (key[i] == '/')
            kj_buf_adds(out, "~1");
        else
            kj_buf_addc(out, key[i]);
    }
}

static void add_pointer(const struct kj_schema_place *place, struct kj_buf *out)
{
    if (place == NULL)
        return;
    add_pointer(place->parent, out);
    if (place->key == NULL) {
        kj_buf_addf(out, "/%u", place->index);
        return;
    }
    kj_buf_addc(out, '/');
    kj_schema_add_token(out, place->key, place->key_length);
}

// A copy that ends between characters, not inside one.
static void copy_whole(char *to, size_t size, const char *from)
{
    if (kj_copy(to, size, from))
        return;
    size_t length = strlen(to);
    while (length && ((unsigned char)to[length - 1] & 0xc0) == 0x80)
        length--;
    if (length && (unsigned char)to[length - 1] >= 0xc0)
        length--;
    else
        length = strlen(to);
    to[length] = 0;
}

bool kj_schema_fault(struct kj_schema_run *run, const struct kj_schema_place *place,
                     const char *keyword, const char *format, ...)
{
    struct kj_schema_report *report = run->report;
    if (report == NULL || report->count >= report->limit)
        return false;
    report->faults = kj_realloc(report->faults, (report->count + 1) * sizeof *report->faults);
    struct kj_schema_fault *fault = &report->faults[report->count++];
    struct kj_buf pointer;
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    kj_buf_init(&pointer, 0);
    add_pointer(place, &pointer);
    copy_whole(fault->pointer, sizeof fault->pointer, pointer.data);
    copy_whole(fault->keyword, sizeof fault->keyword, keyword);
    copy_whole(fault->text, sizeof fault->text, text);
    kj_buf_fini(&pointer);
    return false;
}

void kj_schema_report_fini(struct kj_schema_report *report)
{
    free(report->faults);
    *report = (struct kj_schema_report){0};
}

// "a string", "a number or null".
static void add_types(uint8_t types, struct kj_buf *out)
{
    static const struct {
        uint8_t types;
        const char *name;
    } names[] = {{KJ_TYPE_STRING, "text"},
                 {KJ_TYPE_INTEGER | KJ_TYPE_REAL, "a number"},
                 {KJ_TYPE_INTEGER, "a whole number"},
                 {KJ_TYPE_REAL, "a number with a fraction"},
                 {KJ_TYPE_BOOL, "true or false"},
                 {KJ_TYPE_OBJECT, "an object"},
                 {KJ_TYPE_ARRAY, "a list"},
                 {KJ_TYPE_NULL, "null"}};
    bool any = false;
    for (size_t i = 0; i < KJ_COUNT(names); i++) {
        if ((types & names[i].types) != names[i].types)
            continue;
        types &= (uint8_t)~names[i].types;
        kj_buf_addf(out, "%s%s", any ? " or " : "", names[i].name);
        any = true;
    }
    if (!any)
        kj_buf_adds(out, "nothing that JSON knows");
}

bool kj_schema_say_type(const struct kj_schema_case *c)
{
    struct kj_buf text;
    if (c->run->report == NULL)
        return false;
    kj_buf_init(&text, 0);
    add_types(c->node->types, &text);
    kj_buf_adds(&text, ", is ");
    if (c->type == KJ_TYPE_BOOL)
        kj_buf_adds(&text, c->value->data[0] ? "true" : "false");
    else
        add_types(c->type, &text);
    kj_schema_fault(c->run, c->place, "type", "must be %s", text.data);
    kj_buf_fini(&text);
    return false;
}

// Three edits make anything of a short word: a suggestion must be closer than that.
static const char *likely(const char *word, const char *const *names, size_t count)
{
    const char *nearest = kj_nearest(word, names, count);
    if (nearest == NULL || strlen(word) > 6 || strlen(nearest) > 6)
        return nearest;
    size_t length = strlen(nearest), same = 0;
    for (const char *at = word; *at; at++)
        same += strchr(nearest, *at) != NULL;
    return same * 3 >= strlen(word) * 2 && same * 3 >= length * 2 ? nearest : NULL;
}

// The values that are text, as candidates for "did you mean".
static const char *nearest_value(const struct kj_schema_case *c)
{
    const struct kj_schema_values *values = c->node->values;
    const char *names[MAX_NAMES];
    size_t count = 0;
    if (c->value->type != BSON_TYPE_UTF8 || c->value->length > 100)
        return NULL;
    for (size_t i = 0; i < values->count && count < MAX_NAMES; i++)
        if (values->list[i].type == BSON_TYPE_UTF8)
            names[count++] = (const char *)values->list[i].data;
    char *word = kj_strndup((const char *)c->value->data, c->value->length);
    const char *nearest = likely(word, names, count);
    free(word);
    return nearest;
}

bool kj_schema_say_values(const struct kj_schema_case *c)
{
    const struct kj_schema_values *values = c->node->values;
    struct kj_buf text;
    if (c->run->report == NULL)
        return false;
    kj_buf_init(&text, 0);
    if (values->has_constant && !kj_element_equal(c->value, &values->constant)) {
        kj_element_write(&values->constant, &text);
        kj_schema_fault(c->run, c->place, "const", "must be %s", text.data);
    } else {
        for (size_t i = 0; i < values->count && text.length < 150; i++) {
            kj_buf_adds(&text, i ? ", " : "");
            kj_element_write(&values->list[i], &text);
            if (text.length >= 150 && i + 1 < values->count)
                kj_buf_adds(&text, ", …");
        }
        const char *nearest = nearest_value(c);
        if (nearest)
            kj_schema_fault(c->run, c->place, "enum", "must be one of %s; did you mean \"%.60s\"?",
                            text.data, nearest);
        else
            kj_schema_fault(c->run, c->place, "enum", "must be one of %s", text.data);
    }
    kj_buf_fini(&text);
    return false;
}

struct names {
    const char *list[MAX_NAMES];
    size_t count;
    int visits; // left, so that a wide schema cannot make this long
};

static void collect_names(const struct kj_schema_node *node, struct names *names, int depth);

static void collect_from_list(const struct kj_schema_node *const *list, size_t count,
                              struct names *names, int depth)
{
    for (size_t i = 0; i < count; i++)
        collect_names(list[i], names, depth);
}

// The names that a schema and those it builds on know, for an object at this place.
static void collect_names(const struct kj_schema_node *node, struct names *names, int depth)
{
    if (node == NULL || depth == 0 || --names->visits < 0)
        return;
    const struct kj_schema_object *object = node->object;
    for (size_t i = 0; object && i < object->entry_count && names->count < MAX_NAMES; i++)
        if (object->entries[i].node)
            names->list[names->count++] = object->entries[i].name.text;
    const struct kj_schema_logic *logic = node->logic;
    if (logic == NULL)
        return;
    const struct kj_schema_node *single[] = {logic->ref, logic->dynamic, logic->then,
                                             logic->otherwise};
    collect_from_list(single, KJ_COUNT(single), names, depth - 1);
    collect_from_list(logic->all, logic->all_count, names, depth - 1);
    collect_from_list(logic->any, logic->any_count, names, depth - 1);
    collect_from_list(logic->one, logic->one_count, names, depth - 1);
}

void kj_schema_say_unknown(const struct kj_schema_case *c, const struct kj_schema_place *place,
                           const char *keyword, const struct kj_element *member)
{
    struct names names = {.visits = 500};
    struct kj_buf text;
    collect_names(c->node, &names, 6);
    const char *nearest =
        member->key_length <= 100 ? likely(member->key, names.list, names.count) : NULL;
    if (nearest && strcmp(nearest, member->key) == 0) { // of a form that does not fit otherwise
        kj_schema_fault(c->run, place, keyword, "does not go with the other fields here");
        return;
    }
    if (nearest) {
        kj_schema_fault(c->run, place, keyword, "unknown field, did you mean \"%.100s\"?", nearest);
        return;
    }
    kj_buf_init(&text, 0);
    for (size_t i = 0; i < names.count && i < SHOWN_NAMES; i++)
        kj_buf_addf(&text, "%s\"%.60s\"", i ? ", " : "; the fields here are ", names.list[i]);
    kj_schema_fault(c->run, place, keyword, "unknown field%s%s", text.data,
                    names.count > SHOWN_NAMES ? ", …" : "");
    kj_buf_fini(&text);
}

// How far off a form is: what contradicts it near the top counts most, since that is where forms
// are told apart.
static size_t distance(const struct kj_schema_report *report, size_t depth)
{
    size_t sum = 0;
    for (size_t i = 0; i < report->count; i++) {
        const struct kj_schema_fault *fault = &report->faults[i];
        size_t below = 0;
        for (const char *at = fault->pointer; *at; at++)
            below += *at == '/';
        bool tells = strcmp(fault->keyword, "const") == 0 || strcmp(fault->keyword, "enum") == 0;
        sum += tells && below <= depth + 1 ? 100 : 1;
        sum += below <= depth && strcmp(fault->keyword, "type") == 0 ? 1000 : 0;
    }
    return sum;
}

static void append(struct kj_schema_report *report, const struct kj_schema_fault *fault)
{
    if (report->count >= report->limit)
        return;
    report->faults = kj_realloc(report->faults, (report->count + 1) * sizeof *report->faults);
    report->faults[report->count++] = *fault;
}

bool kj_schema_say_branches(const struct kj_schema_case *c, const char *keyword,
                            const struct kj_schema_node *const *branches, size_t count)
{
    struct kj_schema_report *report = c->run->report, best = {0};
    size_t best_distance = SIZE_MAX, best_form = 0, depth = 0;
    c->run->failed_branches++;
    if (report == NULL)
        return false;
    for (const struct kj_schema_place *place = c->place; place; place = place->parent)
        depth++;
    for (size_t i = 0; i < count && i < MAX_FORMS; i++) {
        struct kj_schema_report one = {.limit = report->limit};
        c->run->report = &one;
        (void)kj_schema_judge(c->run, branches[i], c->value, c->place, c->scope, NULL);
        size_t away = one.count ? distance(&one, depth) : SIZE_MAX;
        if (away < best_distance) {
            struct kj_schema_report other = best;
            best = one;
            one = other;
            best_distance = away;
            best_form = i + 1;
        }
        kj_schema_report_fini(&one);
    }
    c->run->report = report;
    if (best.count)
        kj_schema_fault(c->run, c->place, keyword,
                        "fits none of the %zu allowed forms; nearest is form %zu, where %s%s%s",
                        count, best_form, best.faults[0].pointer,
                        *best.faults[0].pointer ? " " : "it ", best.faults[0].text);
    else
        kj_schema_fault(c->run, c->place, keyword, "fits none of the %zu allowed forms", count);
    for (size_t i = 1; i < best.count; i++)
        append(report, &best.faults[i]);
    kj_schema_report_fini(&best);
    return false;
}

int kj_schema_check_fault(const struct kj_schema *schema, const bson_t *doc, struct kj_fault *fault)
{
    struct kj_schema_report report = {0};
    char more[48] = "";
    if (kj_schema_check(schema, doc, false, NULL) == KJ_OK)
        return KJ_OK;
    (void)kj_schema_check(schema, doc, false, &report);
    if (report.count > 1)
        snprintf(more, sizeof more, " (and %zu more)", report.count - 1);
    kj_fault(fault, KJ_ESCHEMA, report.faults[0].pointer, NULL, "%s%s", report.faults[0].text,
             more);
    kj_schema_report_fini(&report);
    return KJ_ESCHEMA;
}
