// The manual, from the schemas that judge each request: kejuectl help, kejuectl help NAME.
#include "ctl.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name, *usage, *text;
} k_own[] = {
    {"why", "why NUMBER|LEAD [at=TIME]",
     "Why a number is or is not called: gates, what waits, past calls, the rules that fired."},
    {"watch", "watch [since=NUMBER] [PREFIX…]",
     "Events as they happen, one a line; --count N ends after so many."},
    {"hosts", "hosts", "The hosts that share the work, as host.list."},
    {"campaign.watch", "campaign.watch ID",
     "A bar until the campaign has ended, then its numbers."},
    {"lead.import", "lead.import FILE.csv [list=NAME country=DE …]",
     "A list of leads from a CSV file with a header line, in parts of 500."},
    {"lead.refuse", "lead.refuse FILE.csv [source=TEXT …]",
     "A do-not-call list from a CSV file with a column of numbers."},
    {"call.import", "call.import FILE.jsonl|- [group=NAME …]",
     "Calls of another system from JSON lines, judged by today's rules."},
};

static void put_types(struct kj_buf *out, const bson_t *property)
{
    bson_t types;
    bson_iter_t at;
    const char *one = kj_doc_text(property, "type", NULL);
    if (kj_doc_child(property, "enum", &types) && bson_iter_init(&at, &types)) {
        for (bool first = true; bson_iter_next(&at); first = false) {
            kj_buf_adds(out, first ? "" : "|");
            ctl_value(out, "", &at);
        }
    } else if (one && kj_doc_has(property, "format"))
        kj_buf_adds(out, kj_doc_text(property, "format", ""));
    else if (one && strcmp(one, "array") == 0)
        kj_buf_addf(out, "list of %s", kj_doc_text(property, "items.type", "values"));
    else if (one)
        kj_buf_adds(out, strcmp(one, "string") == 0 ? "text" : one);
    else if (kj_doc_child(property, "type", &types) && bson_iter_init(&at, &types))
        for (bool first = true; bson_iter_next(&at); first = false)
            kj_buf_addf(out, "%s%s", first ? "" : "|", bson_iter_utf8(&at, NULL));
    else
        kj_buf_adds(out, "any");
}

static void put_limits(struct kj_buf *out, const bson_t *property)
{
    static const struct {
        const char *name, *words;
    } k_limits[] = {{"minimum", "from"},
                    {"maximum", "to"},
                    {"maxLength", "at most"},
                    {"maxItems", "at most"},
                    {"default", "default"}};
    bson_iter_t at;
    for (size_t i = 0; i < KJ_COUNT(k_limits); i++)
        if (kj_doc_find(property, k_limits[i].name, &at)) {
            kj_buf_addf(out, ", %s ", k_limits[i].words);
            ctl_value(out, "", &at);
        }
}

static void put_properties(const struct ctl *ctl, struct kj_buf *out, const bson_t *schema,
                           const char *prefix, int depth)
{
    bson_t properties, property;
    bson_iter_t at;
    if (!kj_doc_child(schema, "properties", &properties) || !bson_iter_init(&at, &properties))
        return;
    while (bson_iter_next(&at)) {
        char name[160];
        const char *key = bson_iter_key(&at);
        if (!ctl_property(schema, key, &property))
            continue;
        snprintf(name, sizeof name, "%s%s", prefix, key);
        kj_buf_adds(out, "  ");
        ctl_color(ctl, out, CTL_BOLD, name);
        kj_buf_adds(out, "  ");
        put_types(out, &property);
        if (kj_doc_lists(schema, "required", key))
            kj_buf_adds(out, ", needed");
        put_limits(out, &property);
        if (kj_doc_has(&property, "description"))
            kj_buf_addf(out, "\n      %s", kj_doc_text(&property, "description", ""));
        kj_buf_addc(out, '\n');
        strncat(name, ".", sizeof name - strlen(name) - 1);
        if (depth < 2)
            put_properties(ctl, out, &property, name, depth + 1);
    }
}

