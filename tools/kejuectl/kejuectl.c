// kejuectl: the daemon's commands from a shell. Options here; what a word does is in its own file.
#include "ctl.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

static const char k_help[] =
    "Usage: kejuectl [options] NAME [key=value …]\n"
    "\n"
    "Sends a command to kejued and shows its answer. kejuectl help lists the commands,\n"
    "kejuectl help NAME tells the arguments of one.\n"
    "\n"
    "  key=value      an argument; a.b=value for one inside another; key@=FILE reads a text\n"
    "  -f FILE        the arguments as a JSON object, - for standard input\n"
    "  --dir DIR      the folder that kejued --dir was given\n"
    "  --bus URL      its bus (default: $KEJUE_BUS, or ipc:///run/kejue/bus.ipc)\n"
    "  --token TOKEN  as somebody else than the local user (better: $KEJUE_TOKEN)\n"
    "  --key KEY      done once per key, however often it is sent\n"
    "  --timeout S    seconds to wait for the answer (default 60)\n"
    "  --at TIME      why: as of this instant\n"
    "  --count N      watch: end after so many events\n"
    "  --json         the answer as JSON\n"
    "  --version, --help\n"
    "\n"
    "Also: why NUMBER, watch [PREFIX…], campaign.watch ID, lead.import FILE.csv,\n"
    "lead.refuse FILE.csv, call.import FILE.jsonl.\n"
    "\n"
    "Exit codes: 0 done, 1 refused or failed, 2 wrong use, 3 kejued cannot be reached.\n";

enum {
    OPT_DIR = 256,
    OPT_BUS,
    OPT_TOKEN,
    OPT_KEY,
    OPT_TIMEOUT,
    OPT_AT,
    OPT_COUNT,
    OPT_JSON,
    OPT_VERSION,
    OPT_HELP
};

static const struct option k_options[] = {{"dir", required_argument, NULL, OPT_DIR},
                                          {"bus", required_argument, NULL, OPT_BUS},
                                          {"token", required_argument, NULL, OPT_TOKEN},
                                          {"key", required_argument, NULL, OPT_KEY},
                                          {"timeout", required_argument, NULL, OPT_TIMEOUT},
                                          {"at", required_argument, NULL, OPT_AT},
                                          {"count", required_argument, NULL, OPT_COUNT},
                                          {"json", no_argument, NULL, OPT_JSON},
                                          {"version", no_argument, NULL, OPT_VERSION},
                                          {"help", no_argument, NULL, OPT_HELP},
                                          {0}};

struct line {
    const char *dir, *bus, *at;
    char at_word[64];
    bool help, version;
};

static bool parse_number(const char *text, long most, int *number)
{
    char *end;
    long value = strtol(text, &end, 10);
    *number = (int)value;
    return *text && *end == 0 && value > 0 && value <= most;
}

static bool parse_seconds(const char *text, int *ms)
{
    char *end;
    double value = strtod(text, &end);
    bool good = *text && *end == 0 && value > 0 && value <= 1000000;
    *ms = good ? (int)(value * 1000) : 0;
    return good;
}

static int take_option(struct ctl *ctl, struct line *line, int option)
{
    switch (option) {
    case OPT_DIR:
        line->dir = optarg;
        return CTL_OK;
    case OPT_BUS:
        line->bus = optarg;
        return CTL_OK;
    case OPT_TOKEN:
        ctl->token = optarg;
        return CTL_OK;
    case OPT_KEY:
        ctl->key = optarg;
        return CTL_OK;
    case 'f':
        ctl->file = optarg;
        return CTL_OK;
    case OPT_TIMEOUT:
        return parse_seconds(optarg, &ctl->timeout_ms)
                   ? CTL_OK
                   : ctl_say(CTL_USAGE, "--timeout", NULL, "%s is not a number of seconds", optarg);
    case OPT_AT:
        line->at = optarg;
        return CTL_OK;
    case OPT_COUNT:
        return parse_number(optarg, 1000000000, &ctl->count)
                   ? CTL_OK
                   : ctl_say(CTL_USAGE, "--count", NULL, "%s is not a number from 1", optarg);
    case OPT_JSON:
        ctl->json = true;
        return CTL_OK;
    case OPT_VERSION:
        line->version = true;
        return CTL_OK;
    case OPT_HELP:
        line->help = true;
        return CTL_OK;
    default:
        return CTL_USAGE; // getopt has said it
    }
}

