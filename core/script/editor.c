// What editors and the shell of kejue-rules know of `c`: the same shapes that the views use, so
// that a name offered is a name that works.
#include "script/script.h"
#include "script/view.h"

#include <stdio.h>
#include <string.h>

// --- one path, for completion ---

static const struct kj_shape *shape_at(const char *path)
{
    const struct kj_shape *shape = &kj_shape_call;
    while (shape && *path) {
        size_t length = strcspn(path, ".[");
        const struct kj_field *field = kj_shape_field(shape, path, length);
        shape = field && field->shape ? field->shape : NULL;
        path += length;
        path += strcspn(path, ".");
        path += *path == '.';
    }
    return shape;
}

size_t kj_script_fields(const char *path, const char **names, size_t size)
{
    const struct kj_shape *shape = shape_at(path);
    size_t count = 0;
    for (size_t i = 0; shape && i < shape->count && count < size; i++) {
        names[count++] = shape->fields[i].name;
    }
    return count;
}

// --- annotations of lua-language-server ---

// "c.transcript[n]" -> "kejue.c.transcript"
static void put_class(struct kj_buf *out, const struct kj_shape *shape)
{
    size_t length = strcspn(shape->name, "[");
    kj_buf_addf(out, "kejue.%.*s", (int)length, shape->name);
}

static void put_type(struct kj_buf *out, const struct kj_field *field)
{
    if (field->kind == KJ_FIELD_TIME) {
        kj_buf_adds(out, "kejue.time");
    } else if (field->shape && field->shape->count > 0) {
        put_class(out, field->shape);
        kj_buf_adds(out, field->kind == KJ_FIELD_LIST ? "[]" : "");
    } else {
        kj_buf_adds(out, field->shape || field->role == KJ_ROLE_NAMES ? "table" : "any");
    }
}

static void put_shape(struct kj_buf *out, const struct kj_shape *shape)
{
    kj_buf_adds(out, "---@class ");
    put_class(out, shape);
    kj_buf_addc(out, '\n');
    for (size_t i = 0; i < shape->count; i++) {
        const struct kj_field *field = &shape->fields[i];
        if (strcmp(field->name, "is") == 0) {
            kj_buf_adds(out, "---@field is fun(variable: string, value: any): boolean\n");
        } else if (strcmp(field->name, "missing") == 0) {
            kj_buf_adds(out, "---@field missing fun(...: string): boolean, string?\n");
        } else {
            bool always = field->always || field->role == KJ_ROLE_NAMES;
            kj_buf_addf(out, "---@field %s%s ", field->name, always ? "" : "?");
            put_type(out, field);
            kj_buf_addc(out, '\n');
        }
    }
    kj_buf_addc(out, '\n');
    for (size_t i = 0; i < shape->count; i++) {
        const struct kj_shape *below = shape->fields[i].shape;
        if (below && below->count > 0) {
            put_shape(out, below);
        }
    }
}