// {"a": {"b": 1}, "c": "x y"} as: a.b=1 c='x y'
static void put_words(struct kj_buf *out, const bson_t *doc, const char *prefix)
{
    bson_iter_t at;
    for (bson_iter_init(&at, doc); bson_iter_next(&at);) {
        char name[160];
        bson_t child;
        snprintf(name, sizeof name, "%s%s", prefix, bson_iter_key(&at));
        if (BSON_ITER_HOLDS_DOCUMENT(&at)) {
            strncat(name, ".", sizeof name - strlen(name) - 1);
            if (kj_doc_at(&at, &child))
                put_words(out, &child, name);
            continue;
        }
        struct kj_buf value;
        kj_buf_init(&value, 0);
        if (BSON_ITER_HOLDS_UTF8(&at))
            kj_buf_adds(&value, bson_iter_utf8(&at, NULL));
        else
            kj_json_write_value(&at, 0, &value);
        bool plain = value.length && strpbrk(value.data, " \"'$[]{}*?&;<>|\\") == NULL;
        kj_buf_addf(out, plain ? " %s=%s" : " %s='%s'", name, value.data ? value.data : "");
        kj_buf_fini(&value);
    }
}

static void put_examples(const struct ctl *ctl, struct kj_buf *out, const bson_t *about,
                         const char *name)
{
    bson_t examples, example;
    bson_iter_t at;
    if (!kj_doc_child(about, "examples", &examples) || !bson_iter_init(&at, &examples))
        return;
    kj_buf_addc(out, '\n');
    ctl_color(ctl, out, CTL_BOLD, "Examples");
    kj_buf_addc(out, '\n');
    while (bson_iter_next(&at)) {
        if (!kj_doc_at(&at, &example))
            continue;
        kj_buf_addf(out, "  kejuectl %s", name);
        put_words(out, &example, "");
        kj_buf_addc(out, '\n');
    }
}

static bool put_own(struct kj_buf *out, const char *name)
{
    for (size_t i = 0; i < KJ_COUNT(k_own); i++)
        if (strcmp(name, k_own[i].name) == 0) {
            kj_buf_addf(out, "kejuectl %s\n  %s\n", k_own[i].usage, k_own[i].text);
            return true;
        }
    return false;
}

static int help_on(const struct ctl *ctl, struct kj_buf *out, const char *name)
{
    const bson_t *about = ctl_about(name);
    char hint[128];
    bson_t request;
    bool own = put_own(out, name);
    if (about == NULL && !own) {
        const char *near = ctl_nearest(name);
        snprintf(hint, sizeof hint, "did you mean %s?", near ? near : "");
        return ctl_say(CTL_USAGE, name, near ? hint : "see kejuectl help", "is no command");
    }
    if (about == NULL)
        return CTL_OK;
    kj_buf_adds(out, own ? "\n" : "");
    ctl_color(ctl, out, CTL_BOLD, name);
    kj_buf_addf(out, "  %s\n  scope: %s\n\n", kj_doc_text(about, "summary", ""),
                kj_doc_text(about, "scope", "admin"));
    ctl_color(ctl, out, CTL_BOLD, "Arguments");
    kj_buf_addc(out, '\n');
    if (kj_doc_child(about, "request", &request) && kj_doc_count(&request, "properties"))
        put_properties(ctl, out, &request, "", 0);
    else
        kj_buf_adds(out, "  none\n");
    put_examples(ctl, out, about, name);
    return CTL_OK;
}

static void help_all(const struct ctl *ctl, struct kj_buf *out)
{
    const char *names[256];
    size_t count = ctl_commands(names, KJ_COUNT(names));
    kj_buf_adds(out, "kejuectl NAME key=value …   any of these; kejuectl help NAME tells its "
                     "arguments\n\n");
    for (size_t i = 0; i < count; i++) {
        struct kj_buf line;
        kj_buf_init(&line, 0);
        kj_buf_adds(out, "  ");
        ctl_cut(out, names[i], 20, true);
        ctl_cut(&line, kj_doc_text(ctl_about(names[i]), "summary", ""),
                ctl->width > 40 ? (size_t)ctl->width - 24 : 400, false);
        kj_buf_addf(out, "  %s\n", line.data ? line.data : "");
        kj_buf_fini(&line);
    }
    kj_buf_addc(out, '\n');
    for (size_t i = 0; i < KJ_COUNT(k_own); i++)
        kj_buf_addf(out, "  %s\n      %s\n", k_own[i].usage, k_own[i].text);
}

int ctl_help(const struct ctl *ctl, const char *name)
{
    struct kj_buf out;
    int code = CTL_OK;
    kj_buf_init(&out, 0);
    if (name)
        code = help_on(ctl, &out, name);
    else
        help_all(ctl, &out);
    ctl_flush(&out);
    kj_buf_fini(&out);
    return code;
}
