// The bus: REP for requests, many of them in flight, and PUB for events, on two local sockets.
//
// A message is parsed and dispatched where it was read; its answer, whenever it comes and in
// whatever order, is written behind the others that wait for that client (sp_server.h).
#include "base/alloc.h"
#include "doc/json.h"
#include "face/face.h"
#include "face/frame.h"
#include "face/sp_server.h"

#include <stdlib.h>
#include <string.h>

// Requests at once, some of which wait for events; beyond that we only say so.
enum { k_busy = 2048, k_busy_pipe = 512, k_busy_bytes = 256 << 20 };

// A request under way.
struct errand {
    struct kj_bus *bus;
    struct kj_sp_pipe *pipe;
    struct kj_frame frame;
    size_t size; // bytes of its message
    size_t route_size;
    uint8_t route[KJ_SP_ROUTE]; // goes back before the answer
};

struct kj_bus {
    struct kj_api *api;
    struct kj_sp *rep, *pub;
    bool closed;             // destroyed, but still waiting for `open` answers
    size_t open, open_bytes; // dispatched, not answered yet
    struct kj_buf text;
};

static void bus_free(struct kj_bus *bus)
{
    kj_buf_fini(&bus->text);
    free(bus);
}

static void answer(struct errand *errand, const bson_t *result, const struct kj_fault *fault,
                   const bson_t *details)
{
    struct kj_buf *out = kj_sp_begin(errand->pipe, KJ_SP_ROUTE + KJ_FRAME_LIMIT);
    if (out) {
        kj_buf_add(out, errand->route, errand->route_size);
        kj_frame_answer(&errand->frame, result, fault, details, out);
        kj_sp_end(errand->pipe);
    }
    kj_frame_fini(&errand->frame);
    kj_sp_release(errand->pipe);
    free(errand);
}

static void on_answer(void *arg, const bson_t *result, const struct kj_fault *fault,
                      const bson_t *details)
{
    struct errand *errand = arg;
    struct kj_bus *bus = errand->bus;
    bus->open--;
    bus->open_bytes -= errand->size;
    answer(errand, result, fault, details);
    if (bus->closed && bus->open == 0)
        bus_free(bus);
}

static int check_busy(const struct kj_bus *bus, const struct errand *errand, struct kj_fault *fault)
{
    if (bus->open < k_busy && bus->open_bytes + errand->size <= k_busy_bytes &&
        kj_sp_held(errand->pipe) <= k_busy_pipe)
        return KJ_OK;
    return kj_fault(fault, KJ_EUNAVAILABLE, NULL, "try again in a moment",
                    "too many requests of the bus are under way");
}

static void on_message(void *arg, struct kj_sp_pipe *pipe, const uint8_t *body, size_t length)
{
    struct kj_bus *bus = arg;
    struct kj_fault fault;
    size_t route_size = kj_sp_route(body, length);
    if (route_size == 0) {
        kj_sp_hang_up(pipe);
        return;
    }
    struct errand *errand = KJ_NEW(struct errand);
    errand->bus = bus;
    errand->pipe = pipe;
    errand->size = length;
    errand->route_size = route_size;
    memcpy(errand->route, body, route_size);
    kj_sp_hold(pipe);
    int rc = kj_frame_parse(body + route_size, length - route_size, &errand->frame, &fault);
    if (rc == KJ_OK)
        rc = check_busy(bus, errand, &fault);
    if (rc != KJ_OK) {
        answer(errand, NULL, &fault, NULL);
        return;
    }
    struct kj_ask ask = {.command = errand->frame.cmd,
                         .args = &errand->frame.args,
                         .token = errand->frame.token,
                         .trusted = errand->frame.token == NULL, // our own user: mode 0600
                         .idempotency_key = errand->frame.idempotency_key,
                         .answer = on_answer,
                         .arg = errand};
    bus->open++;
    bus->open_bytes += length;
    kj_dispatch(bus->api, &ask);
}

int kj_bus_create(struct kj_api *api, const struct kj_bus_config *config, struct kj_bus **out,
                  struct kj_fault *fault)
{
    struct kj_bus *bus = KJ_NEW(struct kj_bus);
    struct kj_loop *loop = kj_api_engine(api)->loop;
    size_t limit = config->message_limit ? config->message_limit : KJ_FRAME_LIMIT;
    struct kj_sp_config rep = {.path = config->rep_path,
                               .own = KJ_SP_REP,
                               .peer = KJ_SP_REQ,
                               .message_limit = limit,
                               .on_message = on_message,
                               .arg = bus};
    struct kj_sp_config pub = {.path = config->pub_path, .own = KJ_SP_PUB, .peer = KJ_SP_SUB};
    bus->api = api;
    kj_buf_init(&bus->text, KJ_FRAME_LIMIT);
    int rc = kj_sp_listen(loop, &rep, &bus->rep, fault);
    if (rc == KJ_OK)
        rc = kj_sp_listen(loop, &pub, &bus->pub, fault);
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
    kj_sp_close(bus->rep);
    kj_sp_close(bus->pub);
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
    if (!kj_sp_has_clients(bus->pub))
        return; // nobody reads the text
    kj_buf_reset(&bus->text);
    put_event(event, &bus->text);
    if (!bus->text.failed)
        kj_sp_publish(bus->pub, bus->text.data, bus->text.length); // may miss; event.since has it
}
