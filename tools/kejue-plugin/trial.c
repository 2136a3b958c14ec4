// kejue-plugin test: an instance on a virtual clock, every verb started under every outcome that
// the host or a vendor can bring, canceled, left to its deadline, and closed in the middle of work.
//
// A plugin passes when each operation ends once, by itself, with an answer of its own schema.
#include "base/alloc.h"
#include "doc/json.h"
#include "tool.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_HELD = 256, STEP_MS = 30000 };

struct trial {
    const struct tool_options *options;
    struct tool_report report;
    struct kj_clock clock;
    struct kj_loop *loop;
    struct kj_host *host;
    char secret_file[64];
    // What the plugin asks is answered with these classes, or held.
    enum kejue_class outward, storing; // host.http and host.command; submit, emit, state.*
    bool hold;
    int went_out; // times host.http was asked in this operation
    kj_host_reply *reply;
    void *held[MAX_HELD];
    size_t held_count;
    // the operation under trial
    int ends;
    enum kejue_class ended;
    char code[64], text[320];
};

static const char *const k_classes[] = {"ok",         "not_processed", "unknown", "caller",
                                        "credential", "account",       "canceled"};

// --- the floors above, played ---

static void answer(struct trial *trial, void *reply_arg, enum kejue_class class)
{
    bson_t empty = BSON_INITIALIZER;
    struct kj_outcome outcome = {
        .class = class, .code = class == KEJUE_OK ? NULL : "trial", .text = "played by the trial"};
    trial->reply(reply_arg, &outcome, &empty);
    bson_destroy(&empty);
}

static void on_ask(void *arg, const char *instance, const char *workspace, const char *verb,
                   const bson_t *request, kj_host_reply *reply, void *reply_arg)
{
    struct trial *trial = arg;
    bool http = strcmp(verb, "http") == 0;
    (void)instance, (void)workspace, (void)request;
    trial->reply = reply;
    trial->went_out += http;
    if (trial->hold && trial->held_count < MAX_HELD)
        trial->held[trial->held_count++] = reply_arg;
    else
        answer(trial, reply_arg,
               http || strcmp(verb, "command") == 0 ? trial->outward : trial->storing);
}

static void release(struct trial *trial, enum kejue_class class)
{
    for (size_t i = 0; i < trial->held_count; i++)
        answer(trial, trial->held[i], class);
    trial->held_count = 0;
}

// --- one operation ---

static void on_idle(void *arg)
{
    kj_loop_stop(arg);
}

static void run(struct trial *trial, int64_t ms)
{
    kj_loop_release(trial->loop, kj_loop_now(trial->loop) + ms, on_idle, trial->loop);
    kj_loop_run(trial->loop);
}

static void on_done(void *arg, const struct kj_outcome *outcome, const bson_t *result)
{
    struct trial *trial = arg;
    (void)result;
    trial->ends++;
    trial->ended = outcome->class;
    kj_copy(trial->code, sizeof trial->code, outcome->code ? outcome->code : "");
    kj_copy(trial->text, sizeof trial->text, outcome->text ? outcome->text : "");
}

static uint64_t begin(struct trial *trial, const char *verb, const bson_t *request,
                      struct kj_fault *fault)
{
    struct kj_host_call call = {
        .verb = verb, .workspace = "trial", .key = "trial-1", .attempt = 1, .request = request};
    trial->ends = trial->went_out = 0;
    if (kj_host_resume(trial->host, "trial") != 0) // refused credentials are part of the trial
        return 0;
    return kj_host_start(trial->host, &call, on_done, trial, fault);
}

static int64_t counter(struct trial *trial, const char *name)
{
    char path[64];
    bson_t *status = kj_host_status(trial->host, "trial");
    snprintf(path, sizeof path, "plugins.0.%s", name);
    int64_t value = kj_doc_int(status, path, 0);
    bson_destroy(status);
    return value;
}

static void judge(struct trial *trial, const char *verb, const char *what, int64_t refused)
{
    bool timeout = strcmp(trial->code, "timeout") == 0;
    bool host_said = strcmp(trial->code, "bad_response") == 0 ||
                     strcmp(trial->code, "bad_document") == 0 ||
                     strcmp(trial->code, "no_class") == 0;
    if (trial->ends != 1)
        tool_report_add(&trial->report, false, verb, "%s: ended %d times", what, trial->ends);
    else if (timeout || host_said)
        tool_report_add(&trial->report, false, verb, "%s: %s", what, trial->text);
    else if (counter(trial, "refused_finishes") != refused)
        tool_report_add(&trial->report, false, verb, "%s: finished more than once", what);
    else
        tool_report_add(&trial->report, true, verb, "%s: ended %s%s%s", what,
                        k_classes[trial->ended], trial->code[0] ? ", " : "", trial->code);
}

