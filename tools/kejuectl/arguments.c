// Words of the command line to a command's arguments: key=value, a.b=value for what lies deeper,
// key@=FILE for long texts; over a whole document from -f. The request's schema says whether
// "5" is a number or a text.
#include "ctl.h"

#include <stdlib.h>
#include <string.h>

enum { k_input = 64 << 20 };

bool ctl_read_input(const char *path, struct kj_buf *text, struct kj_fault *fault)
{
    if (strcmp(path, "-") != 0)
        return kj_read_file(path, k_input, text, fault) == KJ_OK;
    for (;;) {
        char *room = kj_buf_room(text, 65536);
        size_t got = room ? fread(room, 1, 65536, stdin) : 0;
        text->length += got;
        if (got == 0)
            break;
    }
    if (text->failed)
        kj_fault(fault, KJ_ELIMIT, "standard input", "send it in parts", "is larger than %d MiB",
                 k_input >> 20);
    return !text->failed;
}

// Puts the one value of a parsed {"v": …} under key.
static bool put_json(bson_t *doc, const char *key, const char *text, const bson_t *schema)
{
    static const struct {
        bson_type_t type;
        const char *names[2];
    } k_types[] = {
        {BSON_TYPE_INT32, {"integer", "number"}}, {BSON_TYPE_INT64, {"integer", "number"}},
        {BSON_TYPE_DOUBLE, {"number", "number"}}, {BSON_TYPE_BOOL, {"boolean", "boolean"}},
        {BSON_TYPE_NULL, {"null", "null"}},       {BSON_TYPE_DOCUMENT, {"object", "object"}},
        {BSON_TYPE_ARRAY, {"array", "array"}}};
    struct kj_json_limits limits = {k_input, 600000, 34};
    struct kj_buf whole;
    bson_t *parsed = NULL;
    bson_iter_t at;
    bool put = false;
    kj_buf_init(&whole, 0);
    kj_buf_addf(&whole, "{\"v\":%s}", text);
    if (kj_json_parse(whole.data, whole.length, &limits, &parsed, NULL, NULL) == KJ_OK &&
        bson_count_keys(parsed) == 1 && bson_iter_init_find(&at, parsed, "v"))
        for (size_t i = 0; i < KJ_COUNT(k_types); i++)
            if (bson_iter_type(&at) == k_types[i].type)
                put = schema == NULL || ctl_allows(schema, k_types[i].names[0]) ||
                      ctl_allows(schema, k_types[i].names[1]);
    if (put)
        kj_doc_put_from(doc, key, parsed, "v");
    if (parsed)
        bson_destroy(parsed);
    kj_buf_fini(&whole);
    return put;
}

static void put_list(bson_t *doc, const char *key, const char *text, const bson_t *schema)
{
    bson_t array = BSON_INITIALIZER, items;
    struct kj_doc_list list = {&array};
    bool typed = kj_doc_child(schema, "items", &items) && ctl_typed(&items);
    while (*text) {
        size_t length = strcspn(text, ",");
        char *item = kj_strndup(text, length);
        const char *index = kj_doc_next(&list);
        if ((typed && ctl_allows(&items, "string")) || !put_json(&array, index, item, NULL))
            kj_doc_put_text(&array, index, item);
        free(item);
        text += length + (text[length] == ',');
    }
    kj_doc_put_array(doc, key, &array);
    bson_destroy(&array);
}

// A text stays one where the schema takes texts alone; what is no JSON of an allowed kind is sent
// as text, and the daemon says what is wrong with it.
static void put_value(bson_t *doc, const char *key, const char *text, const bson_t *schema)
{
    bool only_text = schema && ctl_typed(schema) && ctl_allows(schema, "string") &&
                     !ctl_allows(schema, "integer") && !ctl_allows(schema, "number") &&
                     !ctl_allows(schema, "boolean") && !ctl_allows(schema, "object") &&
                     !ctl_allows(schema, "array");
    if (only_text)
        kj_doc_put_text(doc, key, text);
    else if (put_json(doc, key, text, schema))
        return;
    else if (schema && ctl_typed(schema) && ctl_allows(schema, "array") &&
             !ctl_allows(schema, "string"))
        put_list(doc, key, text, schema);
    else
        kj_doc_put_text(doc, key, text);
}

// "a.b=1" as {"a": {"b": 1}}; `raw`: the text as it is.
static void put_path(bson_t *doc, const char *path, const char *text, const bson_t *schema,
                     bool raw)
{
    size_t length = strcspn(path, ".");
    char *name = kj_strndup(path, length);
    bson_t property, child = BSON_INITIALIZER;
    bool known = schema && ctl_property(schema, name, &property);
    if (path[length]) {
        put_path(&child, path + length + 1, text, known ? &property : NULL, raw);
        kj_doc_put_doc(doc, name, &child);
    } else if (raw)
        kj_doc_put_text(doc, name, text);
    else
        put_value(doc, name, text, known ? &property : NULL);
    bson_destroy(&child);
    free(name);
}

