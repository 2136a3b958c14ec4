// What the benchmarks of rules share: the pack scripts/rules/after-call.lua, the facts of one call,
// the look at its plan, and lines of medians. Each is one program and includes this once.
#ifndef KJ_RULES_BENCH_H
#define KJ_RULES_BENCH_H

#include "base/alloc.h"
#include "doc/json.h"
#include "script/script.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { EVALUATIONS = 10000, MAX_ROUNDS = 99 };

static void die(const char *what, const struct kj_fault *fault)
{
    fprintf(stderr, "rules: %s: %s %s\n", what, fault->place, fault->text);
    exit(1);
}

static double cpu_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void on_loaded(void *arg, int status, const bson_t *result, const struct kj_fault *fault)
{
    (void)result;
    if (status) {
        die("loading the pack", fault);
    }
    if (arg) {
        kj_loop_stop(arg);
    }
}

// A plan that is not the expected one must not be counted: the first is looked into, and the same
// facts must give plans of the same size.
static void on_decided(void *arg, int status, const bson_t *plan, const struct kj_fault *fault)
{
    uint32_t *size = arg;
    if (status) {
        die("judging", fault);
    }
    if (plan->len == *size) {
        return;
    }
    if (*size || !kj_streq(kj_doc_text(plan, "template.parameters.visit", ""), "12.01.2026") ||
        kj_doc_count(plan, "faults") > 0) {
        die("the plan is not what it was to be", &(struct kj_fault){.text = ""});
    }
    *size = plan->len;
}

// Without a loop everything happens at once.
static struct kj_script *open_scripts(const char *dir, struct kj_loop *loop, bool locked)
{
    struct kj_script_config config = {.loop = loop, .dir = dir, .locked = locked};
    struct kj_fault fault = {0};
    struct kj_script *script;
    if (kj_script_create(&config, &script, &fault) != KJ_OK) {
        die("scripts", &fault);
    }
    kj_script_load(script, NULL, false, on_loaded, loop);
    if (loop) {
        kj_loop_run(loop);
    }
    return script;
}

static bson_t *read_facts(const char *dir)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/facts.json", dir);
    struct kj_buf text;
    struct kj_fault fault = {0};
    bson_t *facts = NULL;
    kj_buf_init(&text, 0);
    if (kj_read_file(path, 0x10000, &text, &fault) != KJ_OK ||
        kj_json_parse(text.data, text.length, NULL, &facts, NULL, &fault) != KJ_OK) {
        die("facts.json", &fault);
    }
    kj_buf_fini(&text);
    return facts;
}

static int ascending(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static void tell(const char *name, double *values, int count, const char *unit)
{
    qsort(values, (size_t)count, sizeof *values, ascending);
    printf("%s\t%.6g\t%s\n", name, values[count / 2], unit);
}

#endif