// A vendor that may have acted must not be asked again on the strength of a wrong class.
static void judge_unknown(struct trial *trial, const struct kejue_verb *verb)
{
    bool repeats = (verb->flags & KEJUE_IDEMPOTENT) || verb->repeat == KEJUE_REPEAT_UNIQUE;
    if (trial->outward == KEJUE_UNKNOWN && trial->went_out && !repeats && trial->ends == 1 &&
        trial->ended != KEJUE_UNKNOWN)
        tool_report_add(&trial->report, false, verb->name,
                        "the vendor may have acted (unknown), but it ended %s",
                        k_classes[trial->ended]);
}

// False when the verb could not be started: a fault only when the example is the plugin's own.
static bool try_answers(struct trial *trial, const struct kejue_verb *verb, const bson_t *request,
                        bool own, int64_t timeout_ms)
{
    for (int class = KEJUE_OK; class <= KEJUE_CANCELED + 1; class ++) {
        char what[64];
        struct kj_fault fault = {0};
        int64_t refused = counter(trial, "refused_finishes");
        bool away = class > KEJUE_CANCELED;
        trial->outward = away ? KEJUE_OK : (enum kejue_class) class;
        trial->storing = away ? KEJUE_NOT_PROCESSED : KEJUE_OK;
        snprintf(what, sizeof what, "%s%s", away ? "storage away" : "asks answered ",
                 away ? "" : k_classes[class]);
        if (!begin(trial, verb->name, request, &fault)) {
            tool_report_add(&trial->report, !own, verb->name, "not started: %s is refused: %s: %s",
                            own ? "its own example" : "it has no example, and the one made up",
                            fault.place, fault.text);
            return false;
        }
        run(trial, timeout_ms + STEP_MS);
        judge(trial, verb->name, what, refused);
        judge_unknown(trial, verb);
    }
    return true;
}

static void try_cancel(struct trial *trial, const char *verb, const bson_t *request)
{
    int64_t refused = counter(trial, "refused_finishes");
    trial->hold = true;
    uint64_t op = begin(trial, verb, request, NULL);
    run(trial, 0);
    kj_host_cancel(trial->host, op);
    run(trial, 0);
    release(trial, KEJUE_CANCELED);
    run(trial, STEP_MS);
    trial->hold = false;
    if (trial->ends == 1 && strcmp(trial->code, "canceled") == 0 && trial->ended == KEJUE_UNKNOWN)
        tool_report_add(&trial->report, false, verb, "canceled: it did not end within 5 s");
    else
        judge(trial, verb, "canceled", refused);
}

// The answers come when the deadline has passed: a late finish is refused, which is as it should
// be.
static void try_late(struct trial *trial, const char *verb, const bson_t *request,
                     int64_t timeout_ms)
{
    trial->hold = true;
    uint64_t op = begin(trial, verb, request, NULL);
    run(trial, timeout_ms);
    release(trial, KEJUE_OK);
    run(trial, STEP_MS);
    trial->hold = false;
    bool good = op && trial->ends == 1;
    tool_report_add(&trial->report, good, verb, "answers after the deadline: ended %d time(s)",
                    trial->ends);
}

// The first example of a schema file ({request, response}) or of a schema in place, else one made
// up
// (*own is false then). NULL: `check` has said what is wrong.
static bson_t *request_of(const struct kejue_verb *verb, const char *secret_file, bool *own)
{
    const char *text = verb->request_schema;
    const bson_t *named = text ? kj_schema_source(text) : NULL;
    bson_t *source = NULL, view;
    *own = named && kj_doc_child(named, "examples.0.request", &view);
    if (!text)
        return bson_new();
    if (*own)
        return bson_copy(&view);
    if (named)
        source = kj_doc_child(named, "request", &view) ? bson_copy(&view) : NULL;
    else if (kj_json_parse(text, strlen(text), NULL, &source, NULL, NULL) != 0)
        source = NULL;
    if (!source)
        return NULL;
    *own = kj_doc_has(source, "examples.0");
    bson_t *request = tool_example(source, secret_file);
    bson_destroy(source);
    return request;
}

static void try_verb(struct trial *trial, const struct kejue_verb *verb)
{
    bool money = (verb->flags & KEJUE_MONEY) && !(verb->flags & KEJUE_SIMULATED);
    int64_t timeout_ms = verb->timeout_ms ? verb->timeout_ms : STEP_MS;
    if (money && !trial->options->money) {
        tool_report_add(&trial->report, true, verb->name,
                        "not started: it reaches people (--money starts it)");
        return;
    }
    bool own;
    bson_t *request = request_of(verb, trial->secret_file, &own);
    if (request && try_answers(trial, verb, request, own, timeout_ms)) {
        try_cancel(trial, verb->name, request);
        try_late(trial, verb->name, request, timeout_ms);
    }
    kj_doc_clear(&request);
}

// --- the whole ---