static int put_file(bson_t *doc, const char *key, const char *path)
{
    struct kj_buf text;
    struct kj_fault fault;
    int code = CTL_OK;
    kj_buf_init(&text, k_input);
    if (!ctl_read_input(path, &text, &fault))
        code = ctl_say_fault(CTL_USAGE, &fault);
    else if (text.length &&
             (!kj_utf8_valid(text.data, text.length) || memchr(text.data, 0, text.length)))
        code = ctl_say(CTL_USAGE, path, NULL, "is not UTF-8 text");
    else
        put_path(doc, key, text.length ? text.data : "", NULL, true);
    kj_buf_fini(&text);
    return code;
}

// `one` over `base`, at every depth; unlike kj_doc_merge a null is a value here.
static bson_t *laid_over(const bson_t *base, const bson_t *one)
{
    bson_t *result = bson_new();
    bson_iter_t at, other;
    for (bson_iter_init(&at, base); bson_iter_next(&at);) {
        bson_t below, above;
        const char *key = bson_iter_key(&at);
        if (!bson_iter_init_find(&other, one, key)) {
            bson_append_iter(result, key, -1, &at);
        } else if (kj_doc_at(&at, &below) && kj_doc_at(&other, &above)) {
            bson_t *merged = laid_over(&below, &above);
            kj_doc_put_doc(result, key, merged);
            bson_destroy(merged);
        } else
            bson_append_iter(result, key, -1, &other);
    }
    for (bson_iter_init(&other, one); bson_iter_next(&other);)
        if (!bson_has_field(base, bson_iter_key(&other)))
            bson_append_iter(result, bson_iter_key(&other), -1, &other);
    return result;
}

// A word without "=" is the argument that the command must have when there is one alone, or the id
// or key of what it speaks of.
static const char *main_argument(const bson_t *request, const char *word)
{
    bson_t required, property;
    bson_iter_t at;
    bool needs = kj_doc_child(request, "required", &required) && bson_count_keys(&required) > 0;
    if (needs && bson_count_keys(&required) == 1 && bson_iter_init(&at, &required) &&
        bson_iter_next(&at) && BSON_ITER_HOLDS_UTF8(&at))
        return bson_iter_utf8(&at, NULL);
    if (needs || !ctl_property(request, "id", &property))
        return NULL;
    bool number = word[0] && strspn(word, "0123456789") == strlen(word);
    return !number && ctl_property(request, "key", &property) ? "key" : "id";
}

static int put_word(const char *word, const bson_t *request, bson_t *doc)
{
    const char *equals = strchr(word, '=');
    const char *alone = request ? main_argument(request, word) : NULL;
    if (equals == NULL && alone) {
        put_path(doc, alone, word, request, false);
        return CTL_OK;
    }
    if (equals == NULL || equals == word || (equals == word + 1 && word[0] == '@'))
        return ctl_say(CTL_USAGE, word, "write key=value, or see kejuectl help NAME",
                       "is not an argument");
    bool file = equals[-1] == '@';
    char *key = kj_strndup(word, (size_t)(equals - word) - file);
    int code = CTL_OK;
    if (key[0] == '.' || strstr(key, "..") || key[strlen(key) - 1] == '.')
        code = ctl_say(CTL_USAGE, word, NULL, "has a part without a name");
    else if (file)
        code = put_file(doc, key, equals + 1);
    else
        put_path(doc, key, equals + 1, request, false);
    free(key);
    return code;
}

static int read_document(const char *path, bson_t **doc)
{
    struct kj_json_limits limits = {k_input, 600000, 34};
    struct kj_buf text;
    struct kj_fault fault;
    bool is_array = false;
    int code = CTL_OK;
    kj_buf_init(&text, k_input);
    if (!ctl_read_input(path, &text, &fault) ||
        kj_json_parse(text.data ? text.data : "", text.length, &limits, doc, &is_array, &fault) !=
            KJ_OK)
        code = ctl_say_fault(CTL_USAGE, &fault);
    else if (is_array)
        code = ctl_say(CTL_USAGE, path, NULL, "must be a JSON object");
    kj_buf_fini(&text);
    return code;
}

int ctl_arguments(struct ctl *ctl, const char *command, char **words, int count, bson_t **args)
{
    const bson_t *about = command ? ctl_about(command) : NULL;
    bson_t request;
    bool known = about && kj_doc_child(about, "request", &request);
    bson_t *doc = NULL;
    int code = ctl->file ? read_document(ctl->file, &doc) : CTL_OK;
    if (doc == NULL)
        doc = bson_new();
    for (int i = 0; code == CTL_OK && i < count; i++) {
        bson_t one = BSON_INITIALIZER;
        code = put_word(words[i], known ? &request : NULL, &one);
        bson_t *merged = laid_over(doc, &one);
        bson_destroy(doc);
        doc = merged;
        bson_destroy(&one);
    }
    if (code == CTL_OK)
        *args = doc;
    else
        bson_destroy(doc);
    return code;
}
