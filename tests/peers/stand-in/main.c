// kejue-stand-in: an HTTP server on loopback that plays WhatsApp, an OpenAI-like model and a CRM.
//
//   kejue-stand-in [--port 0] [--log FILE] [--script FILE] [--templates FILE] [--answers FILE]
//                  [--webhook URL --webhook-secret FILE [--webhook-twice] [--webhook-reordered]
//                  [--webhook-delay-ms 50]]
//
// Prints "listening PORT". POST /_control takes rules (script.c) or {"inbound": {…}}; GET tells
// counts; DELETE forgets the rules. Paths: /vNN.N/ID/messages, …/chat/completions, /crm/….
#include "stand_in.h"

#include "base/alloc.h"
#include "base/str.h"
#include "doc/json.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BODY_LIMIT = 4 * 1024 * 1024 };

static const struct kj_json_limits k_limits = {BODY_LIMIT, 200000, 64};
static const struct si_vendor *const k_vendors[] = {&si_whatsapp, &si_openai, &si_crm};

struct exchange {
    struct kj_buf body;
};

int64_t si_seen(struct stand_in *si, const char *text)
{
    int64_t *count = kj_map_get(&si->seen, text);
    if (!count) {
        count = KJ_NEW(int64_t);
        kj_map_put(&si->seen, text, count);
    }
    return (*count)++;
}

bool si_bearer(const struct si_request *request)
{
    const char *value = request->authorization;
    return value && strncmp(value, "Bearer ", 7) == 0 && value[7] &&
           strcmp(value + 7, "expired") != 0;
}

// --- answers ---

static enum MHD_Result send_json(struct MHD_Connection *connection, int status, const bson_t *json,
                                 int retry_after)
{
    struct kj_buf text;
    char seconds[16];
    kj_buf_init(&text, 0);
    kj_json_write(json, 0, &text);
    struct MHD_Response *response =
        MHD_create_response_from_buffer(text.length, text.data, MHD_RESPMEM_MUST_COPY);
    kj_buf_fini(&text);
    MHD_add_response_header(response, "Content-Type", "application/json");
    snprintf(seconds, sizeof seconds, "%d", retry_after);
    if (retry_after)
        MHD_add_response_header(response, "Retry-After", seconds);
    enum MHD_Result result = MHD_queue_response(connection, (unsigned)status, response);
    MHD_destroy_response(response);
    return result;
}

static void log_accepted(struct stand_in *si, const struct si_vendor *vendor,
                         const struct si_request *request, const struct si_answer *answer)
{
    bson_t line = BSON_INITIALIZER;
    struct kj_buf text;
    si->accepted++;
    if (!si->log)
        goto done;
    kj_doc_put_text(&line, "vendor", vendor->name);
    kj_doc_put_int(&line, "n", si->accepted);
    kj_doc_put_text(&line, "method", request->method);
    kj_doc_put_text(&line, "path", request->path);
    kj_doc_put_text(&line, "key", request->key);
    kj_doc_put_text(&line, "id", answer->id[0] ? answer->id : NULL);
    kj_doc_put_doc(&line, "body", request->json);
    kj_buf_init(&text, 0);
    kj_json_write(&line, 0, &text);
    fprintf(si->log, "%s\n", text.data);
    fflush(si->log);
    kj_buf_fini(&text);
done:
    bson_destroy(&line);
}

static enum MHD_Result serve(struct stand_in *si, const struct si_vendor *vendor,
                             struct MHD_Connection *connection, const struct si_request *request)
{
    struct si_rule rule = {0};
    struct si_answer answer = {.status = 200};
    pthread_mutex_lock(&si->lock);
    bool ruled = si_rule_take(si, vendor->name, &rule);
    pthread_mutex_unlock(&si->lock);
    if (ruled && rule.delay_ms) {
        struct timespec wait = {rule.delay_ms / 1000, rule.delay_ms % 1000 * 1000000};
        nanosleep(&wait, NULL);
    }
    if (ruled && rule.drop == SI_DROP_BEFORE)
        return MHD_NO;
    pthread_mutex_lock(&si->lock);
    if (ruled && rule.status) {
        vendor->fail(&answer, rule.status, rule.code, rule.message);
        answer.retry_after = rule.retry_after;
    } else {
        vendor->serve(si, request, &answer);
    }
    if (answer.accepted)
        log_accepted(si, vendor, request, &answer);
    pthread_mutex_unlock(&si->lock);
    enum MHD_Result result =
        ruled && rule.drop == SI_DROP_AFTER
            ? MHD_NO
            : send_json(connection, answer.status, answer.json, answer.retry_after);
    kj_doc_clear(&answer.json);
    return result;
}

