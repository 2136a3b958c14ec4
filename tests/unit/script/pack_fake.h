// One pack from a text, judged over facts written as JSON: what the tests of this room share.
#ifndef PACK_FAKE_H
#define PACK_FAKE_H

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include "base/alloc.h"
#include "doc/json.h"
#include "script/eval.h"
#include "script/ruleset.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct kj_vm_limits k_limits = {16u << 20, 300, 10000000};

struct fake {
    const struct kj_vm_limits *limits; // NULL: k_limits
    struct kj_sources *sources;
    struct kj_pack *pack;
    struct kj_fault fault;
    int status;
    bson_t *plan;
    struct kj_buf text;
};

static inline void fake_add(struct fake *fake, const char *path, const char *text)
{
    if (!fake->sources) {
        fake->sources = kj_sources_new();
    }
    kj_sources_add(fake->sources, path, text, strlen(text));
}

// Loads rules/p.lua; the status is fake->status.
static inline void fake_load(struct fake *fake, const char *text)
{
    kj_buf_init(&fake->text, 0);
    fake_add(fake, "rules/p.lua", text);
    fake->status = kj_pack_create(fake->sources, fake->limits ? fake->limits : &k_limits,
                                  "rules/p.lua", false, &fake->pack, &fake->fault);
}

// A pack with these members, which must load.
static inline void fake_pack(struct fake *fake, const char *members)
{
    struct kj_buf text;
    kj_buf_init(&text, 0);
    kj_buf_addf(&text, "return kejue.rules { name = \"p\",\n%s\n}", members);
    fake_load(fake, text.data);
    kj_buf_fini(&text);
    if (fake->status) {
        fail_msg("%s: %s", fake->fault.place, fake->fault.text);
    }
}

static inline bson_t *fake_facts(const char *json)
{
    bson_t *facts = NULL;
    struct kj_fault fault = {0};
    char full[16384];
    snprintf(full, sizeof full, "{\"now\": \"2026-01-05T10:00:00Z\", %s}",
             json && *json ? json : "\"call\": {\"reached\": true}");
    if (kj_json_parse(full, strlen(full), NULL, &facts, NULL, &fault) != 0) {
        fail_msg("%s: %s", fault.place, fault.text);
    }
    return facts;
}

// Judges; the plan is fake->plan until the next call.
static inline const bson_t *fake_judge(struct fake *fake, const char *json)
{
    struct kj_warm *warm = NULL;
    bson_t *facts = fake_facts(json);
    kj_doc_clear(&fake->plan);
    assert_int_equal(kj_pack_take(fake->pack, &warm, &fake->fault), 0);
    assert_int_equal(kj_eval_run(warm->vm, warm->rules, facts, &fake->plan, &fake->fault), 0);
    kj_pack_give(fake->pack, warm);
    bson_destroy(facts);
    return fake->plan;
}

static inline const char *fake_json(struct fake *fake, const char *path)
{
    bson_iter_t at;
    kj_buf_reset(&fake->text);
    if (!kj_doc_find(fake->plan, path, &at)) {
        return "absent";
    }
    kj_json_write_value(&at, 0, &fake->text);
    return fake->text.data;
}

static inline const char *fake_text(const struct fake *fake, const char *path)
{
    return kj_doc_text(fake->plan, path, "");
}

static inline void fake_end(struct fake *fake)
{
    kj_doc_clear(&fake->plan);
    kj_pack_unref(fake->pack);
    kj_sources_unref(fake->sources);
    kj_buf_fini(&fake->text);
    memset(fake, 0, sizeof *fake);
}

// Loading this text must fail at this place with this sentence.
static inline void fake_refuses(const char *text, const char *place, const char *sentence)
{
    struct fake fake = {0};
    fake_load(&fake, text);
    assert_int_not_equal(fake.status, 0);
    if (strcmp(fake.fault.place, place) != 0 || !strstr(fake.fault.text, sentence)) {
        fail_msg("got %s: %s", fake.fault.place, fake.fault.text);
    }
    fake_end(&fake);
}

#endif
