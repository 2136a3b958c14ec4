// Requests over the bus. In BSON both ways; each with a key of its own, so that one which nng sends
// again (the daemon was restarted meanwhile) is not done twice.
#include "ctl.h"

#include <nng/nng.h>
#include <nng/protocol/reqrep0/req.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

struct ctl_link {
    nng_socket socket;
    char run[33]; // random
    int64_t number;
};

enum { k_largest = 32 << 20 };

static int say_away(const struct ctl *ctl, int rc)
{
    const char *hint = "is kejued running? see --dir and --bus";
    if (rc == NNG_EPERM)
        hint = "run as the user of kejued, or use a token over HTTP";
    return ctl_say(CTL_AWAY, ctl->bus, hint, "cannot be reached: %s", nng_strerror(rc));
}

static int dial(struct ctl *ctl)
{
    unsigned char bytes[16];
    struct ctl_link *link = KJ_NEW(struct ctl_link);
    int rc = nng_req0_open(&link->socket);
    if (rc != 0) {
        free(link);
        return say_away(ctl, rc);
    }
    // Only a lost connection leads to a second sending, never the time that a command takes.
    nng_socket_set_ms(link->socket, NNG_OPT_REQ_RESENDTIME, NNG_DURATION_INFINITE);
    nng_socket_set_ms(link->socket, NNG_OPT_RECVTIMEO, ctl->timeout_ms);
    nng_socket_set_ms(link->socket, NNG_OPT_SENDTIMEO, ctl->timeout_ms);
    nng_socket_set_size(link->socket, NNG_OPT_RECVMAXSZ, 2 * (size_t)k_largest);
    rc = nng_dial(link->socket, ctl->bus, NULL, 0);
    if (rc != 0) {
        nng_close(link->socket);
        free(link);
        return say_away(ctl, rc);
    }
    if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes)
        abort(); // not before the machine has any randomness
    for (size_t i = 0; i < sizeof bytes; i++)
        snprintf(link->run + 2 * i, 3, "%02x", bytes[i]);
    ctl->link = link;
    return CTL_OK;
}

void ctl_hang_up(struct ctl *ctl)
{
    if (ctl->link == NULL)
        return;
    nng_close(ctl->link->socket);
    free(ctl->link);
    ctl->link = NULL;
}

static void put_message(struct ctl *ctl, const char *command, const bson_t *args, bson_t *message)
{
    char key[64];
    bson_t empty = BSON_INITIALIZER;
    ctl->link->number++;
    kj_doc_put_int(message, "id", ctl->link->number);
    kj_doc_put_text(message, "cmd", command);
    kj_doc_put_doc(message, "args", args ? args : &empty);
    kj_doc_put_text(message, "token", ctl->token);
    snprintf(key, sizeof key, "ctl-%s-%lld", ctl->link->run, (long long)ctl->link->number);
    if (!ctl->harmless)
        kj_doc_put_text(message, "idempotency_key", ctl->key ? ctl->key : key);
    bson_destroy(&empty);
}

static int send_message(struct ctl *ctl, const bson_t *message)
{
    if (message->len > k_largest)
        return ctl_say(CTL_REFUSED, NULL, "send it in parts", "%u bytes are more than %d MiB",
                       message->len, k_largest >> 20);
    int rc = nng_send(ctl->link->socket, (void *)bson_get_data(message), message->len, 0);
    return rc ? say_away(ctl, rc) : CTL_OK;
}

static void say_rest(const bson_t *error)
{
    bson_t faults, one;
    bson_iter_t at;
    bool first = true; // it is the error itself
    if (!kj_doc_child(error, "faults", &faults) || !bson_iter_init(&at, &faults))
        return;
    while (bson_iter_next(&at)) {
        if (!first && kj_doc_at(&at, &one))
            fprintf(stderr, "  %s: %s\n", kj_doc_text(&one, "pointer", ""),
                    kj_doc_text(&one, "text", ""));
        first = false;
    }
}

static int read_answer(const char *bytes, size_t length, bson_t **result)
{
    bson_t answer, error, view;
    struct kj_fault fault;
    if (!bson_init_static(&answer, (const uint8_t *)bytes, length))
        return ctl_say(CTL_AWAY, NULL, "is this the bus of kejued?", "the answer is no document");
    if (kj_doc_bool(&answer, "ok", false)) {
        kj_doc_child(&answer, "result", &view);
        *result = bson_copy(&view);
        return CTL_OK;
    }
    kj_doc_child(&answer, "error", &error);
    kj_fault(&fault, kj_error_from_name(kj_doc_text(&error, "code", "")),
             kj_doc_text(&error, "place", ""), kj_doc_text(&error, "hint", ""), "%s",
             kj_doc_text(&error, "text", "was refused"));
    ctl_say_fault(CTL_REFUSED, &fault);
    say_rest(&error);
    return CTL_REFUSED;
}

int ctl_ask(struct ctl *ctl, const char *command, const bson_t *args, bson_t **result)
{
    char *bytes;
    size_t length;
    int code = ctl->link ? CTL_OK : dial(ctl);
    if (code != CTL_OK)
        return code;
    bson_t *message = bson_new();
    put_message(ctl, command, args, message);
    code = send_message(ctl, message);
    bson_destroy(message);
    if (code != CTL_OK)
        return code;
    int rc = nng_recv(ctl->link->socket, &bytes, &length, NNG_FLAG_ALLOC);
    if (rc == NNG_ETIMEDOUT)
        return ctl_say(CTL_AWAY, command, "give it longer with --timeout SECONDS",
                       "no answer within %d s; it may still be under way", ctl->timeout_ms / 1000);
    if (rc != 0)
        return say_away(ctl, rc);
    code = read_answer(bytes, length, result);
    nng_free(bytes, length);
    return code;
}
