// Hooks step by step: waiting, recorded answers, errors, retry, together, clear refusals.
#include "pack_fake.h"

struct hook_fake {
    struct kj_sources *sources;
    struct kj_vm *vm;
    struct kj_hook_file *file;
    struct kj_hook_run *run;
    struct kj_fault fault;
    int status;
};

static void hook_load(struct hook_fake *fake, const char *text)
{
    fake->sources = kj_sources_new();
    kj_sources_add(fake->sources, "hooks/h.lua", text, strlen(text));
    assert_int_equal(kj_vm_create(&k_limits, fake->sources, NULL, true, &fake->vm, &fake->fault),
                     0);
    fake->status = kj_hook_file_load(fake->vm, "hooks/h.lua", &fake->file, &fake->fault);
}

static bson_t *json(const char *text)
{
    bson_t *doc = NULL;
    struct kj_fault fault = {0};
    if (kj_json_parse(text, strlen(text), NULL, &doc, NULL, &fault) != 0) {
        fail_msg("%s: %s", fault.place, fault.text);
    }
    return doc;
}

// A hook with this body and its first step.
static void hook_start(struct hook_fake *fake, const char *body, const char *recorded)
{
    struct kj_buf text;
    kj_buf_init(&text, 0);
    kj_buf_addf(&text,
                "return kejue.hook { on = \"x\", uses = { \"a.b\", \"c.d\" }, run = function(ev) "
                "%s end }",
                body);
    hook_load(fake, text.data);
    kj_buf_fini(&text);
    if (fake->status) {
        fail_msg("%s: %s", fake->fault.place, fake->fault.text);
    }
    bson_t *event = json("{\"data\": {\"n\": 5, \"list\": [1, 2]}}"), *record = json(recorded);
    fake->run = kj_hook_begin(fake->file, 1, kj_flat_create(event), record);
    bson_destroy(event);
    bson_destroy(record);
    kj_hook_step(fake->run);
}

static void hook_answer(struct hook_fake *fake, const char *key, const char *answer)
{
    for (size_t i = 0; i < fake->run->step_count; i++) {
        if (strcmp(fake->run->steps[i].key, key) == 0) {
            assert_null(fake->run->steps[i].answer);
            fake->run->steps[i].answer = json(answer);
            return;
        }
    }
    fail_msg("no step %s", key);
}

static const char *hook_result(struct hook_fake *fake)
{
    static char out[1000];
    struct kj_buf text;
    if (!fake->run->ended || fake->run->status) {
        fail_msg("%s: %s", fake->run->fault.place, fake->run->fault.text);
    }
    kj_buf_init(&text, 0);
    kj_json_write(fake->run->result, 0, &text);
    snprintf(out, sizeof out, "%s", text.data);
    kj_buf_fini(&text);
    return out;
}

static void hook_end(struct hook_fake *fake)
{
    kj_hook_end(fake->run);
    kj_hook_file_destroy(fake->file);
    kj_vm_destroy(fake->vm);
    kj_sources_unref(fake->sources);
    memset(fake, 0, sizeof *fake);
}

static void a_call_waits_and_goes_on(void **state)
{
    (void)state;
    struct hook_fake fake = {0};
    hook_start(
        &fake,
        "local r, err = kejue.call('a.b', { n = ev.data.n }, { key = 'one', within = '5s' })\n"
        "local s, err2 = kejue.call('c.d')\n"
        "return { r.list[2], err2.class, err2.retry_after, ev.data.list[1] }",
        "{}");
    assert_false(fake.run->ended);
    assert_int_equal(fake.run->step_count, 1);
    assert_string_equal(fake.run->steps[0].verb, "a.b");
    assert_string_equal(fake.run->steps[0].key, "one");
    assert_int_equal(fake.run->steps[0].within_ms, 5000);
    assert_int_equal(kj_doc_int(fake.run->steps[0].args, "n", 0), 5);
    hook_answer(&fake, "one", "{\"ok\": true, \"result\": {\"list\": [7, 8]}}");
    kj_hook_step(fake.run);
    assert_string_equal(fake.run->steps[1].key, "c_d");
    hook_answer(&fake, "c_d",
                "{\"ok\": false, \"error\": {\"class\": \"unknown\", \"retry_after_ms\": 1500}}");
    kj_hook_step(fake.run);
    assert_string_equal(hook_result(&fake),
                        "{\"outcome\":\"done\",\"value\":[8,\"unknown\",\"2s\",1]}");
    hook_end(&fake);
}

