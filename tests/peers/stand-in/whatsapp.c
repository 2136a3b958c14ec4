// The Cloud API's messages: what Meta refuses is refused here, with its codes.
//
// Message ids come from the callback data, so that a run with the same jobs gives the same ids; a
// second message with the same data gets ".2": a double send shows in the log.
#include "stand_in.h"

#include "base/alloc.h"
#include "base/str.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static bool owns(const struct si_request *request)
{
    size_t length = strlen(request->path);
    return request->path[0] == '/' && request->path[1] == 'v' && length > 9 &&
           strcmp(request->path + length - 9, "/messages") == 0;
}

static void fail(struct si_answer *answer, int status, const char *code, const char *message)
{
    bson_t error = BSON_INITIALIZER;
    int64_t number = code && code[0] ? strtoll(code, NULL, 10) : 131000;
    answer->status = status;
    answer->json = bson_new();
    kj_doc_put_text(&error, "message", message);
    kj_doc_put_text(&error, "type", number == 190 ? "OAuthException" : "GraphMethodException");
    kj_doc_put_int(&error, "code", number);
    kj_doc_put_text(&error, "fbtrace_id", "StandIn");
    kj_doc_put_doc(answer->json, "error", &error);
    bson_destroy(&error);
}

static bool refuse(struct si_answer *answer, int status, const char *code, const char *message)
{
    fail(answer, status, code, message);
    return false;
}

// --- templates ---

// The body component's parameters, or an empty view.
static size_t body_parameters(const bson_t *json, bson_t *parameters)
{
    for (int i = 0; i < 20; i++) {
        char path[64];
        snprintf(path, sizeof path, "template.components.%d.type", i);
        if (!kj_streq(kj_doc_text(json, path, NULL), "body"))
            continue;
        snprintf(path, sizeof path, "template.components.%d.parameters", i);
        kj_doc_child(json, path, parameters);
        return kj_doc_count(json, path);
    }
    return 0;
}

static bool is_clean(const char *text)
{
    return text[0] && !strpbrk(text, "\n\t\r") && !strstr(text, "     ");
}

static bool check_parameters(const bson_t *json, const bson_t *definition, struct si_answer *answer)
{
    bson_t parameters = BSON_INITIALIZER;
    size_t count = body_parameters(json, &parameters);
    size_t names = definition ? kj_doc_count(definition, "names") : 0;
    int64_t wanted = names ? (int64_t)names : kj_doc_int(definition, "parameters", 0);
    for (size_t i = 0; i < count; i++) {
        char path[48];
        snprintf(path, sizeof path, "%zu.text", i);
        if (!is_clean(kj_doc_text(&parameters, path, "")))
            return refuse(answer, 400, "132012",
                          "a parameter is empty or holds line breaks, tabs or many spaces");
        snprintf(path, sizeof path, "%zu.parameter_name", i);
        if (names && !kj_doc_lists(definition, "names", kj_doc_text(&parameters, path, "")))
            return refuse(answer, 400, "132000", "a parameter's name is not in the template");
    }
    if (definition && (int64_t)count != wanted)
        return refuse(answer, 400, "132000", "the number of parameters does not match");
    return true;
}

static bool check_template(struct stand_in *si, const bson_t *json, struct si_answer *answer)
{
    const char *name = kj_doc_text(json, "template.name", "");
    const char *language = kj_doc_text(json, "template.language.code", "");
    bson_t row;
    if (!name[0] || !language[0])
        return refuse(answer, 400, "131008", "template.name and template.language.code are needed");
    if (!si->templates)
        return check_parameters(json, NULL, answer);
    for (size_t i = 0; i < 10000; i++) {
        char path[24];
        snprintf(path, sizeof path, "%zu", i);
        if (!kj_doc_child(si->templates, path, &row))
            break;
        if (kj_streq(kj_doc_text(&row, "name", NULL), name) &&
            kj_streq(kj_doc_text(&row, "language", NULL), language))
            return check_parameters(json, &row, answer);
    }
    return refuse(answer, 404, "132001", "the template does not exist in this language");
}

// --- the request ---

