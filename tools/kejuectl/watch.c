// kejuectl watch [PREFIX…]: one line per event as it happens. The bus may drop events for a slow
// reader or while it is away; a number that was skipped is asked for with event.since.
#include "ctl.h"

#include <nng/nng.h>
#include <nng/protocol/pubsub0/sub.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { k_page = 500, k_look_ms = 1000 };

struct watch {
    struct ctl *ctl;
    char **prefixes;
    int n_prefixes;
    int64_t last; // number of the newest event told or passed over; -1 = none yet
    int told;
    atomic_int joined; // how often the socket has connected; set by nng's threads
    int filled;        // joined, when what may have been missed was asked for
};

static bool is_wanted(const struct watch *watch, const char *name)
{
    for (int i = 0; i < watch->n_prefixes; i++)
        if (kj_starts_with(name, watch->prefixes[i]))
            return true;
    return watch->n_prefixes == 0;
}

static void put_line(const struct ctl *ctl, const bson_t *event, struct kj_buf *out)
{
    bson_t data;
    bson_iter_t at;
    struct kj_buf rest;
    int64_t when = kj_doc_time(event, "at", 0);
    ctl_time(out, when);
    kj_buf_addf(out, "  %6lld  ", (long long)kj_doc_int(event, "number", 0));
    ctl_color(ctl, out, CTL_BOLD, kj_doc_text(event, "name", "?"));
    kj_buf_init(&rest, 0);
    if (kj_doc_child(event, "data", &data) && bson_iter_init(&at, &data))
        while (bson_iter_next(&at)) {
            kj_buf_addf(&rest, "  %s=", bson_iter_key(&at));
            ctl_value(&rest, bson_iter_key(&at), &at);
        }
    size_t used = 30 + strlen(kj_doc_text(event, "name", ""));
    size_t room = ctl->width > (int)used ? (size_t)ctl->width - used : SIZE_MAX / 2;
    ctl_cut(out, rest.data ? rest.data : "", room, false);
    kj_buf_addc(out, '\n');
    kj_buf_fini(&rest);
}

// False when enough have been told.
static bool tell(struct watch *watch, const bson_t *event)
{
    struct kj_buf out;
    watch->last = kj_doc_int(event, "number", watch->last);
    if (!is_wanted(watch, kj_doc_text(event, "name", "")))
        return true;
    if (watch->ctl->json) {
        ctl_put_json(event);
    } else {
        kj_buf_init(&out, 0);
        put_line(watch->ctl, event, &out);
        ctl_flush(&out);
        kj_buf_fini(&out);
    }
    fflush(stdout);
    return ++watch->told != watch->ctl->count;
}

static int fill(struct watch *watch, int64_t until, bool *more)
{
    int code = CTL_OK;
    bool full = true;
    while (code == CTL_OK && *more && full && watch->last < until) {
        bson_t args = BSON_INITIALIZER, *result = NULL, events, event;
        bson_iter_t at;
        kj_doc_put_int(&args, "cursor", watch->last);
        kj_doc_put_int(&args, "limit", k_page);
        code = ctl_ask(watch->ctl, "event.since", &args, &result);
        if (code == CTL_OK && kj_doc_child(result, "events", &events) &&
            bson_iter_init(&at, &events)) {
            full = bson_count_keys(&events) == k_page;
            while (*more && bson_iter_next(&at)) {
                if (kj_doc_at(&at, &event) && kj_doc_int(&event, "number", 0) <= until)
                    *more = tell(watch, &event);
            }
        }
        if (result)
            bson_destroy(result);
        bson_destroy(&args);
    }
    return code;
}

// "NAME {json}"
static int take(struct watch *watch, const char *message, size_t length, bool *more)
{
    const char *space = memchr(message, ' ', length);
    struct kj_json_limits limits = {8 << 20, 100000, 34};
    bson_t *event = NULL;
    int code = CTL_OK;
    if (space == NULL || kj_json_parse(space + 1, length - (size_t)(space + 1 - message), &limits,
                                       &event, NULL, NULL) != KJ_OK)
        return CTL_OK; // not of ours
    int64_t number = kj_doc_int(event, "number", 0);
    if (watch->last >= 0 && number > watch->last + 1)
        code = fill(watch, number - 1, more);
    if (code == CTL_OK && *more && number > watch->last)
        *more = tell(watch, event);
    bson_destroy(event);
    return code;
}

static void on_joined(nng_pipe pipe, nng_pipe_ev event, void *arg)
{
    struct watch *watch = arg;
    (void)pipe;
    (void)event;
    watch->joined++;
}

static int subscribe(struct watch *watch, nng_socket *sub)
{
    const struct ctl *ctl = watch->ctl;
    int rc = nng_sub0_open(sub);
    if (rc == 0)
        rc = nng_pipe_notify(*sub, NNG_PIPE_EV_ADD_POST, on_joined, watch);
    if (rc == 0)
        rc = nng_socket_set_ms(*sub, NNG_OPT_RECVTIMEO, k_look_ms);
    if (rc == 0)
        rc = nng_socket_set(*sub, NNG_OPT_SUB_SUBSCRIBE, "", 0);
    if (rc == 0)
        nng_socket_set_int(*sub, NNG_OPT_RECVBUF, 8192);
    if (rc == 0)
        rc = nng_dial(*sub, ctl->events, NULL, 0);
    if (rc != 0)
        return ctl_say(CTL_AWAY, ctl->events, "is kejued running? see --dir and --bus",
                       "cannot be reached: %s", nng_strerror(rc));
    return CTL_OK;
}

static int parse_since(struct watch *watch, char ***words, int *count)
{
    char *end;
    if (*count == 0 || !kj_starts_with((*words)[0], "since="))
        return CTL_OK;
    watch->last = strtoll((*words)[0] + 6, &end, 10);
    if (*end || watch->last < 0)
        return ctl_say(CTL_USAGE, (*words)[0], NULL, "is not an event's number");
    (*words)++;
    (*count)--;
    return CTL_OK;
}

int ctl_watch(struct ctl *ctl, char **words, int count)
{
    struct watch watch = {.ctl = ctl, .last = -1, .filled = -1};
    nng_socket sub;
    bool more = true;
    int code = parse_since(&watch, &words, &count);
    watch.prefixes = words;
    watch.n_prefixes = count;
    if (code == CTL_OK)
        code = subscribe(&watch, &sub);
    if (code != CTL_OK)
        return code;
    while (code == CTL_OK && more) {
        char *message;
        size_t length;
        if (watch.last >= 0 && watch.joined != watch.filled) { // at first, or after a lost daemon
            watch.filled = watch.joined;
            code = fill(&watch, INT64_MAX, &more);
            continue;
        }
        int rc = nng_recv(sub, &message, &length, NNG_FLAG_ALLOC);
        if (rc == NNG_ETIMEDOUT)
            continue;
        if (rc != 0) {
            code = ctl_say(CTL_AWAY, ctl->events, NULL, "%s", nng_strerror(rc));
            break;
        }
        code = take(&watch, message, length, &more);
        nng_free(message, length);
    }
    nng_close(sub);
    return code;
}
