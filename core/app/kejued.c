// kejued: the daemon. Options only; everything else is in app.c.
#include "app/app.h"
#include "script/script.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static const char k_help[] =
    "Usage: kejued [--dir DIR] [--config FILE] [options]\n"
    "\n"
    "Runs the Kejue engine in the foreground; logs are JSON lines on standard error.\n"
    "\n"
    "  --dir DIR       configuration, data and sockets in one folder\n"
    "  --config FILE   configuration (default: DIR/kejue.conf or /etc/kejue/kejue.conf)\n"
    "  --check         check the configuration and end\n"
    "  --copy-store TYPE  copy everything into the store of this type (sqlite, mongodb) from the\n"
    "                  other one of the configuration, and end; no daemon may run meanwhile\n"
    "  --rehearse      for campaign.rehearse alone: a copied campaign from standard input, on a\n"
    "                  virtual clock, with the simulated carrier and nothing else\n"
    "  --clock KIND    system (default), virtual, or a speed like 60; other than system only\n"
    "                  with the simulated carrier\n"
    "  --start TIME    where a virtual or scaled clock begins (RFC 3339)\n"
    "  --seed N        seed of all randomness (default 1)\n"
    "  --version, --help\n"
    "\n"
    "Exit codes: 0 ended as asked, 1 failed, 2 wrong options or configuration.\n";

enum {
    OPT_DIR = 256,
    OPT_CONFIG,
    OPT_CHECK,
    OPT_COPY_STORE,
    OPT_REHEARSE,
    OPT_CLOCK,
    OPT_START,
    OPT_SEED,
    OPT_VERSION,
    OPT_HELP
};

static const struct option k_options[] = {{"dir", required_argument, NULL, OPT_DIR},
                                          {"config", required_argument, NULL, OPT_CONFIG},
                                          {"check", no_argument, NULL, OPT_CHECK},
                                          {"copy-store", required_argument, NULL, OPT_COPY_STORE},
                                          {"rehearse", no_argument, NULL, OPT_REHEARSE},
                                          {"clock", required_argument, NULL, OPT_CLOCK},
                                          {"start", required_argument, NULL, OPT_START},
                                          {"seed", required_argument, NULL, OPT_SEED},
                                          {"version", no_argument, NULL, OPT_VERSION},
                                          {"help", no_argument, NULL, OPT_HELP},
                                          {0}};

static int parse_seed(const char *text, uint64_t *seed)
{
    char *end;
    *seed = strtoull(text, &end, 10);
    return *text && *end == 0 ? 0 : -1;
}

static bool is_store(const char *type)
{
    return strcmp(type, "sqlite") == 0 || strcmp(type, "mongodb") == 0;
}

static int run(const struct kj_options *options)
{
    return options->rehearse ? kj_app_rehearse() : kj_app_run(options);
}

// libmongoc counts in a file in shared memory, made as it is loaded. It works as well without its
// name; with it, a kejued that is killed leaves it behind for whoever gets its number next.
static void unname_counters(void)
{
    char name[48];
    snprintf(name, sizeof name, "/mongoc-%ld", (long)getpid());
    shm_unlink(name);
}

// The exit code, or -1: go on with these options.
static int parse(int argc, char **argv, struct kj_options *options)
{
    for (int option; (option = getopt_long(argc, argv, "", k_options, NULL)) != -1;) {
        switch (option) {
        case OPT_DIR:
            options->dir = optarg;
            break;
        case OPT_CONFIG:
            options->config = optarg;
            break;
        case OPT_CHECK:
            options->check = true;
            break;
        case OPT_COPY_STORE:
            options->copy_store = optarg;
            if (is_store(optarg))
                break;
            fprintf(stderr, "kejued: --copy-store: %s is no store; use sqlite or mongodb\n",
                    optarg);
            return 2;
        case OPT_REHEARSE:
            options->rehearse = true;
            break;
        case OPT_CLOCK:
            options->clock = optarg;
            break;
        case OPT_START:
            options->start = optarg;
            break;
        case OPT_SEED:
            if (parse_seed(optarg, &options->seed) == 0)
                break;
            fprintf(stderr, "kejued: --seed: %s is not a whole number\n", optarg);
            return 2;
        case OPT_VERSION:
            printf("kejued %s\n", KEJUE_VERSION);
            return 0;
        case OPT_HELP:
            fputs(k_help, stdout);
            return 0;
        default:
            fputs("kejued: see kejued --help\n", stderr);
            return 2;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "kejued: %s: takes no arguments; see kejued --help\n", argv[optind]);
        return 2;
    }
    return -1;
}

int main(int argc, char **argv)
{
    struct kj_options options = {.seed = 1};
    int code;
    unname_counters();
    if (kj_script_cell(argc, argv, &code)) // a process of rules, started by a kejued
        return code;
    code = parse(argc, argv, &options);
    return code < 0 ? run(&options) : code;
}
