// Reading and writing bus messages. A BSON message says its own length in its first four bytes and
// ends with a zero byte, which no JSON text does: the encoding needs no flag.
#include "face/frame.h"

#include "doc/element.h"
#include "face/door_limits.h"

#include <string.h>

// What any command may carry as JSON; the command's own limits come after.
static const struct kj_json_limits k_limits = {KJ_FRAME_LIMIT, 600000, 34};
enum { k_around = 4096, k_beside = 8 }; // bytes and values of the message beside its arguments

static bool looks_like_bson(const unsigned char *bytes, size_t length)
{
    if (length < 5 || bytes[length - 1] != 0)
        return false;
    uint32_t told = bytes[0] | bytes[1] << 8 | bytes[2] << 16 | (uint32_t)bytes[3] << 24;
    return told == length;
}

static int too_large(const char *cmd, const struct kj_json_limits *limits, struct kj_fault *fault)
{
    return kj_fault(fault, KJ_ELIMIT, "/args", "send it in parts",
                    "%.64s takes at most %zu bytes and %zu values, %d deep", cmd, limits->bytes,
                    limits->nodes, limits->depth);
}

// The command is looked up before anything is judged (kj_element_find trusts no byte), so that a
// message is walked once and no further than its command allows.
static int read_bson(const void *bytes, size_t length, struct kj_frame *frame,
                     struct kj_fault *fault)
{
    struct kj_element cmd;
    char place[64], name[65] = "";
    if (kj_element_find(bytes, length, "cmd", 3, &cmd) && cmd.type == BSON_TYPE_UTF8 &&
        cmd.length < sizeof name)
        memcpy(name, cmd.data, cmd.length);
    struct kj_json_limits limits = kj_door_limits(name), around = limits;
    around.nodes += k_beside;
    around.depth += 1;
    int rc = length > limits.bytes + k_around
                 ? KJ_ELIMIT
                 : kj_doc_only_data(bytes, length, &around, place, sizeof place);
    if (rc == KJ_ELIMIT)
        return too_large(kj_utf8_valid(name, strlen(name)) ? name : "", &limits, fault);
    if (rc != KJ_OK)
        return kj_fault(fault, rc, place, "send what JSON can say, and dates",
                        "is damaged, or has a type, a number or a duplicate name that is not "
                        "taken");
    frame->doc = bson_new_from_data(bytes, length);
    return KJ_OK;
}

static const char *text_field(const bson_t *doc, const char *name)
{
    return kj_doc_text(doc, name, NULL);
}

static int check_limits(const struct kj_frame *frame, size_t length, struct kj_fault *fault)
{
    struct kj_json_limits limits = kj_door_limits(frame->cmd);
    if (length <= limits.bytes + k_around &&
        kj_doc_within(&frame->args, limits.depth, limits.nodes))
        return KJ_OK;
    return too_large(frame->cmd, &limits, fault);
}

int kj_frame_parse(const void *bytes, size_t length, struct kj_frame *frame, struct kj_fault *fault)
{
    bool is_array = false;
    memset(frame, 0, sizeof *frame);
    frame->json = !looks_like_bson(bytes, length);
    int rc = frame->json ? kj_json_parse(bytes, length, &k_limits, &frame->doc, &is_array, fault)
                         : read_bson(bytes, length, frame, fault);
    if (rc != KJ_OK)
        return rc;
    bson_iter_t at;
    frame->id = text_field(frame->doc, "id");
    frame->cmd = text_field(frame->doc, "cmd");
    frame->token = text_field(frame->doc, "token");
    frame->idempotency_key = text_field(frame->doc, "idempotency_key");
    bool has_args = bson_iter_init_find(&at, frame->doc, "args");
    if (is_array || frame->cmd == NULL)
        return kj_fault(fault, KJ_ESCHEMA, "/cmd", "send {\"cmd\": \"status\", \"args\": {}}",
                        "a message names its command");
    if (has_args && !BSON_ITER_HOLDS_DOCUMENT(&at))
        return kj_fault(fault, KJ_ESCHEMA, "/args", "send {} when there is nothing to say",
                        "must be an object");
    if (has_args)
        kj_doc_child(frame->doc, "args", &frame->args);
    else
        bson_init(&frame->args);
    return frame->json ? check_limits(frame, length, fault) : KJ_OK;
}

void kj_frame_fini(struct kj_frame *frame)
{
    kj_doc_clear(&frame->doc);
}

void kj_error_document(const struct kj_fault *fault, const bson_t *details, bson_t *error)
{
    kj_doc_put_text(error, "code", kj_error_name(fault->code));
    if (fault->place[0])
        kj_doc_put_text(error, "place", fault->place);
    kj_doc_put_text(error, "text", fault->text);
    if (fault->hint[0])
        kj_doc_put_text(error, "hint", fault->hint);
    if (details)
        kj_doc_put_from(error, "faults", details, "faults");
}

void kj_frame_answer(const struct kj_frame *frame, const bson_t *result,
                     const struct kj_fault *fault, const bson_t *details, struct kj_buf *out)
{
    bson_t answer = BSON_INITIALIZER, error = BSON_INITIALIZER;
    size_t begun = out->length;
    if (frame->doc)
        kj_doc_put_from(&answer, "id", frame->doc, "id");
    kj_doc_put_bool(&answer, "ok", fault == NULL);
    if (fault) {
        kj_error_document(fault, details, &error);
        kj_doc_put_doc(&answer, "error", &error);
    } else
        kj_doc_put_doc(&answer, "result", result);
    if (frame->json)
        kj_json_write(&answer, 0, out);
    else
        kj_buf_add(out, bson_get_data(&answer), answer.len);
    bson_destroy(&answer);
    bson_destroy(&error);
    if (out->failed && fault == NULL) {
        struct kj_fault large;
        kj_fault(&large, KJ_ELIMIT, NULL, "ask for fewer, with limit",
                 "the answer is larger than %d MiB", KJ_FRAME_LIMIT >> 20);
        out->length = begun;
        out->failed = false;
        kj_frame_answer(frame, NULL, &large, NULL, out);
    }
}
