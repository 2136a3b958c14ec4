// The client of the bus: contexts of nng, each in one of two states, sending or receiving.
#include "bench_bus.h"

#include "base/alloc.h"
#include "doc/json.h"

#include <nng/protocol/reqrep0/req.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct bench_bus {
    nng_socket socket;
};

struct run {
    const struct bench_load *load;
    _Atomic int64_t next;
    int open; // contexts that still have work
    pthread_mutex_t lock;
    pthread_cond_t over;
};

struct slot {
    struct run *run;
    nng_ctx context;
    nng_aio *aio;
    bool sending;
};

static void must(int rc, const char *what)
{
    if (rc != 0)
        bench_die("the bus: %s: %s", what, nng_strerror(rc));
}

struct bench_bus *bench_bus_open(const char *url)
{
    struct bench_bus *bus = KJ_NEW(struct bench_bus);
    must(nng_req0_open(&bus->socket), "a socket");
    must(nng_socket_set_ms(bus->socket, NNG_OPT_REQ_RESENDTIME, NNG_DURATION_INFINITE), "setting");
    must(nng_socket_set_size(bus->socket, NNG_OPT_RECVMAXSZ, 64 << 20), "setting");
    must(nng_dial(bus->socket, url, NULL, 0), url);
    return bus;
}

void bench_bus_close(struct bench_bus *bus)
{
    nng_close(bus->socket);
    free(bus);
}

static void next_request(struct slot *slot)
{
    struct run *run = slot->run;
    nng_msg *message;
    int64_t number = run->next++;
    if (number >= run->load->count) {
        pthread_mutex_lock(&run->lock);
        if (--run->open == 0)
            pthread_cond_signal(&run->over);
        pthread_mutex_unlock(&run->lock);
        return;
    }
    must(nng_msg_alloc(&message, 0), "a message");
    run->load->make(run->load, number, message);
    nng_aio_set_msg(slot->aio, message);
    slot->sending = true;
    nng_ctx_send(slot->context, slot->aio);
}

static void on_aio(void *arg)
{
    struct slot *slot = arg;
    must(nng_aio_result(slot->aio), slot->sending ? "sending" : "receiving");
    if (slot->sending) {
        slot->sending = false;
        nng_ctx_recv(slot->context, slot->aio);
        return;
    }
    nng_msg *answer = nng_aio_get_msg(slot->aio);
    if (!slot->run->load->good(nng_msg_body(answer), nng_msg_len(answer)))
        bench_die("a request was refused: %.*s", (int)nng_msg_len(answer),
                  (const char *)nng_msg_body(answer));
    nng_msg_free(answer);
    next_request(slot);
}

double bench_bus_run(struct bench_bus *bus, const struct bench_load *load)
{
    struct run run = {.load = load,
                      .open = load->in_flight,
                      .lock = PTHREAD_MUTEX_INITIALIZER,
                      .over = PTHREAD_COND_INITIALIZER};
    struct slot *slots = kj_alloc((size_t)load->in_flight * sizeof *slots);
    for (int i = 0; i < load->in_flight; i++) {
        slots[i].run = &run;
        must(nng_ctx_open(&slots[i].context, bus->socket), "a context");
        must(nng_aio_alloc(&slots[i].aio, on_aio, &slots[i]), "a context");
        nng_aio_set_timeout(slots[i].aio, 60000);
    }
    int64_t start = bench_wall_ns();
    for (int i = 0; i < load->in_flight; i++)
        next_request(&slots[i]);
    pthread_mutex_lock(&run.lock);
    while (run.open)
        pthread_cond_wait(&run.over, &run.lock);
    pthread_mutex_unlock(&run.lock);
    double took = (double)(bench_wall_ns() - start) / 1e9;
    for (int i = 0; i < load->in_flight; i++) {
        nng_aio_stop(slots[i].aio);
        nng_aio_free(slots[i].aio);
        nng_ctx_close(slots[i].context);
    }
    free(slots);
    return took;
}

// --- one command ---

bson_t *bench_bus_ask(struct bench_bus *bus, const char *command, const bson_t *args,
                      struct kj_fault *fault)
{
    bson_t message = BSON_INITIALIZER, answer, part, *result = NULL;
    char *bytes;
    size_t length;
    kj_doc_put_text(&message, "id", "1");
    kj_doc_put_text(&message, "cmd", command);
    kj_doc_put_doc(&message, "args", args);
    must(nng_send(bus->socket, (void *)bson_get_data(&message), message.len, 0), command);
    must(nng_recv(bus->socket, &bytes, &length, NNG_FLAG_ALLOC), command);
    if (!bson_init_static(&answer, (const uint8_t *)bytes, length))
        bench_die("the bus: the answer to %s is no document", command);
    if (kj_doc_bool(&answer, "ok", false)) {
        kj_doc_child(&answer, "result", &part);
        result = bson_copy(&part);
    } else
        kj_fault(fault, kj_error_from_name(kj_doc_text(&answer, "error.code", "")),
                 kj_doc_text(&answer, "error.place", ""), kj_doc_text(&answer, "error.hint", ""),
                 "%s: %s", command, kj_doc_text(&answer, "error.text", "was refused"));
    nng_free(bytes, length);
    bson_destroy(&message);
    return result;
}

// --- job.submit, one job, in JSON ---

void bench_make_submit(const struct bench_load *load, int64_t number, nng_msg *message)
{
    static const char k_head[] = "{\"id\":\"1\",\"cmd\":\"job.submit\",\"args\":";
    struct kj_buf text;
    bson_t *request = bench_request(number, load->due);
    kj_buf_init(&text, 0);
    kj_buf_adds(&text, k_head);
    kj_json_write(request, 0, &text);
    kj_buf_addc(&text, '}');
    must(nng_msg_append(message, text.data, text.length), "a message");
    kj_buf_fini(&text);
    bson_destroy(request);
}

bool bench_good_json(const void *answer, size_t length)
{
    return memmem(answer, length, "\"ok\":true", 9) != NULL;
}
