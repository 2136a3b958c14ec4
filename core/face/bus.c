// The bus: nng REP with many contexts, so that many requests are in flight, and PUB for events.
//
// Clients come through a gate of ours (bus_gate.h). nng calls back on its own threads; there we
// only take the message, queue it and wake the loop. A context belongs to one request at a time:
// receive, dispatch, send, receive again.
#include "base/alloc.h"
#include "base/log.h"
#include "doc/json.h"
#include "face/bus_gate.h"
#include "face/face.h"
#include "face/frame.h"

#include <errno.h>
#include <nng/nng.h>
#include <nng/protocol/pubsub0/pub.h>
#include <nng/protocol/reqrep0/rep.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// Requests at once; some of them wait for events. Beyond k_busy of them we only say so.
enum { k_contexts = 512, k_busy = 480, k_backlog = 1024 };

struct slot {
    struct kj_bus *bus;
    nng_ctx ctx;
    nng_aio *aio;
    struct kj_task task;
    nng_msg *message;
    struct kj_frame frame;
    atomic_bool sending;
};

struct kj_bus {
    struct kj_api *api;
    struct kj_loop *loop;
    nng_socket rep, pub;
    struct kj_gate *rep_gate, *pub_gate;
    bool rep_open, pub_open, trusted;
    bool closed; // destroyed, but still waiting for `open` answers
    struct slot *slots;
    size_t open; // dispatched, not answered yet
    struct kj_buf text;
};

static int nng_fault(struct kj_fault *fault, const char *what, int rc)
{
    return kj_fault(fault, KJ_EIO, what, "is another kejued running there?", "%s",
                    nng_strerror(rc));
}

static void send_answer(struct slot *slot, const bson_t *result, const struct kj_fault *fault,
                        const bson_t *details)
{
    struct kj_buf out;
    nng_msg *message = NULL;
    kj_buf_init(&out, KJ_FRAME_LIMIT);
    kj_frame_answer(&slot->frame, result, fault, details, &out);
    kj_frame_fini(&slot->frame);
    if (nng_msg_alloc(&message, 0) == 0 && nng_msg_append(message, out.data, out.length) == 0) {
        nng_aio_set_msg(slot->aio, message);
        slot->sending = true;
        nng_ctx_send(slot->ctx, slot->aio);
    } else {
        nng_msg_free(message);
        nng_ctx_recv(slot->ctx, slot->aio);
    }
    kj_buf_fini(&out);
}

static void bus_free(struct kj_bus *bus)
{
    for (int i = 0; bus->slots && i < k_contexts; i++)
        kj_frame_fini(&bus->slots[i].frame);
    kj_buf_fini(&bus->text);
    free(bus->slots);
    free(bus);
}

static void on_answer(void *arg, const bson_t *result, const struct kj_fault *fault,
                      const bson_t *details)
{
    struct slot *slot = arg;
    struct kj_bus *bus = slot->bus;
    bus->open--;
    if (!bus->closed)
        send_answer(slot, result, fault, details);
    else if (bus->open == 0)
        bus_free(bus);
}

// Loop thread: a message has arrived.
static void on_message(struct kj_task *task)
{
    struct slot *slot = (struct slot *)((char *)task - offsetof(struct slot, task));
    struct kj_fault fault;
    nng_msg *message = slot->message;
    slot->message = NULL;
    int rc = kj_frame_parse(nng_msg_body(message), nng_msg_len(message), &slot->frame, &fault);
    nng_msg_free(message);
    if (rc == KJ_OK && slot->bus->open >= k_busy)
        rc = kj_fault(&fault, KJ_EUNAVAILABLE, NULL, "try again in a moment",
                      "too many requests of the bus are under way");
    if (rc != KJ_OK) {
        send_answer(slot, NULL, &fault, NULL);
        return;
    }
    struct kj_ask ask = {.command = slot->frame.cmd,
                         .args = &slot->frame.args,
                         .token = slot->frame.token,
                         .trusted = slot->bus->trusted && slot->frame.token == NULL,
                         .idempotency_key = slot->frame.idempotency_key,
                         .answer = on_answer,
                         .arg = slot};
    slot->bus->open++;
    kj_dispatch(slot->bus->api, &ask);
}

// A thread of nng: a receive or a send has ended.
static void on_aio(void *arg)
{
    struct slot *slot = arg;
    int rc = nng_aio_result(slot->aio);
    if (rc == NNG_ECLOSED || rc == NNG_ECANCELED) {
        if (slot->sending)
            nng_msg_free(nng_aio_get_msg(slot->aio));
        return;
    }
    if (slot->sending) {
        slot->sending = false;
        if (rc != 0) // the client has gone: the message is still ours
            nng_msg_free(nng_aio_get_msg(slot->aio));
        nng_ctx_recv(slot->ctx, slot->aio);
    } else if (rc != 0) {
        nng_ctx_recv(slot->ctx, slot->aio);
    } else {
        slot->message = nng_aio_get_msg(slot->aio);
        slot->task.run = on_message;
        kj_loop_post_from_thread(slot->bus->loop, &slot->task);
    }
}

// "ipc:///run/kejue/bus.ipc" is the gate's; nng listens on ".bus.ipc" beside it.
static int open_gate(struct kj_loop *loop, const char *url, uint8_t protocol, char *inner,
                     size_t size, struct kj_gate **gate, struct kj_fault *fault)
{
    const char *path = url + 6, *name = strrchr(path, '/');
    int length = (int)(name ? name + 1 - path : 0);
    snprintf(inner, size, "ipc://%.*s.%s", length, path, path + length);
    int rc = kj_gate_open(loop, path, inner + 6, protocol, gate, fault);
    if (rc == KJ_OK)
        unlink(inner + 6); // of a life that crashed: the gate's path was free
    return rc;
}

