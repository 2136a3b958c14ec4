// Rows, { value, condition… }: one shape everywhere. Conditions are texts (asked of a model) or
// functions; texts are collected once for the whole pack.
#include "base/alloc.h"
#include "script/pack_check.h"
#include "script/sandbox.h"
#include "script/view.h"

#include <string.h>

enum { MAX_TEXTS = 200, MAX_TEXT = 1000, MAX_CONDITIONS = 16, MAX_LEVELS = 20 };

const char kj_key_none;

static const struct kj_field *find_field(const struct kj_shape *shape, const char *name,
                                         size_t length)
{
    return shape ? kj_shape_field(shape, name, length) : NULL;
}

// {campaign.goal}: each name inside braces must be a field of c.
static void check_holes(struct kj_load *load, const char *text)
{
    for (const char *at = strchr(text, '{'); at; at = strchr(at + 1, '{')) {
        const char *end = strchr(at, '}');
        if (!end) {
            kj_load_fail(load, "a { without its } in \"%.60s\"", text);
            return;
        }
        size_t head = strcspn(at + 1, ".}");
        const struct kj_field *field = find_field(&kj_shape_call, at + 1, head);
        bool known = field != NULL;
        if (field && at[1 + head] == '.' && field->shape && !field->shape->open) {
            known = find_field(field->shape, at + 2 + head, (size_t)(end - at) - 2 - head);
        }
        if (!known) {
            kj_load_fail(load, "%.*s is no field of the call; write for instance {campaign.goal}",
                         (int)(end - at) + 1, at);
        }
        at = end;
    }
}

int kj_load_question(struct kj_load *load, const char *text)
{
    struct kj_rules *rules = load->rules;
    size_t length = strlen(text);
    if (length == 0 || length > MAX_TEXT || !kj_utf8_valid(text, length)) {
        kj_load_fail(load, "a condition in words must have 1 to %d characters", MAX_TEXT);
    }
    check_holes(load, text);
    for (size_t i = 0; i < rules->text_count; i++) {
        if (strcmp(rules->texts[i], text) == 0) {
            return (int)i;
        }
    }
    if (rules->text_count == MAX_TEXTS) {
        kj_load_fail(load, "more than %d conditions in words in one pack", MAX_TEXTS);
    }
    if (!rules->texts) {
        rules->texts = kj_rules_alloc(rules, MAX_TEXTS * sizeof *rules->texts);
    }
    rules->texts[rules->text_count] = kj_rules_text(rules, text);
    return (int)rules->text_count++;
}

static void row_value(struct kj_load *load, struct kj_row *row, int kind,
                      const struct kj_scale *scale)
{
    lua_State *L = load->L;
    int type = lua_type(L, -1);
    if (kind == KJ_ROW_POINTS) {
        if (type != LUA_TNUMBER) {
            kj_load_fail(load, "a row of score starts with its points, a number, not a %s",
                         luaL_typename(L, -1));
        }
        row->points = lua_tonumber(L, -1);
        return;
    }
    if (kind == KJ_ROW_TEMPLATE && lua_touserdata(L, -1) == &kj_key_none) {
        row->value = "";
        return;
    }
    if (type != LUA_TSTRING || lua_rawlen(L, -1) == 0) {
        kj_load_fail(load, "a row starts with its value, a text; this one starts with a %s",
                     kj_type_name(L, -1));
    }
    row->value = kj_rules_text(load->rules, lua_tostring(L, -1));
    if (kind == KJ_ROW_LEVEL) {
        kj_load_one_of(load, row->value, "level", scale->levels, scale->count);
    }
}

// One answer of the model is a number or a yes, not both.
static void check_no_score(struct kj_load *load, int text)
{
    if (load->rules->score_kind == KJ_SCORE_TEXT && load->rules->score_text == text) {
        kj_load_fail(load,
                     "\"%.60s\" is the text of score, answered with a number: word this "
                     "condition otherwise",
                     load->rules->texts[text]);
    }
}

static void condition(struct kj_load *load, struct kj_condition *to)
{
    lua_State *L = load->L;
    to->text = -1;
    to->function = KJ_NO_REF;
    if (lua_isfunction(L, -1)) {
        to->function = kj_load_reference(load, -1);
    } else if (lua_type(L, -1) == LUA_TSTRING) {
        to->text = kj_load_question(load, lua_tostring(L, -1));
        check_no_score(load, to->text);
    } else {
        kj_load_fail(load,
                     "a condition is a text or a function, not a %s (was a function called "
                     "instead of given?)",
                     kj_type_name(L, -1));
    }
}