// --- control ---

static int control_post(struct stand_in *si, const struct si_request *request,
                        struct kj_fault *fault)
{
    bson_t *doc = NULL, inbound;
    bool is_array = false;
    int status = kj_json_parse(request->body, request->length, &k_limits, &doc, &is_array, fault);
    if (status != KJ_OK)
        return status;
    if (!kj_doc_child(doc, "inbound", &inbound))
        status = si_rules_add(si, doc, is_array, fault);
    else if (!si->hooks)
        status = kj_fault(fault, KJ_EINVAL, "inbound", "start with --webhook", "no webhook is set");
    else
        si_hooks_inbound(si->hooks, kj_doc_text(&inbound, "number_id", si->number_id), &inbound);
    bson_destroy(doc);
    return status;
}

static enum MHD_Result control(struct stand_in *si, struct MHD_Connection *connection,
                               const struct si_request *request)
{
    struct kj_fault fault = {0};
    bson_t told = BSON_INITIALIZER;
    int status = KJ_OK;
    int64_t rules = 0;
    pthread_mutex_lock(&si->lock);
    if (strcmp(request->method, "POST") == 0)
        status = control_post(si, request, &fault);
    else if (strcmp(request->method, "DELETE") == 0)
        si_rules_clear(si);
    for (const struct si_rule *rule = si->rules; rule; rule = rule->next)
        rules++;
    kj_doc_put_int(&told, "requests", si->requests);
    kj_doc_put_int(&told, "accepted", si->accepted);
    kj_doc_put_int(&told, "rules", rules);
    pthread_mutex_unlock(&si->lock);
    if (status != KJ_OK)
        kj_doc_put_text(&told, "fault", fault.text);
    enum MHD_Result result = send_json(connection, status == KJ_OK ? 200 : 400, &told, 0);
    bson_destroy(&told);
    return result;
}

// --- HTTP ---

static enum MHD_Result route(struct stand_in *si, struct MHD_Connection *connection,
                             const struct si_request *request)
{
    bson_t nothing = BSON_INITIALIZER;
    if (strcmp(request->path, "/_control") == 0)
        return control(si, connection, request);
    pthread_mutex_lock(&si->lock);
    si->requests++;
    pthread_mutex_unlock(&si->lock);
    for (size_t i = 0; i < KJ_COUNT(k_vendors); i++)
        if (k_vendors[i]->owns(request))
            return serve(si, k_vendors[i], connection, request);
    kj_doc_put_text(&nothing, "message", "no vendor lives at this path");
    enum MHD_Result result = send_json(connection, 404, &nothing, 0);
    bson_destroy(&nothing);
    return result;
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *size, void **state)
{
    struct exchange *exchange = *state;
    (void)version;
    if (!exchange) {
        exchange = KJ_NEW(struct exchange);
        kj_buf_init(&exchange->body, BODY_LIMIT);
        *state = exchange;
        return MHD_YES;
    }
    if (*size) {
        kj_buf_add(&exchange->body, data, *size);
        *size = 0;
        return exchange->body.failed ? MHD_NO : MHD_YES;
    }
    bool is_array = false;
    struct si_request request = {
        .method = method,
        .path = url,
        .authorization = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Authorization"),
        .key = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Idempotency-Key"),
        .body = exchange->body.data ? exchange->body.data : "",
        .length = exchange->body.length,
    };
    if (kj_json_parse(request.body, request.length, &k_limits, &request.json, &is_array, NULL) !=
            KJ_OK ||
        is_array)
        kj_doc_clear(&request.json);
    enum MHD_Result result = route(arg, connection, &request);
    kj_doc_clear(&request.json);
    return result;
}

static void on_completed(void *arg, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode code)
{
    struct exchange *exchange = *state;
    (void)arg, (void)connection, (void)code;
    if (exchange)
        kj_buf_fini(&exchange->body);
    free(exchange);
}

// --- start ---

static void die(const char *what, const char *why)
{
    fprintf(stderr, "kejue-stand-in: %s: %s\n", what, why);
    exit(2);
}

static bson_t *read_json(const char *path, bool *is_array)
{
    struct kj_buf text;
    struct kj_fault fault = {0};
    bson_t *doc = NULL;
    kj_buf_init(&text, BODY_LIMIT);
    if (kj_read_file(path, BODY_LIMIT, &text, &fault) != KJ_OK ||
        kj_json_parse(text.data, text.length, &k_limits, &doc, is_array, &fault) != KJ_OK)
        die(path, fault.text);
    kj_buf_fini(&text);
    return doc;
}