static void recorded_steps_are_not_asked_again(void **state)
{
    (void)state;
    struct hook_fake fake = {0};
    hook_start(&fake,
               "local r = kejue.call('a.b') local s = kejue.call('c.d', {}, { key = 'late' }) "
               "return r.x + s.x",
               "{\"a_b\": {\"ok\": true, \"result\": {\"x\": 1}}}");
    assert_int_equal(fake.run->step_count, 2);
    assert_true(fake.run->steps[0].asked);
    assert_non_null(fake.run->steps[0].answer);
    assert_true(kj_hook_waits(fake.run));
    hook_answer(&fake, "late", "{\"ok\": true, \"result\": {\"x\": 2}}");
    kj_hook_step(fake.run);
    assert_string_equal(hook_result(&fake), "{\"outcome\":\"done\",\"value\":3}");
    hook_end(&fake);
    hook_start(&fake, "return kejue.call('a.b').x",
               "{\"a_b\": {\"ok\": true, \"result\": {\"x\": 1}}}");
    assert_string_equal(hook_result(&fake), "{\"outcome\":\"done\",\"value\":1}");
    hook_end(&fake);
}

static void together_asks_all_at_once(void **state)
{
    (void)state;
    struct hook_fake fake = {0};
    hook_start(&fake,
               "local t = kejue.together { free = { 'a.b', { d = 1 } }, lead = { 'c.d' } } "
               "return { t.free.result.x, t.lead.err.text }",
               "{}");
    assert_int_equal(fake.run->step_count, 2);
    hook_answer(&fake, "a_b", "{\"ok\": true, \"result\": {\"x\": 4}}");
    assert_true(kj_hook_waits(fake.run));
    hook_answer(&fake, "c_d", "{\"ok\": false, \"error\": {\"text\": \"gone\"}}");
    kj_hook_step(fake.run);
    assert_string_equal(hook_result(&fake), "{\"outcome\":\"done\",\"value\":[4,\"gone\"]}");
    hook_end(&fake);
}

static void retry_sleep_and_the_hosts_verbs(void **state)
{
    (void)state;
    struct hook_fake fake = {0};
    hook_start(&fake,
               "kejue.sleep('3s') return kejue.retry('2m', { text = 'busy' }, { attempts = 5, "
               "expires = '24h' })",
               "{}");
    assert_int_equal(fake.run->sleep_ms, 3000);
    kj_hook_step(fake.run);
    assert_string_equal(hook_result(&fake),
                        "{\"outcome\":\"retry\",\"retry_after_ms\":120000,\"attempts\":5,"
                        "\"expires_ms\":86400000,\"reason\":\"busy\"}");
    hook_end(&fake);
    hook_start(
        &fake,
        "local v, rev = kejue.store.get('k') kejue.store.put('k', { v = v }, { revision = rev }) "
        "kejue.job.at(kejue.time.parse('2026-01-01T00:00:00Z'), { kind = 'q' }) return v",
        "{\"host_state_get\": {\"ok\": true, \"result\": {\"value\": 9, \"revision\": 4}}}");
    assert_string_equal(fake.run->steps[1].verb, "host.state.put");
    assert_int_equal(kj_doc_int(fake.run->steps[1].args, "revision", 0), 4);
    assert_int_equal(kj_doc_int(fake.run->steps[1].args, "value.v", 0), 9);
    hook_answer(&fake, "host_state_put", "{\"ok\": true}");
    kj_hook_step(fake.run);
    assert_string_equal(fake.run->steps[2].verb, "host.submit");
    assert_true(kj_doc_time(fake.run->steps[2].args, "due", 0) > 0);
    hook_answer(&fake, "host_submit", "{\"ok\": true}");
    kj_hook_step(fake.run);
    assert_string_equal(hook_result(&fake), "{\"outcome\":\"done\",\"value\":9}");
    hook_end(&fake);
}

