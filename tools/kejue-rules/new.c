// kejue-rules new: a pack to begin with, and its tests, which pass. Small enough to be read whole.
#include "tool.h"

#include "base/str.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static const char k_help[] =
    "kejue-rules new NAME [DIR]: writes DIR/rules/NAME.lua and its tests (default DIR: scripts)\n"
    "\n"
    "NAME has small letters, digits and -. Nothing that exists is written over.\n"
    "  --hook    a hook instead: DIR/hooks/NAME.lua\n";

static const char k_pack[] =
    "-- %s: say here in one sentence what this pack is for.\n"
    "return kejue.rules {\n"
    "  name = \"%s\",\n"
    "\n"
    "  variables = {               -- what is learnt from a call; `ask` makes it a question asked "
    "aloud\n"
    "    interested = { type = \"boolean\", guidance = \"wants to hear more\",\n"
    "                   ask = { en = \"Would you like to hear more?\" } },\n"
    "    budget = { type = \"integer\", min = 0, guidance = \"budget in euro\" },\n"
    "  },\n"
    "\n"
    "  success = {                 -- the first row whose conditions all hold\n"
    "    { \"excellent\", function(c) return c.appointment ~= nil, \"an appointment was agreed\" "
    "end },\n"
    "    { \"good\", function(c) return c.is(\"interested\", true) and (c.vars.budget or 0) >= "
    "5000 end },\n"
    "    { \"fair\", function(c) return c.is(\"interested\", true) end },\n"
    "    { \"poor\" },               -- no condition: everything else\n"
    "  },\n"
    "\n"
    "  templates = { more_information = { languages = { \"en\" }, fallback_language = \"en\",\n"
    "    parameters = { name = function(c) return c.lead.first_name or \"there\" end } } },\n"
    "  template = { { \"more_information\", function(c) return c.success == \"good\" or c.success "
    "== \"fair\" end } },\n"
    "\n"
    "  retry = { gaps = { \"3h\", \"1d\" }, on = { \"busy\", \"no_answer\", \"voicemail\" } },\n"
    "}\n";

static const char k_pack_test[] =
    "-- Facts that a test does not give are neutral; the plan is compared as far as it says "
    "something.\n"
    "return kejue.tests { pack = \"%s\",\n"
    "  { \"interested, with a budget\", c = { vars = { interested = true, budget = 9000 } },\n"
    "    plan = { success = \"good\", template = { name = \"more_information\" } } },\n"
    "  { \"interested, no budget named\", c = { vars = { interested = true } }, plan = { success = "
    "\"fair\" } },\n"
    "  { \"not interested\", c = { vars = { interested = false } },\n"
    "    plan = { success = \"poor\", template = kejue.none } },\n"
    "  { \"busy\", c = { call = { reached = false, disposition = \"busy\" } },\n"
    "    plan = { next = { kind = \"retry\", gaps_minutes = { 180, 1440 } } } },\n"
    "}\n";

static const char k_hook[] =
    "-- %s: say here in one sentence what this hook does.\n"
    "return kejue.hook { on = \"call.analyzed\", uses = { \"crm.upsert\" }, run = function(ev)\n"
    "  if ev.plan.success ~= \"excellent\" then return \"nothing to do\" end\n"
    "  local answer, err = kejue.call(\"crm.upsert\", { record = { lead_id = ev.lead.id } }, { "
    "within = \"10s\" })\n"
    "  if not answer then return kejue.retry(err.retry_after or \"2m\", err, { attempts = 5, "
    "expires = \"24h\" }) end\n"
    "  return answer.id\n"
    "end }\n";

static const char k_hook_test[] = "return kejue.tests { hook = \"%s.lua\",\n"
                                  "  { \"an excellent call\", event = { lead = { id = 7 }, plan = "
                                  "{ success = \"excellent\" } },\n"
                                  "    steps = { { \"crm.upsert\", args = { record = { lead_id = 7 "
                                  "} }, result = { id = \"r1\" } } },\n"
                                  "    result = { value = \"r1\" } },\n"
                                  "  { \"another call\", event = { plan = { success = \"poor\" } "
                                  "}, steps = {}, result = { value = \"nothing to do\" } },\n"
                                  "}\n";

// Never over another file.
static bool write_file(const char *path, const char *format, const char *name)
{
    FILE *file = fopen(path, "wx");
    if (!file) {
        fprintf(stderr, "kejue-rules: %s cannot be written: %s\n", path, strerror(errno));
        return false;
    }
    for (const char *at = format, *end; *at; at = *end ? end + 2 : end) {
        end = strstr(at, "%s");
        end = end ? end : at + strlen(at);
        fwrite(at, 1, (size_t)(end - at), file);
        fputs(*end ? name : "", file);
    }
    return fclose(file) == 0;
}

static bool good_name(const char *name)
{
    size_t length = strlen(name);
    return length > 0 && length <= 55 &&
           name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_")] == '\0';
}

static int write_both(const char *dir, const char *folder, const char *name, bool hook)
{
    char path[1100], tests[1120];
    snprintf(path, sizeof path, "%s", dir);
    mkdir(path, 0777); // may be there
    snprintf(path, sizeof path, "%s/%s", dir, folder);
    mkdir(path, 0777);
    snprintf(path, sizeof path, "%s/%s/%s.lua", dir, folder, name);
    snprintf(tests, sizeof tests, "%s/%s/%s_test.lua", dir, folder, name);
    if (!write_file(path, hook ? k_hook : k_pack, name) ||
        !write_file(tests, hook ? k_hook_test : k_pack_test, name)) {
        return EXIT_USAGE;
    }
    printf("%s\n%s\nNext: kejue-rules test %s\n", path, tests, hook ? dir : path);
    return EXIT_GOOD;
}

int tool_new(int count, char **words)
{
    const char *name = NULL, *dir = NULL;
    bool hook = false;
    for (int i = 1; i < count; i++) {
        if (strcmp(words[i], "--help") == 0) {
            fputs(k_help, stdout);
            return EXIT_GOOD;
        }
        if (strcmp(words[i], "--hook") == 0) {
            hook = true;
        } else if (words[i][0] == '-' || dir) {
            return tool_usage(dir ? "too many arguments" : "there is no such option");
        } else if (name) {
            dir = words[i];
        } else {
            name = words[i];
        }
    }
    if (!name || !good_name(name)) {
        return tool_usage(
            "new takes a name of small letters, digits and -: kejue-rules new solar-leads");
    }
    return write_both(dir ? dir : "scripts", hook ? "hooks" : "rules", name, hook);
}