static char *read_secret(const char *path)
{
    struct kj_buf text;
    struct kj_fault fault = {0};
    kj_buf_init(&text, 4096);
    if (kj_read_file(path, 4096, &text, &fault) != KJ_OK)
        die(path, fault.text);
    char *secret = kj_buf_take(&text);
    secret[strcspn(secret, "\r\n")] = '\0';
    return secret;
}

struct options {
    int port;
    struct si_hooks_config hooks;
};

static void take_file(struct stand_in *si, const char *name, const char *path)
{
    bool is_array = false;
    if (strcmp(name, "--log") == 0) {
        si->log = fopen(path, "a");
        if (!si->log)
            die(path, "cannot be written");
        return;
    }
    bson_t *doc = read_json(path, &is_array);
    struct kj_fault fault = {0};
    if (strcmp(name, "--templates") == 0) {
        si->templates = doc;
    } else if (strcmp(name, "--answers") == 0) {
        si->answers = doc;
    } else {
        if (si_rules_add(si, doc, is_array, &fault) != KJ_OK)
            die(path, fault.text);
        bson_destroy(doc);
    }
}

// True when the option has used the next argument.
static bool take_option(struct stand_in *si, struct options *options, const char *name,
                        const char *value)
{
    static const char *const files[] = {"--log", "--script", "--templates", "--answers"};
    if (strcmp(name, "--webhook-twice") == 0) {
        options->hooks.twice = true;
        return false;
    }
    if (strcmp(name, "--webhook-reordered") == 0) {
        options->hooks.reordered = true;
        return false;
    }
    if (!value)
        die(name, "needs a value, or is not known");
    for (size_t i = 0; i < KJ_COUNT(files); i++)
        if (strcmp(name, files[i]) == 0) {
            take_file(si, name, value);
            return true;
        }
    if (strcmp(name, "--port") == 0)
        options->port = atoi(value);
    else if (strcmp(name, "--webhook") == 0)
        options->hooks.url = value;
    else if (strcmp(name, "--webhook-secret") == 0)
        options->hooks.secret = read_secret(value);
    else if (strcmp(name, "--webhook-delay-ms") == 0)
        options->hooks.delay_ms = atoll(value);
    else
        die(name, "is not known; see the top of main.c");
    return true;
}

static struct MHD_Daemon *listen_on(struct stand_in *si, int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return MHD_start_daemon(
        MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION | MHD_USE_POLL, 0, NULL,
        NULL, on_request, si, MHD_OPTION_SOCK_ADDR, &address, MHD_OPTION_NOTIFY_COMPLETED,
        on_completed, NULL, MHD_OPTION_CONNECTION_TIMEOUT, 60u, MHD_OPTION_END);
}

static void finish(struct stand_in *si, const char *secret)
{
    const char *key;
    void *count;
    si_hooks_destroy(si->hooks);
    si_rules_clear(si);
    for (size_t at = 0; kj_map_next(&si->seen, &at, &key, &count);)
        free(count);
    kj_map_fini(&si->seen);
    kj_doc_clear(&si->templates);
    kj_doc_clear(&si->answers);
    if (si->log)
        fclose(si->log);
    free((char *)secret);
}

int main(int argc, char **argv)
{
    struct stand_in si = {.lock = PTHREAD_MUTEX_INITIALIZER, .number_id = "106540352242922"};
    struct options options = {.hooks = {.delay_ms = 50}};
    sigset_t signals;
    int signal_number;
    kj_map_init(&si.seen);
    for (int i = 1; i < argc; i++)
        i += take_option(&si, &options, argv[i], i + 1 < argc ? argv[i + 1] : NULL);
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, NULL); // before any thread begins
    signal(SIGPIPE, SIG_IGN);
    if (options.hooks.url && !options.hooks.secret)
        die("--webhook", "needs --webhook-secret FILE");
    if (options.hooks.url)
        si.hooks = si_hooks_create(&options.hooks);
    struct MHD_Daemon *daemon = listen_on(&si, options.port);
    if (!daemon)
        die("--port", "cannot listen there");
    printf("listening %u\n", MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)->port);
    fflush(stdout);
    sigwait(&signals, &signal_number);
    MHD_stop_daemon(daemon);
    finish(&si, options.hooks.secret);
    return 0;
}
