// kejue-plugin: checks a plugin's shared object before it is given to anybody.
#include "base/log.h"
#include "tool.h"

#include <stdio.h>
#include <string.h>

static const char k_help[] =
    "Usage: kejue-plugin check FILE.so [--json]\n"
    "       kejue-plugin test FILE.so [--config FILE.json] [--money] [--json]\n"
    "\n"
    "check  reads the plugin's data: version, names, schemas, and what its lists say about each\n"
    "       other. The plugin's code is loaded but not called.\n"
    "test   opens an instance on a virtual clock without a network, starts every verb that has an\n"
    "       example in its request schema, answers all that it asks with each outcome class,\n"
    "       cancels it, lets its deadline pass, and closes it in the middle of work.\n"
    "\n"
    "  --config FILE  the instance's configuration as JSON (secrets as \"@/path\"); without it "
    "one\n"
    "                 is made from the schema's required fields\n"
    "  --money        also start verbs that cost money or reach people. host.http stays inside, "
    "but\n"
    "                 a plugin with sockets of its own could get out\n"
    "  --json         one JSON document instead of lines\n"
    "\n"
    "Exit codes: 0 sound, 1 faults found, 2 wrong usage, 3 the file cannot be loaded.\n";

static int usage(const char *text, const char *word)
{
    fprintf(stderr, "kejue-plugin: %s%s; see kejue-plugin --help\n", text, word);
    return TOOL_USAGE;
}

int main(int argc, char **argv)
{
    struct tool_options options = {0};
    for (int i = 1; i < argc; i++) {
        const char *word = argv[i];
        if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
            fputs(k_help, stdout);
            return TOOL_OK;
        }
        if (strcmp(word, "--json") == 0)
            options.json = true;
        else if (strcmp(word, "--money") == 0)
            options.money = true;
        else if (strcmp(word, "--config") == 0 && i + 1 < argc)
            options.config = argv[++i];
        else if (word[0] == '-')
            return usage("unknown option ", word);
        else if (!options.command)
            options.command = word;
        else if (!options.file)
            options.file = word;
        else
            return usage("one word too many: ", word);
    }
    if (!options.command || !options.file)
        return usage("give a command and a file", "");
    kj_log_set_level(KJ_LOG_ERROR);
    if (strcmp(options.command, "check") == 0)
        return tool_check(&options);
    if (strcmp(options.command, "test") == 0)
        return tool_trial(&options);
    return usage("unknown command ", options.command);
}
