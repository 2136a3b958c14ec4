// What the tests of the simulated carrier share: files of their own, a request, the last event.
#ifndef SIM_HELP_H
#define SIM_HELP_H

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include "base/str.h"
#include "doc/doc.h"
#include "doc/schema.h"
#include "peers/fake_host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern const struct kejue_plugin kejue_plugin;

// A folder with a ring log and a truth file that does not outlive the test.
struct sim_files {
    char folder[64], ring[96], truth[96], hangups[112];
};

static inline void sim_files_init(struct sim_files *files)
{
    snprintf(files->folder, sizeof files->folder, "/tmp/kejue-sim-XXXXXX");
    assert_non_null(mkdtemp(files->folder));
    snprintf(files->ring, sizeof files->ring, "%s/ring.log", files->folder);
    snprintf(files->truth, sizeof files->truth, "%s/truth.log", files->folder);
    snprintf(files->hangups, sizeof files->hangups, "%s.hangups", files->ring);
}

static inline void sim_files_fini(struct sim_files *files)
{
    unlink(files->ring);
    unlink(files->truth);
    unlink(files->hangups);
    assert_int_equal(rmdir(files->folder), 0);
}

// Opens the carrier with both files; `more` are further members (", \"max_lines\": 2") or "".
static inline struct fake_host *sim_open_at(const struct sim_files *files, const char *more,
                                            uint64_t seed, int64_t wall_ms)
{
    char config[1024], error[256] = "";
    snprintf(config, sizeof config, "{\"ring_log\": \"%s\", \"truth_file\": \"%s\"%s}", files->ring,
             files->truth, more);
    struct fake_host *host =
        fake_host_create(&kejue_plugin, config, seed, wall_ms, error, sizeof error);
    if (!host)
        fail_msg("open failed: %s", error);
    return host;
}

static inline struct fake_host *sim_open(const struct sim_files *files, const char *more)
{
    return sim_open_at(files, more, 1, 0);
}

static const char k_sim_questions[] =
    "[{\"key\": \"owner\", \"text\": \"Q1 owner?\", \"type\": \"boolean\"},"
    "{\"key\": \"budget\", \"text\": \"Q2 budget?\", \"type\": \"integer\", \"min\": 1000, "
    "\"max\": 50000},"
    "{\"key\": \"rooms\", \"text\": \"Q3 rooms?\", \"type\": \"integer\", \"min\": 1, \"max\": 9},"
    "{\"key\": \"roof\", \"text\": \"Q4 roof?\", \"type\": \"enum\", \"values\": [\"flat_roof\", "
    "\"pitched\"], \"labels\": {\"pitched\": {\"en\": \"a pitched one\", \"de\": \"ein "
    "Satteldach\", "
    "\"es\": \"uno inclinado\"}}},"
    "{\"key\": \"wish\", \"text\": \"Q5 wish?\", \"type\": \"string\"},"
    "{\"key\": \"area\", \"text\": \"Q6 area?\", \"type\": \"number\", \"min\": 2.5, \"max\": 9.5},"
    "{\"key\": \"move\", \"text\": \"Q7 move?\", \"type\": \"date\"}]";

static inline uint64_t sim_place(struct fake_host *host, const char *attempt_id, const char *to,
                                 int attempt, const char *language)
{
    char request[4096];
    snprintf(request, sizeof request,
             "{\"attempt_id\": \"%s\", \"to\": \"%s\", \"language\": \"%s\", \"attempt\": %d, "
             "\"company\": \"Sonnendach\", \"lead\": {\"first_name\": \"Anna\"}, "
             "\"questions\": %s}",
             attempt_id, to, language, attempt, k_sim_questions);
    return fake_host_start(host, "telephony.place", request);
}

// The newest event of an attempt, or NULL.
static inline const struct fake_event *sim_last(const struct fake_host *host,
                                                const char *attempt_id)
{
    for (size_t i = fake_host_event_count(host); i-- > 0;) {
        const struct fake_event *event = fake_host_event(host, i);
        if (strcmp(kj_doc_text(event->data, "attempt_id", ""), attempt_id) == 0)
            return event;
    }
    return NULL;
}

static inline char *sim_read(const char *path)
{
    struct kj_buf text;
    kj_buf_init(&text, 0);
    assert_int_equal(kj_read_file(path, 64 << 20, &text, NULL), 0);
    return kj_buf_take(&text);
}

static inline size_t sim_lines(const char *path)
{
    char *text = sim_read(path);
    size_t lines = 0;
    for (const char *at = text; *at; at++)
        lines += *at == '\n';
    free(text);
    return lines;
}

static inline void sim_check(const char *schema, const char *member, const bson_t *doc)
{
    struct kj_fault fault = {0};
    const struct kj_schema *compiled = kj_schema_get(schema, member);
    assert_non_null(compiled);
    if (kj_schema_check_fault(compiled, doc, &fault) != 0)
        fail_msg("%s %s: %s %s", schema, member, fault.place, fault.text);
}

static const char k_sim_forced[] = ", \"force_by_suffix\": true";

static inline const struct fake_result *sim_wait_for(struct fake_host *host, uint64_t op)
{
    fake_host_advance(host, 10000);
    return fake_host_result(host, op);
}

static inline const bson_t *sim_look_up(struct fake_host *host, const char *attempt_id)
{
    char request[64];
    snprintf(request, sizeof request, "{\"attempt_id\": \"%s\"}", attempt_id);
    uint64_t op = fake_host_start(host, "telephony.lookup", request);
    const struct fake_result *result = fake_host_result(host, op);
    assert_non_null(result);
    assert_int_equal(result->class_, KEJUE_OK);
    sim_check("verbs/telephony.lookup", "response", result->doc);
    return result->doc;
}

// How often a state of an attempt was reported.
static inline int sim_reported(const struct fake_host *host, const char *attempt_id,
                               const char *state)
{
    int count = 0;
    for (size_t i = 0; i < fake_host_event_count(host); i++) {
        const bson_t *data = fake_host_event(host, i)->data;
        count += strcmp(kj_doc_text(data, "attempt_id", ""), attempt_id) == 0 &&
                 strcmp(kj_doc_text(data, "state", ""), state) == 0;
    }
    return count;
}

#endif
