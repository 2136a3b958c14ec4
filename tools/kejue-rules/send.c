// kejue-rules send: a pack from disk goes to kejued, which keeps it by its hash; with that it can
// be tried in a group (rules.shadow, rules.canary) before it is loaded.
#include "tool.h"

#include "ctl.h"

#include <getopt.h>
#include <stdlib.h>

static const char k_help[] =
    "Usage: kejue-rules send --pack FILE [--dir DIR | --bus URL] [--json]\n"
    "\n"
    "Keeps the pack in FILE (its tests must pass) in kejued and tells its hash. Nothing judges by "
    "it\n"
    "before kejuectl rules.shadow or rules.canary names that hash.\n"
    "\n"
    "Exit: 0 kept, 2 not.\n";

enum { OPT_PACK = 256, OPT_DIR, OPT_BUS, OPT_JSON, OPT_HELP };

static const struct option k_options[] = {
    {"pack", required_argument, NULL, OPT_PACK}, {"dir", required_argument, NULL, OPT_DIR},
    {"bus", required_argument, NULL, OPT_BUS},   {"json", no_argument, NULL, OPT_JSON},
    {"help", no_argument, NULL, OPT_HELP},       {0}};

struct send {
    struct tool tool;
    struct ctl ctl;
    const char *dir, *bus;
    bool help;
};

static int take_option(struct send *send, int option)
{
    switch (option) {
    case OPT_PACK:
        send->tool.target = optarg;
        break;
    case OPT_DIR:
        send->dir = optarg;
        break;
    case OPT_BUS:
        send->bus = optarg;
        break;
    case OPT_JSON:
        send->tool.json = true;
        break;
    case OPT_HELP:
        send->help = true;
        break;
    default:
        return EXIT_USAGE; // getopt has said it
    }
    return EXIT_GOOD;
}

static int run(struct send *send)
{
    bson_t args = BSON_INITIALIZER, *result = NULL;
    int code = ctl_find_bus(&send->ctl, send->dir, send->bus) ? EXIT_USAGE : EXIT_GOOD;
    code = code ? code : tool_put_pack(&send->tool, &args);
    if (code == EXIT_GOOD && ctl_ask(&send->ctl, "rules.send", &args, &result) != CTL_OK)
        code = EXIT_USAGE;
    if (result && send->tool.json)
        tool_json(result);
    else if (result)
        printf("%s %s\n", kj_doc_text(result, "name", ""), kj_doc_text(result, "hash", ""));
    ctl_hang_up(&send->ctl);
    kj_doc_clear(&result);
    bson_destroy(&args);
    return code;
}

int tool_send(int count, char **words)
{
    struct send send = {.ctl = {.timeout_ms = 60000, .token = getenv("KEJUE_TOKEN")}};
    int code = EXIT_GOOD;
    for (int option;
         code == EXIT_GOOD && (option = getopt_long(count, words, "", k_options, NULL)) != -1;)
        code = take_option(&send, option);
    if (code == EXIT_GOOD && send.help)
        fputs(k_help, stdout);
    else if (code == EXIT_GOOD && (!send.tool.target || optind < count))
        code = ctl_say(EXIT_USAGE, "send", "see kejue-rules send --help", "takes --pack FILE");
    else if (code == EXIT_GOOD)
        code = run(&send);
    return code;
}