static int run_command(struct ctl *ctl, const char *name, char **words, int count)
{
    bson_t *args = NULL, *result = NULL;
    char hint[128];
    const char *near = ctl_about(name) ? NULL : ctl_nearest(name);
    if (ctl_about(name) == NULL) {
        snprintf(hint, sizeof hint, "did you mean %s?", near ? near : "");
        return ctl_say(CTL_USAGE, name, near ? hint : "see kejuectl help", "is no command");
    }
    int code = ctl_arguments(ctl, name, words, count, &args);
    if (code == CTL_OK)
        code = ctl_ask(ctl, name, args, &result);
    if (code == CTL_OK && ctl->json)
        ctl_put_json(result);
    else if (code == CTL_OK)
        ctl_show(ctl, result);
    if (args)
        bson_destroy(args);
    if (result)
        bson_destroy(result);
    return code;
}

// The first word names a file, not an argument.
static bool is_file(const struct ctl *ctl, char **words, int count)
{
    return ctl->file == NULL && count > 0 && strchr(words[0], '=') == NULL;
}

static int run_word(struct ctl *ctl, struct line *line, char **words, int count)
{
    static const struct {
        const char *name;
        int (*run)(struct ctl *ctl, const char *path, char **words, int count);
    } k_files[] = {{"lead.import", ctl_import_leads},
                   {"lead.refuse", ctl_refuse_leads},
                   {"call.import", ctl_import_calls}};
    const char *name = words[0];
    if (strcmp(name, "help") == 0)
        return ctl_help(ctl, count > 1 ? words[1] : NULL);
    if (strcmp(name, "watch") == 0)
        return ctl_watch(ctl, words + 1, count - 1);
    if (strcmp(name, "campaign.watch") == 0)
        return ctl_campaign_watch(ctl, words + 1, count - 1);
    if (strcmp(name, "campaign.rehearse") == 0)
        return ctl_rehearse(ctl, words + 1, count - 1);
    if (strcmp(name, "why") == 0) {
        if (line->at) { // as one more argument, in the place of the verb
            snprintf(line->at_word, sizeof line->at_word, "at=%s", line->at);
            words[0] = line->at_word;
            return ctl_why(ctl, words, count);
        }
        return ctl_why(ctl, words + 1, count - 1);
    }
    for (size_t i = 0; i < KJ_COUNT(k_files); i++)
        if (strcmp(name, k_files[i].name) == 0 && is_file(ctl, words + 1, count - 1))
            return k_files[i].run(ctl, words[1], words + 2, count - 2);
    if (strcmp(name, "hosts") == 0)
        name = "host.list";
    return run_command(ctl, name, words + 1, count - 1);
}

int main(int argc, char **argv)
{
    struct ctl ctl = {.timeout_ms = 60000, .token = getenv("KEJUE_TOKEN")};
    struct line line = {0};
    int code = CTL_OK;
    if (ctl.token && ctl.token[0] == 0)
        ctl.token = NULL;
    for (int option;
         code == CTL_OK && (option = getopt_long(argc, argv, "f:", k_options, NULL)) != -1;)
        code = take_option(&ctl, &line, option);
    if (code != CTL_OK)
        return code;
    ctl_find_terminal(&ctl);
    if (line.version || line.help) {
        fputs(line.help ? k_help : "kejuectl " KEJUE_VERSION "\n", stdout);
        return CTL_OK;
    }
    if (optind >= argc) {
        fputs(k_help, stderr);
        return CTL_USAGE;
    }
    code = ctl_find_bus(&ctl, line.dir, line.bus);
    if (code == CTL_OK)
        code = run_word(&ctl, &line, argv + optind, argc - optind);
    ctl_hang_up(&ctl);
    return fflush(stdout) == 0 ? code : CTL_REFUSED;
}