static int listen_on(struct kj_bus *bus, nng_socket socket, const char *url, size_t limit,
                     struct kj_gate **gate, struct kj_fault *fault)
{
    nng_listener listener;
    char inner[4200];
    uint8_t protocol = gate == &bus->rep_gate ? KJ_GATE_REQ : KJ_GATE_SUB;
    bool local = strncmp(url, "ipc://", 6) == 0;
    if (local) {
        int opened = open_gate(bus->loop, url, protocol, inner, sizeof inner, gate, fault);
        if (opened != KJ_OK)
            return opened;
        url = inner;
    }
    int rc = nng_listener_create(&listener, socket, url);
    if (rc == 0)
        rc = nng_listener_setopt_size(listener, NNG_OPT_RECVMAXSZ, limit);
    if (rc == 0 && local)
        rc = nng_listener_setopt_int(listener, NNG_OPT_IPC_PERMISSIONS, 0600);
    if (rc == 0)
        rc = nng_listener_start(listener, 0);
    return rc ? nng_fault(fault, url, rc) : KJ_OK;
}

static int open_rep(struct kj_bus *bus, const struct kj_bus_config *config, struct kj_fault *fault)
{
    size_t limit = config->message_limit ? config->message_limit : KJ_FRAME_LIMIT;
    int rc = nng_rep0_open(&bus->rep);
    if (rc != 0)
        return nng_fault(fault, config->rep_url, rc);
    bus->rep_open = true;
    bus->slots = kj_alloc_aligned(sizeof *bus->slots * k_contexts, _Alignof(struct slot));
    for (int i = 0; i < k_contexts; i++) {
        struct slot *slot = &bus->slots[i];
        slot->bus = bus;
        rc = nng_ctx_open(&slot->ctx, bus->rep);
        if (rc == 0)
            rc = nng_aio_alloc(&slot->aio, on_aio, slot);
        if (rc != 0)
            return nng_fault(fault, config->rep_url, rc);
    }
    rc = listen_on(bus, bus->rep, config->rep_url, limit, &bus->rep_gate, fault);
    for (int i = 0; rc == KJ_OK && i < k_contexts; i++)
        nng_ctx_recv(bus->slots[i].ctx, bus->slots[i].aio);
    return rc;
}

int kj_bus_create(struct kj_api *api, const struct kj_bus_config *config, struct kj_bus **out,
                  struct kj_fault *fault)
{
    struct kj_bus *bus = KJ_NEW(struct kj_bus);
    bus->api = api;
    bus->loop = kj_api_engine(api)->loop;
    bus->trusted = strncmp(config->rep_url, "ipc://", 6) == 0;
    kj_buf_init(&bus->text, KJ_FRAME_LIMIT);
    int rc = open_rep(bus, config, fault);
    if (rc == KJ_OK) {
        int opened = nng_pub0_open(&bus->pub);
        bus->pub_open = opened == 0;
        if (opened == 0)
            opened = nng_socket_set_int(bus->pub, NNG_OPT_SENDBUF, k_backlog);
        rc = opened ? nng_fault(fault, config->pub_url, opened)
                    : listen_on(bus, bus->pub, config->pub_url, 4096, &bus->pub_gate, fault);
    }
    if (rc != KJ_OK) {
        kj_bus_destroy(bus);
        return rc;
    }
    *out = bus;
    return KJ_OK;
}

void kj_bus_destroy(struct kj_bus *bus)
{
    if (bus == NULL)
        return;
    kj_gate_close(bus->rep_gate);
    kj_gate_close(bus->pub_gate);
    if (bus->pub_open)
        nng_close(bus->pub);
    if (bus->rep_open)
        nng_close(bus->rep);
    for (int i = 0; bus->slots && i < k_contexts; i++) {
        struct slot *slot = &bus->slots[i];
        if (slot->aio) {
            nng_aio_stop(slot->aio); // no callback runs after this
            nng_aio_free(slot->aio);
        }
        if (slot->message) { // it came while we were closing
            kj_loop_unpost(bus->loop, &slot->task);
            nng_msg_free(slot->message);
            slot->message = NULL;
        }
    }
    bus->closed = true;
    if (bus->open == 0)
        bus_free(bus);
}

// As event.since tells it, and the workspace.
static void put_event(const bson_t *event, struct kj_buf *text)
{
    bson_t told = BSON_INITIALIZER;
    kj_doc_put_from(&told, "number", event, "_id");
    bson_copy_to_excluding_noinit(event, &told, "_id", "version", NULL);
    kj_buf_addf(text, "%s ", kj_doc_text(event, "name", "event"));
    kj_json_write(&told, 0, text);
    bson_destroy(&told);
}

void kj_bus_publish(struct kj_bus *bus, const bson_t *event)
{
    nng_msg *message;
    kj_buf_reset(&bus->text);
    put_event(event, &bus->text);
    if (bus->text.failed || nng_msg_alloc(&message, 0) != 0)
        return;
    if (nng_msg_append(message, bus->text.data, bus->text.length) != 0 ||
        nng_sendmsg(bus->pub, message, NNG_FLAG_NONBLOCK) != 0)
        nng_msg_free(message); // PUB may drop; event.since has it
}