static bson_t *config_of(struct trial *trial, const struct kejue_plugin *decl,
                         struct kj_fault *fault)
{
    struct kj_buf text;
    bson_t *config = NULL, *schema = NULL;
    if (!trial->options->config) {
        if (kj_plugin_config_source(decl, &schema, fault) != 0)
            return NULL;
        config = tool_example(schema, trial->secret_file);
        bson_destroy(schema);
        return config;
    }
    kj_buf_init(&text, 1 << 20);
    if (kj_read_file(trial->options->config, 1 << 20, &text, fault) == 0 &&
        kj_json_parse(text.data, text.length, NULL, &config, NULL, fault) != 0)
        config = NULL;
    kj_buf_fini(&text);
    return config;
}

static int open_instance(struct trial *trial, const struct kejue_plugin *decl,
                         struct kj_fault *fault)
{
    bson_t *config = config_of(trial, decl, fault);
    if (!config)
        return fault->code;
    int error = kj_host_load(trial->host, "trial", trial->options->file, config, NULL, NULL, fault);
    bson_destroy(config);
    if (error && !trial->options->config)
        kj_copy(fault->hint, sizeof fault->hint,
                "this configuration was made from the schema; give one with --config FILE");
    return error;
}

// The folder of the configuration file: where its "@name" secrets are.
static void folder_of(const char *file, char *folder, size_t size)
{
    const char *slash = file ? strrchr(file, '/') : NULL;
    snprintf(folder, size, "%.*s", slash ? (int)(slash - file) : 1, slash ? file : ".");
}

static int setup(struct trial *trial, struct kj_fault *fault)
{
    char folder[512];
    struct kj_host_config config = {.ports = {trial, on_ask},
                                    .plugin_dir = ".",
                                    .secret_dir = folder,
                                    .seed = 1,
                                    .allow_money = true,
                                    .watchdog_ms = 1000}; // a busy machine is not a fault
    folder_of(trial->options->config, folder, sizeof folder);
    strcpy(trial->secret_file, "/tmp/kejue-plugin-XXXXXX");
    int fd = mkstemp(trial->secret_file);
    if (fd < 0)
        return kj_fault(fault, KJ_EIO, trial->secret_file, "make room in /tmp",
                        "the file for test secrets cannot be written");
    bool written = write(fd, "trial-secret-0123456789", 23) == 23;
    close(fd);
    if (!written)
        return kj_fault(fault, KJ_EIO, trial->secret_file, "make room in /tmp",
                        "the file for test secrets cannot be written");
    kj_clock_init_virtual(&trial->clock, 1772445600000); // Monday 2026-03-02 10:00 UTC
    int error = kj_loop_create(&trial->clock, &trial->loop, fault);
    if (error)
        return error;
    config.loop = trial->loop;
    return kj_host_create(&config, &trial->host, fault);
}

// Closing with the last verb's work still open; its end must come, and nothing after it.
static void try_close(struct trial *trial, const struct kejue_verb *verb)
{
    bool own;
    bson_t *request = verb ? request_of(verb, trial->secret_file, &own) : NULL;
    uint64_t op = 0;
    trial->hold = true;
    if (request) {
        op = begin(trial, verb->name, request, NULL);
        run(trial, 0);
    }
    kj_host_destroy(trial->host);
    trial->host = NULL;
    release(trial, KEJUE_OK);
    if (op)
        tool_report_add(&trial->report, trial->ends == 1, verb->name,
                        "closed in the middle of work: ended %d time(s)", trial->ends);
    kj_doc_clear(&request);
}

static void try_all(struct trial *trial, const struct kejue_plugin *decl)
{
    const struct kejue_verb *last = NULL;
    for (size_t i = 0; decl->verbs && decl->verbs[i].name; i++) {
        const struct kejue_verb *verb = &decl->verbs[i];
        try_verb(trial, verb);
        if (!(verb->flags & KEJUE_MONEY) || (verb->flags & KEJUE_SIMULATED) ||
            trial->options->money)
            last = verb;
    }
    if (counter(trial, "blocked"))
        tool_report_add(&trial->report, false, "loop", "blocked for up to %" PRId64 " ms",
                        counter(trial, "blocked_ms_max"));
    if (counter(trial, "asks"))
        tool_report_add(&trial->report, false, "asks", "%" PRId64 " were never answered",
                        counter(trial, "asks"));
    try_close(trial, last);
}

int tool_trial(const struct tool_options *options)
{
    struct trial trial = {.options = options};
    struct kj_fault fault = {0};
    struct kj_plugin_file *file = NULL;
    int code = TOOL_NOT_LOADED;
    tool_report_init(&trial.report, options->json);
    if (kj_plugin_file_open(options->file, ".", &file, &fault) == 0 && setup(&trial, &fault) == 0 &&
        open_instance(&trial, &file->decl, &fault) == 0) {
        try_all(&trial, &file->decl);
        code = TOOL_OK;
    } else {
        tool_report_add(&trial.report, false, fault.place, "%s; %s", fault.text, fault.hint);
    }
    kj_host_destroy(trial.host);
    kj_loop_destroy(trial.loop);
    if (trial.secret_file[0])
        unlink(trial.secret_file);
    kj_plugin_file_close(file);
    int faults = tool_report_end(&trial.report);
    return code ? code : faults;
}