static void one_row(struct kj_load *load, struct kj_row *row, int kind,
                    const struct kj_scale *scale)
{
    lua_State *L = load->L;
    int table = lua_gettop(L);
    if (!lua_istable(L, table)) {
        kj_load_fail(load, "a row is { value, condition… }, not a %s", kj_type_name(L, table));
    }
    size_t size = lua_rawlen(L, table);
    if (kj_load_count(load, table) != size || size == 0) {
        kj_load_fail(load, size == 0 ? "a row needs a value: { value, condition… }"
                                     : "a row has no names: { value, condition… }");
    }
    if (size - 1 > MAX_CONDITIONS) {
        kj_load_fail(load, "more than %d conditions in a row", MAX_CONDITIONS);
    }
    row->at = kj_load_at(load);
    lua_rawgeti(L, table, 1);
    row_value(load, row, kind, scale);
    lua_pop(L, 1);
    row->count = size - 1;
    row->conditions = kj_rules_alloc(load->rules, row->count * sizeof *row->conditions);
    for (size_t i = 0; i < row->count; i++) {
        lua_rawgeti(L, table, (lua_Integer)i + 2);
        condition(load, &row->conditions[i]);
        lua_settop(L, table);
    }
}

static struct kj_out kept(struct kj_rules *rules, struct kj_out *members)
{
    struct kj_out own = {.data = kj_rules_alloc(rules, members->length + 1)};
    own.capacity = members->length;
    kj_out_raw(&own, members);
    members->length = 0;
    return own;
}

static void encode_row(struct kj_rules *rules, struct kj_row *row, size_t index)
{
    struct kj_out members = {0};
    kj_out_int(&members, "row", (int64_t)index + 1);
    kj_out_words(&members, "at", row->at);
    row->place = kept(rules, &members);
    kj_out_words(&members, "value", row->value);
    row->shown = kept(rules, &members);
    kj_out_fini(&members);
}

void kj_load_rows_at(struct kj_load *load, int table, struct kj_rows *rows, int kind,
                     const struct kj_scale *scale)
{
    lua_State *L = load->L;
    rows->section = kj_rules_text(load->rules, load->path);
    size_t count = lua_rawlen(L, table);
    if (count > KJ_MAX_ROWS) {
        kj_load_fail(load, "more than %d rows", KJ_MAX_ROWS);
    }
    rows->rows = kj_rules_alloc(load->rules, count * sizeof *rows->rows);
    for (size_t i = 0; i < count; i++) {
        size_t length = kj_load_enter(load, NULL, (lua_Integer)i + 1);
        lua_rawgeti(L, table, (lua_Integer)i + 1);
        one_row(load, &rows->rows[i], kind, scale);
        encode_row(load->rules, &rows->rows[i], i);
        lua_pop(L, 1);
        kj_load_leave(load, length);
        bool first_wins = kind != KJ_ROW_POINTS && strcmp(rows->section, "tags") != 0;
        if (first_wins && rows->rows[i].count == 0 && i + 1 < count) {
            kj_load_enter(load, NULL, (lua_Integer)i + 2);
            kj_load_fail(load,
                         "this row is never reached: row %zu has no condition, so it always "
                         "matches",
                         i + 1);
        }
        rows->count = i + 1;
    }
}

void kj_load_rows(struct kj_load *load, int pack, const char *key, struct kj_rows *rows, int kind,
                  const struct kj_scale *scale)
{
    if (!kj_load_table(load, pack, key)) {
        return;
    }
    lua_State *L = load->L;
    int table = lua_gettop(L);
    size_t length = kj_load_enter(load, key, 0);
    if (kj_load_count(load, table) != lua_rawlen(L, table)) {
        kj_load_fail(load, "is a list of rows { value, condition… } without names");
    }
    kj_load_rows_at(load, table, rows, kind, scale);
    kj_load_leave(load, length);
    lua_pop(L, 1);
}

// --- scales and judgements ---

static const char *const k_kejue[] = {"excellent", "good", "fair", "poor"};
static const char *const k_goal[] = {"success", "partial_success", "not_successful"};
static const char *const k_client[] = {"good", "partially_good", "bad", "na"};
static const struct kj_scale k_scales[] = {
    {"kejue", k_kejue, KJ_COUNT(k_kejue), 3},
    {"goal", k_goal, KJ_COUNT(k_goal), 1},
    {"client", k_client, KJ_COUNT(k_client), 1},
};

static void own_scale(struct kj_load *load, int table, struct kj_scale *scale)
{
    static const char *const names[] = {"levels", "success"};
    kj_load_keys(load, table, "field of a scale", names, KJ_COUNT(names));
    scale->name = "own";
    scale->levels = kj_load_texts(load, table, "levels", &scale->count);
    if (scale->count == 0 || scale->count > MAX_LEVELS) {
        kj_load_fail(load, "a scale has 1 to %d levels, best first", MAX_LEVELS);
    }
    size_t count;
    const char **good = kj_load_texts(load, table, "success", &count);
    scale->succeeds = 0;
    for (size_t i = 0; i < count; i++) {
        kj_load_one_of(load, good[i], "level", scale->levels, scale->count);
        for (size_t level = 0; level < scale->count; level++) {
            scale->succeeds |= strcmp(scale->levels[level], good[i]) == 0 ? 1ull << level : 0;
        }
    }
}