static bool check(struct stand_in *si, const struct si_request *request, struct si_answer *answer)
{
    const bson_t *json = request->json;
    bson_t object;
    if (strcmp(request->method, "POST") != 0)
        return refuse(answer, 400, "100", "unsupported request");
    if (!si_bearer(request))
        return refuse(answer, 401, "190", "the access token is missing or has expired");
    if (!json || !kj_streq(kj_doc_text(json, "messaging_product", NULL), "whatsapp"))
        return refuse(answer, 400, "100", "messaging_product must be whatsapp");
    const char *to = kj_doc_text(json, "to", kj_doc_text(json, "recipient", ""));
    const char *type = kj_doc_text(json, "type", "");
    if (!to[0] || (kj_doc_has(json, "to") && strspn(to, "+0123456789") != strlen(to)))
        return refuse(answer, 400, "131009", "to is missing or is no number");
    if (!type[0] || !kj_doc_child(json, type, &object))
        return refuse(answer, 400, "131008", "the object named by type is missing");
    if (strlen(kj_doc_text(json, "biz_opaque_callback_data", "")) > 512)
        return refuse(answer, 400, "131009", "biz_opaque_callback_data is too long");
    if (strcmp(type, "text") == 0) {
        size_t length = strlen(kj_doc_text(&object, "body", ""));
        return length > 0 && length <= 4096 * 4
                   ? true
                   : refuse(answer, 400, "131009", "text.body is wrong");
    }
    return strcmp(type, "template") == 0
               ? check_template(si, json, answer)
               : refuse(answer, 400, "131051", "this type is not played here");
}

// URL-safe letters only: enough to recognise, never to be decoded.
static void make_id(struct stand_in *si, const bson_t *json, char *id, size_t size)
{
    const char *data = kj_doc_text(json, "biz_opaque_callback_data", NULL);
    size_t used = (size_t)snprintf(id, size, "wamid.");
    if (!data) {
        snprintf(id + used, size - used, "n%lld", (long long)si_seen(si, "wamid") + 1);
        return;
    }
    for (const char *p = data; *p && used + 24 < size; p++)
        id[used++] = isalnum((unsigned char)*p) || strchr("-_.", *p) ? *p : '_';
    id[used] = '\0';
    char counted[600];
    snprintf(counted, sizeof counted, "wamid:%s", data);
    int64_t before = si_seen(si, counted);
    if (before)
        snprintf(id + used, size - used, ".%lld", (long long)before + 1);
}

static void serve(struct stand_in *si, const struct si_request *request, struct si_answer *answer)
{
    if (!check(si, request, answer))
        return;
    const bson_t *json = request->json;
    const char *to = kj_doc_text(json, "to", NULL);
    const char *digits = to && to[0] == '+' ? to + 1 : to;
    bson_t list = BSON_INITIALIZER, row = BSON_INITIALIZER;
    const char *start = strchr(request->path + 1, '/');
    size_t length = start ? strcspn(start + 1, "/") : 0;
    snprintf(si->number_id, sizeof si->number_id, "%.*s", (int)length, start ? start + 1 : "");
    make_id(si, json, answer->id, sizeof answer->id);
    answer->accepted = true;
    answer->json = bson_new();
    kj_doc_put_text(answer->json, "messaging_product", "whatsapp");
    kj_doc_put_text(&row, "input", to ? to : kj_doc_text(json, "recipient", NULL));
    kj_doc_put_text(&row, "wa_id", digits);
    kj_doc_put_doc(&list, "0", &row);
    kj_doc_put_array(answer->json, "contacts", &list);
    bson_reinit(&row);
    bson_reinit(&list);
    kj_doc_put_text(&row, "id", answer->id);
    if (kj_streq(kj_doc_text(json, "type", NULL), "template"))
        kj_doc_put_text(&row, "message_status", "accepted");
    kj_doc_put_doc(&list, "0", &row);
    kj_doc_put_array(answer->json, "messages", &list);
    bson_destroy(&row);
    bson_destroy(&list);
    if (si->hooks)
        si_hooks_status(si->hooks, si->number_id, answer->id, digits,
                        kj_doc_text(json, "biz_opaque_callback_data", NULL));
}

const struct si_vendor si_whatsapp = {"whatsapp", owns, serve, fail};