static const char k_library[] =
    "---@class kejue.time: number compares with <; in the lead's zone\n"
    "---@field year integer\n---@field month integer\n---@field day integer\n"
    "---@field hour integer\n---@field minute integer\n---@field second integer\n"
    "---@field weekday integer 1 = Monday\n\n"
    "---@class kejue.row: any[] { value, condition… }: a condition is a text or fun(c)\n\n"
    "---@class kejue.variable\n"
    "---@field type \"integer\"|\"number\"|\"string\"|\"boolean\"|\"enum\"|\"date\"|\"datetime\"|"
    "\"list\"\n"
    "---@field guidance? string\n---@field ask? table<string, string>\n---@field values? string[]\n"
    "---@field labels? table\n---@field min? number\n---@field max? number\n"
    "---@field pattern? string\n---@field validate? fun(v: any, c: kejue.c): boolean, string?\n"
    "---@field default? any\n---@field from? fun(c: kejue.c): any, integer?, string?\n\n"
    "---@class kejue.pack\n---@field name string\n---@field extends? string\n"
    "---@field settings? table<string, table>\n---@field guidance? table<string, string>\n"
    "---@field variables? table<string, kejue.variable>\n---@field scale? string|table\n"
    "---@field success? kejue.row[]\n---@field verdicts? table<string, table>\n"
    "---@field score? kejue.row[]|string|fun(c: kejue.c): number\n"
    "---@field lead_status? kejue.row[]\n---@field tags? kejue.row[]\n"
    "---@field retry? table|fun(c: kejue.c): any, string?\n---@field callback? table\n"
    "---@field appointments? table\n---@field templates? table<string, table>\n"
    "---@field template? kejue.row[]\n---@field opt_out? kejue.row[]\n"
    "---@field effects? table[]|fun(c: kejue.c): table[]\n"
    "---@field lead_changes? table|fun(c: kejue.c): table\n---@field preselection? table\n\n"
    "---@class kejue.error\n---@field class string\n---@field code string\n---@field text string\n"
    "---@field retry_after? string\n\n"
    "kejue = { time = {}, text = {}, json = {}, phone = {}, job = {}, store = {}, none = {} }\n"
    "---@param pack kejue.pack\nfunction kejue.rules(pack) end\n"
    "---@param hook { on: string, every?: string, uses?: string[], run: fun(ev: table): any }\n"
    "function kejue.hook(hook) end\n"
    "---@param kind { name: string, uses?: string[], run: fun(ev: table): any }\n"
    "function kejue.kind(kind) end\n"
    "function kejue.tests(tests) end\n"
    "---@param verb string\n---@param args? table\n"
    "---@param options? { key?: string, within?: string }\n"
    "---@return table? result\n---@return kejue.error? err\n"
    "function kejue.call(verb, args, options) end\n"
    "---@param request { method?: string, url: string, query?: table, headers?: table, body?: any, "
    "auth?: table }\n---@param options? { key?: string, within?: string }\n"
    "---@return table? result\n---@return kejue.error? err\n"
    "function kejue.http(request, options) end\n"
    "---@param calls table<string, table>\n---@return table\nfunction kejue.together(calls) end\n"
    "---@param span string at most \"60s\"\nfunction kejue.sleep(span) end\n"
    "---@param after string\n---@param why? string|kejue.error\n"
    "---@param limits? { attempts?: integer, expires?: string }\n"
    "function kejue.retry(after, why, limits) end\n"
    "---@param job { kind: string, key?: string, payload?: table, due?: kejue.time }\n"
    "function kejue.job.submit(job) end\n"
    "---@param time kejue.time\nfunction kejue.job.at(time, job) end\n"
    "---@param span string at least \"1m\"\nfunction kejue.job.every(span, job) end\n"
    "---@param name string\n---@return any value\n---@return integer revision\n"
    "function kejue.store.get(name) end\n"
    "---@param name string\nfunction kejue.store.put(name, value, options) end\n"
    "---@param t kejue.time\n---@return kejue.time\nfunction kejue.time.add(t, amount, unit) end\n"
    "---@return number\nfunction kejue.time.diff(a, b, unit) end\n"
    "---@return string\nfunction kejue.time.format(t, style, language) end\n"
    "---@return kejue.time?\nfunction kejue.time.parse(text) end\n"
    "---@param text string\n---@param phrase string|string[]\n---@return boolean\n"
    "function kejue.text.contains(text, phrase) end\n"
    "---@return string[]\nfunction kejue.text.words(text) end\n"
    "---@return string\nfunction kejue.text.fold(text) end\n"
    "---@return string\nfunction kejue.json.encode(value) end\n"
    "function kejue.json.decode(text) end\n"
    "---@return table?\nfunction kejue.phone.parse(text, country) end\n";

void kj_script_types(struct kj_buf *out)
{
    kj_buf_adds(out,
                "---@meta kejue\n-- Made by kejue-rules types: what rules and hooks may use.\n\n");
    put_shape(out, &kj_shape_call);
    kj_buf_adds(out, k_library);
}
