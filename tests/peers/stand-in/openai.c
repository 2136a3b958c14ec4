// Chat completions: a model that knows nothing, or what --answers tells it.
//
// Without an answer that fits it fills the asked schema with the first allowed value: null where
// null is allowed, which is the honest "not known". The same request gives the same answer.
#include "stand_in.h"

#include "base/str.h"
#include "doc/json.h"

#include <inttypes.h>
#include <string.h>

static bool owns(const struct si_request *request)
{
    size_t length = strlen(request->path);
    return length >= 17 && strcmp(request->path + length - 17, "/chat/completions") == 0;
}

static void fail(struct si_answer *answer, int status, const char *code, const char *message)
{
    bson_t error = BSON_INITIALIZER;
    answer->status = status;
    answer->json = bson_new();
    kj_doc_put_text(&error, "message", message);
    kj_doc_put_text(&error, "type", status == 429 ? "requests" : "invalid_request_error");
    kj_doc_put_null(&error, "param");
    if (code && code[0])
        kj_doc_put_text(&error, "code", code);
    else
        kj_doc_put_null(&error, "code");
    kj_doc_put_doc(answer->json, "error", &error);
    bson_destroy(&error);
}

// All words of the request, to look for what an answer is meant for.
static bool collect(const bson_t *json, struct kj_buf *text)
{
    for (size_t i = 0; i < kj_doc_count(json, "messages"); i++) {
        char role[40], content[40];
        snprintf(role, sizeof role, "messages.%zu.role", i);
        snprintf(content, sizeof content, "messages.%zu.content", i);
        if (!kj_doc_text(json, role, NULL) || !kj_doc_text(json, content, NULL))
            return false;
        kj_buf_adds(text, kj_doc_text(json, content, ""));
        kj_buf_addc(text, '\n');
    }
    return text->length > 0;
}

static bool check(const struct si_request *request, struct kj_buf *text, struct si_answer *answer)
{
    const bson_t *json = request->json;
    const char *kind =
        kj_doc_text(json ? json : &(bson_t)BSON_INITIALIZER, "response_format.type", "text");
    bson_t schema;
    if (strcmp(request->method, "POST") != 0)
        fail(answer, 405, NULL, "only POST");
    else if (!si_bearer(request))
        fail(answer, 401, "invalid_api_key", "the key is missing or wrong");
    else if (!json || !kj_doc_text(json, "model", NULL))
        fail(answer, 400, NULL, "you must provide a model parameter");
    else if (!collect(json, text))
        fail(answer, 400, NULL, "messages must be a list of role and content");
    else if (strcmp(kind, "json_schema") == 0 &&
             (!kj_doc_text(json, "response_format.json_schema.name", NULL) ||
              !kj_doc_child(json, "response_format.json_schema.schema", &schema)))
        fail(answer, 400, NULL, "response_format.json_schema needs name and schema");
    else
        return true;
    return false;
}

// The first answer whose `contains` stands in the words (and whose `seed`, if any, was asked for);
// index or -1.
static int fitting(const struct stand_in *si, const bson_t *json, const char *words)
{
    for (int i = 0; si->answers && i < 10000; i++) {
        char path[32];
        bson_t row;
        snprintf(path, sizeof path, "%d", i);
        if (!kj_doc_child(si->answers, path, &row))
            return -1;
        int64_t seed = kj_doc_int(&row, "seed", 0);
        if (strstr(words, kj_doc_text(&row, "contains", "")) &&
            (seed == 0 || seed == kj_doc_int(json, "seed", 0)))
            return i;
    }
    return -1;
}

static void make_content(const struct stand_in *si, const bson_t *json, const char *words,
                         struct kj_buf *content)
{
    bson_t schema, row = BSON_INITIALIZER, told, made = BSON_INITIALIZER, root;
    char path[32];
    int answer = fitting(si, json, words);
    snprintf(path, sizeof path, "%d", answer);
    if (answer >= 0)
        kj_doc_child(si->answers, path, &row);
    if (!kj_doc_child(json, "response_format.json_schema.schema", &schema)) {
        kj_buf_adds(content, kj_doc_text(&row, "text", "I do not know."));
        return;
    }
    si_make(&made, "made", &schema, &schema, 0);
    if (!kj_doc_child(&made, "made", &root))
        bson_init(&root);
    if (kj_doc_child(&row, "answer", &told)) {
        bson_t *merged = kj_doc_merge(&root, &told);
        kj_json_write(merged, 0, content);
        bson_destroy(merged);
    } else {
        kj_json_write(&root, 0, content);
    }
    bson_destroy(&made);
}

static void put_choice(bson_t *out, const char *content)
{
    bson_t message = BSON_INITIALIZER, choice = BSON_INITIALIZER, list = BSON_INITIALIZER;
    kj_doc_put_text(&message, "role", "assistant");
    kj_doc_put_text(&message, "content", content);
    kj_doc_put_null(&message, "refusal");
    kj_doc_put_int(&choice, "index", 0);
    kj_doc_put_doc(&choice, "message", &message);
    kj_doc_put_null(&choice, "logprobs");
    kj_doc_put_text(&choice, "finish_reason", "stop");
    kj_doc_put_doc(&list, "0", &choice);
    kj_doc_put_array(out, "choices", &list);
    bson_destroy(&message);
    bson_destroy(&choice);
    bson_destroy(&list);
}

static void serve(struct stand_in *si, const struct si_request *request, struct si_answer *answer)
{
    struct kj_buf words, content;
    kj_buf_init(&words, 0);
    kj_buf_init(&content, 0);
    if (check(request, &words, answer)) {
        bson_t usage = BSON_INITIALIZER;
        int64_t prompt = (int64_t)words.length / 4 + 1;
        make_content(si, request->json, words.data, &content);
        int64_t completion = (int64_t)content.length / 4 + 1;
        snprintf(answer->id, sizeof answer->id, "chatcmpl-%016" PRIx64,
                 kj_hash(request->body, request->length));
        answer->accepted = true;
        answer->json = bson_new();
        kj_doc_put_text(answer->json, "id", answer->id);
        kj_doc_put_text(answer->json, "object", "chat.completion");
        kj_doc_put_int(answer->json, "created", 1750000000);
        kj_doc_put_from(answer->json, "model", request->json, "model");
        put_choice(answer->json, content.data);
        kj_doc_put_int(&usage, "prompt_tokens", prompt);
        kj_doc_put_int(&usage, "completion_tokens", completion);
        kj_doc_put_int(&usage, "total_tokens", prompt + completion);
        kj_doc_put_doc(answer->json, "usage", &usage);
        bson_destroy(&usage);
    }
    kj_buf_fini(&words);
    kj_buf_fini(&content);
}

const struct si_vendor si_openai = {"openai", owns, serve, fail};