static void faults_of_hooks_are_clear(void **state)
{
    (void)state;
    static const struct {
        const char *body, *text;
    } cases[] = {
        {"kejue.call('a.x')", "\"a.x\" is not in the uses of this hook; did you mean \"a.b\"?"},
        {"kejue.call('mail.send')", "add it, uses = { \"mail.send\" }"},
        {"table.sort({ 2, 1 }, function() kejue.call('a.b') end)", "cannot wait here"},
        {"('x'):gsub('x', function() kejue.call('a.b') end)", "cannot wait here"},
        {"kejue.sleep('5m')", "kejue.job.at"},
        {"kejue.call('a.b', {}, { wihtin = '5s' })", "no option \"wihtin\""},
        {"return function() end", "is a function"},
        {"error('stop here')", "stop here"},
        {"return ev.data.x.y", "attempt to index a nil value (field 'x')"},
        {"while true do end", "was stopped"},
        {"while true do pcall(function() while true do end end) end", "was stopped"},
    };
    for (size_t i = 0; i < KJ_COUNT(cases); i++) {
        struct hook_fake fake = {0};
        hook_start(&fake, cases[i].body, "{}");
        assert_true(fake.run->ended);
        if (!strstr(fake.run->fault.text, cases[i].text)) {
            fail_msg("%s: %s", cases[i].body, fake.run->fault.text);
        }
        hook_end(&fake);
    }
    struct hook_fake fake = {0};
    hook_start(&fake, "kejue.call('a.b') kejue.call('a.b')",
               "{\"a_b\": {\"ok\": true, \"result\": {}}}");
    assert_non_null(strstr(fake.run->fault.text, "two steps have the key \"a_b\""));
    hook_end(&fake);
}

static void pcall_may_wait(void **state)
{
    (void)state;
    struct hook_fake fake = {0};
    hook_start(&fake,
               "local ok, v = pcall(function() local r = kejue.call('a.b') return r.x.y end) "
               "local ok2, r = pcall(kejue.call, 'c.d') return { ok, v, ok2, r.z }",
               "{}");
    hook_answer(&fake, "a_b", "{\"ok\": true, \"result\": {}}");
    kj_hook_step(fake.run);
    hook_answer(&fake, "c_d", "{\"ok\": true, \"result\": {\"z\": 3}}");
    kj_hook_step(fake.run);
    assert_non_null(strstr(hook_result(&fake), "attempt to index a nil value"));
    assert_non_null(strstr(hook_result(&fake), "true,3]"));
    hook_end(&fake);
}

static void wrong_files_say_so(void **state)
{
    (void)state;
    static const struct {
        const char *text, *place, *sentence;
    } cases[] = {
        {"return 5", "hooks/h.lua:1", "must end with: return kejue.hook"},
        {"return kejue.hook { uses = {} }", "hooks/h.lua:1", "a hook names its event"},
        {"\nreturn kejue.hook { on = \"x\", rum = 1 }", "hooks/h.lua:2", "did you mean \"run\"?"},
        {"return { kejue.hook { on = \"x\", run = function() end }, 5 }", "hooks/h.lua:1",
         "holds only kejue.hook"},
        {"return kejue.rules { name = \"h\" }", "hooks/h.lua:1",
         "must end with: return kejue.hook"},
    };
    for (size_t i = 0; i < KJ_COUNT(cases); i++) {
        struct hook_fake fake = {0};
        hook_load(&fake, cases[i].text);
        assert_int_not_equal(fake.status, 0);
        assert_string_equal(fake.fault.place, cases[i].place);
        if (!strstr(fake.fault.text, cases[i].sentence)) {
            fail_msg("%s", fake.fault.text);
        }
        fake.file = NULL;
        hook_end(&fake);
    }
}

static void a_file_may_hold_several_and_kinds(void **state)
{
    (void)state;
    struct hook_fake fake = {0};
    hook_load(&fake, "return { kejue.hook { on = \"a\", run = function() return 1 end },\n"
                     " kejue.kind { name = \"report\", run = function() return 2 end } }");
    assert_int_equal(fake.status, 0);
    assert_int_equal(fake.file->count, 2);
    assert_string_equal(fake.file->hooks[1].on, "kind.report");
    bson_t event = BSON_INITIALIZER;
    fake.run = kj_hook_begin(fake.file, 2, kj_flat_create(&event), NULL);
    kj_hook_step(fake.run);
    assert_string_equal(hook_result(&fake), "{\"outcome\":\"done\",\"value\":2}");
    assert_null(kj_hook_begin(fake.file, 3, kj_flat_create(&event), NULL));
    bson_destroy(&event);
    hook_end(&fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_waits_and_goes_on),
        cmocka_unit_test(recorded_steps_are_not_asked_again),
        cmocka_unit_test(together_asks_all_at_once),
        cmocka_unit_test(retry_sleep_and_the_hosts_verbs),
        cmocka_unit_test(faults_of_hooks_are_clear),
        cmocka_unit_test(pcall_may_wait),
        cmocka_unit_test(wrong_files_say_so),
        cmocka_unit_test(a_file_may_hold_several_and_kinds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