void kj_load_scale(struct kj_load *load, int table, struct kj_scale *scale)
{
    lua_State *L = load->L;
    *scale = k_scales[0];
    int type = lua_getfield(L, table, "scale");
    size_t length = kj_load_enter(load, "scale", 0);
    if (type == LUA_TTABLE) {
        own_scale(load, lua_gettop(L), scale);
    } else if (type == LUA_TSTRING) {
        static const char *const names[] = {"kejue", "goal", "client"};
        const char *name = lua_tostring(L, -1);
        kj_load_one_of(load, name, "scale", names, KJ_COUNT(names));
        for (size_t i = 0; i < KJ_COUNT(k_scales); i++) {
            if (strcmp(k_scales[i].name, name) == 0) {
                *scale = k_scales[i];
            }
        }
    } else if (type != LUA_TNIL) {
        kj_load_fail(load, "is \"kejue\", \"goal\", \"client\" or { levels = { … } }");
    }
    kj_load_leave(load, length);
    lua_pop(L, 1);
}

static void verdict(struct kj_load *load, const char *name, void *arg)
{
    lua_State *L = load->L;
    int table = lua_gettop(L);
    (void)arg;
    if (!lua_istable(L, table)) {
        kj_load_fail(load, "a verdict is { scale = …, rows… }");
    }
    kj_raw_table(L, table);
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
        if (lua_type(L, -2) == LUA_TSTRING && strcmp(lua_tostring(L, -2), "scale") != 0) {
            kj_load_fail(load, "there is no field \"%s\" of a verdict; it has scale and rows",
                         lua_tostring(L, -2));
        }
    }
    lua_pop(L, 1);
    struct kj_verdict_def *def = &load->rules->verdicts[load->rules->verdict_count];
    def->name = name;
    kj_load_scale(load, table, &def->scale);
    kj_load_rows_at(load, table, &def->rows, KJ_ROW_LEVEL, &def->scale);
    load->rules->verdict_count++;
}

static void score(struct kj_load *load, int pack)
{
    lua_State *L = load->L;
    struct kj_rules *rules = load->rules;
    int type = lua_getfield(L, pack, "score");
    size_t length = kj_load_enter(load, "score", 0);
    rules->score_at = kj_load_at(load);
    if (type == LUA_TSTRING) {
        size_t before = rules->text_count;
        rules->score_text = kj_load_question(load, lua_tostring(L, -1));
        if (rules->text_count == before) {
            kj_load_fail(load, "this text is a condition too, answered with yes or no: word the "
                               "score otherwise");
        }
        rules->score_kind = KJ_SCORE_TEXT;
    } else if (type == LUA_TFUNCTION) {
        rules->score_kind = KJ_SCORE_FUNCTION;
        rules->score_function = kj_load_reference(load, -1);
    } else if (type == LUA_TTABLE) {
        rules->score_kind = KJ_SCORE_ROWS;
    } else if (type != LUA_TNIL) {
        kj_load_fail(load, "is a list of rows { points, condition… }, one text or one function");
    }
    kj_load_leave(load, length);
    lua_pop(L, 1);
    if (rules->score_kind == KJ_SCORE_ROWS) {
        kj_load_rows(load, pack, "score", &rules->score, KJ_ROW_POINTS, NULL);
    }
}

void kj_load_judgements(struct kj_load *load, int pack)
{
    struct kj_rules *rules = load->rules;
    kj_load_scale(load, pack, &rules->scale);
    kj_load_rows(load, pack, "success", &rules->success, KJ_ROW_LEVEL, &rules->scale);
    if (kj_load_table(load, pack, "verdicts")) {
        int table = lua_gettop(load->L);
        rules->verdicts =
            kj_rules_alloc(rules, kj_load_count(load, table) * sizeof *rules->verdicts);
        size_t length = kj_load_enter(load, "verdicts", 0);
        kj_load_each(load, table, verdict, NULL);
        kj_load_leave(load, length);
        lua_pop(load->L, 1);
    }
    score(load, pack);
    kj_load_rows(load, pack, "lead_status", &rules->lead_status, KJ_ROW_WORD, NULL);
    kj_load_rows(load, pack, "tags", &rules->tags, KJ_ROW_WORD, NULL);
    kj_load_rows(load, pack, "opt_out", &rules->opt_out, KJ_ROW_WORD, NULL);
}
