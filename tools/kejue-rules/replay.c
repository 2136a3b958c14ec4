// kejue-rules replay: what a pack on disk would have made of the calls that kejued has stored. The
// pack is loaded and tested here first, then its sources are sent; kejued judges page by page and
// writes nothing. The exit code is for CI: worse is a failure, better or other is not.
#include "tool.h"

#include "base/alloc.h"
#include "ctl.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

enum { k_page = 5000, k_timeout_ms = 600000, k_rows_shown = 50, k_rows_json = 10000 };

static const char k_help[] =
    "Usage: kejue-rules replay --pack FILE [options]\n"
    "\n"
    "Judges past calls by the pack in FILE (its tests must pass) from their stored facts and the\n"
    "model's stored answers, and shows what would differ. Nothing is changed.\n"
    "\n"
    "  --pack FILE      a pack: rules/NAME.lua or rules/NAME/init.lua\n"
    "  --since WHEN     calls that began since: 30d, 12h or 2026-03-02T06:00:00Z (--until "
    "likewise)\n"
    "  --campaign ID    of this campaign       --group KEY    of this group\n"
    "  --level LEVEL    with this success level, before or after\n"
    "  --changed-only   show only calls that differ\n"
    "  --rows N         show at most N calls (default 50; with --json 10,000); all are counted\n"
    "  --ask            ask the model what it was never asked (costs money); its answers are not "
    "kept\n"
    "  --dir DIR, --bus URL   where kejued is (default: $KEJUE_BUS, or ipc:///run/kejue/bus.ipc)\n"
    "  --json           one JSON document\n"
    "\n"
    "Exit: 0 no call is judged worse, 1 some are or the pack failed on some, 2 nothing could be\n"
    "judged.\n";

enum {
    OPT_PACK = 256,
    OPT_SINCE,
    OPT_UNTIL,
    OPT_CAMPAIGN,
    OPT_GROUP,
    OPT_LEVEL,
    OPT_CHANGED,
    OPT_ROWS,
    OPT_ASK,
    OPT_DIR,
    OPT_BUS,
    OPT_JSON,
    OPT_HELP
};

static const struct option k_options[] = {{"pack", required_argument, NULL, OPT_PACK},
                                          {"since", required_argument, NULL, OPT_SINCE},
                                          {"until", required_argument, NULL, OPT_UNTIL},
                                          {"campaign", required_argument, NULL, OPT_CAMPAIGN},
                                          {"group", required_argument, NULL, OPT_GROUP},
                                          {"level", required_argument, NULL, OPT_LEVEL},
                                          {"changed-only", no_argument, NULL, OPT_CHANGED},
                                          {"rows", required_argument, NULL, OPT_ROWS},
                                          {"ask", no_argument, NULL, OPT_ASK},
                                          {"dir", required_argument, NULL, OPT_DIR},
                                          {"bus", required_argument, NULL, OPT_BUS},
                                          {"json", no_argument, NULL, OPT_JSON},
                                          {"help", no_argument, NULL, OPT_HELP},
                                          {0}};

static const char *const k_counts[] = {"calls",   "improved",   "same",   "worse", "other",
                                       "changed", "not_judged", "faults", "asked"};
enum { COUNT_CALLS, COUNT_IMPROVED, COUNT_SAME, COUNT_WORSE, COUNT_OTHER, COUNT_CHANGED };
enum { COUNT_NOT_JUDGED = COUNT_CHANGED + 1, COUNT_FAULTS, COUNT_ASKED };

struct replay {
    struct tool tool;
    struct ctl ctl;
    const char *dir, *bus;
    bson_t *args;
    int64_t rows_most; // -1: by default
    char pack[128], hash[80];
    int64_t counts[KJ_COUNT(k_counts)], of;
    bson_t *rows;
    struct kj_doc_list list;
    bool help;
};

// --- options ---

static bool parse_count(const char *text, int64_t *number)
{
    char *end;
    *number = strtoll(text, &end, 10);
    return *text && *end == 0 && *number >= 0 && *number <= 1000000000;
}

static int take_number(struct replay *replay, int option)
{
    int64_t number;
    if (!parse_count(optarg, &number))
        return ctl_say(EXIT_USAGE, option == OPT_ROWS ? "--rows" : "--campaign", NULL,
                       "%s is not a number", optarg);
    if (option == OPT_ROWS)
        replay->rows_most = number;
    else
        kj_doc_put_int(replay->args, "campaign_id", number);
    return EXIT_GOOD;
}

static int take_option(struct replay *replay, int option)
{
    static const struct {
        int option;
        const char *name;
    } k_texts[] = {
        {OPT_SINCE, "since"}, {OPT_UNTIL, "until"}, {OPT_GROUP, "group"}, {OPT_LEVEL, "level"}};
    for (size_t i = 0; i < KJ_COUNT(k_texts); i++)
        if (k_texts[i].option == option)
            kj_doc_put_text(replay->args, k_texts[i].name, optarg);
    switch (option) {
    case OPT_PACK:
        replay->tool.target = optarg;
        break;
    case OPT_DIR:
        replay->dir = optarg;
        break;
    case OPT_BUS:
        replay->bus = optarg;
        break;
    case OPT_CAMPAIGN:
    case OPT_ROWS:
        return take_number(replay, option);
    case OPT_CHANGED:
        kj_doc_put_bool(replay->args, "changed_only", true);
        break;
    case OPT_ASK:
        kj_doc_put_bool(replay->args, "ask", true);
        break;
    case OPT_JSON:
        replay->tool.json = replay->ctl.json = true;
        break;
    case OPT_HELP:
        replay->help = true;
        break;
    case '?':
        return EXIT_USAGE; // getopt has said it
    }
    return EXIT_GOOD;
}

// --- the pack, as it stands on disk ---

int tool_put_pack(struct tool *tool, bson_t *args)
{
    struct kj_script_config config = {.dir = tool->dir};
    struct loaded loaded = {0};
    struct kj_fault fault = {0};
    if (tool_find_target(tool) != EXIT_GOOD)
        return EXIT_USAGE;
    if (!tool->only[0])
        return ctl_say(EXIT_USAGE, "--pack", "name one file", "%s is a folder", tool->target);
    if (kj_script_create(&config, &tool->script, &fault) != 0)
        return tool_fault(tool, &fault);
    int code = tool_load(tool, &loaded);
    bson_t *about = code ? NULL : kj_script_describe(tool->script, tool->only);
    if (about) {
        kj_doc_put_from(args, "sources", about, "sources");
        kj_doc_put_from(args, "path", about, "path");
    }
    kj_doc_clear(&about);
    kj_doc_clear(&loaded.list);
    kj_script_destroy(tool->script);
    return code ? EXIT_USAGE : EXIT_GOOD;
}

// --- what comes back ---

static void put_value(struct kj_buf *line, const bson_t *outcome, const char *path)
{
    bson_iter_t at;
    bson_t one = BSON_INITIALIZER;
    struct kj_buf json;
    kj_buf_init(&json, 0);
    if (!kj_doc_find(outcome, path, &at)) {
        kj_buf_adds(line, "-");
    } else if (BSON_ITER_HOLDS_UTF8(&at)) {
        kj_buf_adds(line, bson_iter_utf8(&at, NULL));
    } else {
        bson_append_iter(&one, "0", 1, &at);
        kj_json_write(&one, KJ_JSON_ARRAY, &json);
        kj_buf_add(line, json.data + 1, json.length - 2); // without the brackets
    }
    kj_buf_fini(&json);
    bson_destroy(&one);
}

static void show_row(const bson_t *row)
{
    bson_t differs, old, now;
    bson_iter_t at;
    struct kj_buf line;
    kj_buf_init(&line, 0);
    kj_buf_addf(&line, "%-8s %s", kj_doc_text(row, "change", ""), kj_doc_text(row, "call_id", ""));
    if (*kj_doc_text(row, "name", ""))
        kj_buf_addf(&line, " (%s)", kj_doc_text(row, "name", ""));
    kj_doc_child(row, "old", &old);
    kj_doc_child(row, "new", &now);
    if (kj_doc_child(row, "differs", &differs) && bson_iter_init(&at, &differs))
        while (bson_iter_next(&at)) {
            const char *name = bson_iter_utf8(&at, NULL);
            kj_buf_addf(&line, "  %s: ", name);
            put_value(&line, &old, name);
            kj_buf_adds(&line, " -> ");
            put_value(&line, &now, name);
        }
    puts(line.data);
    kj_buf_fini(&line);
}

static void take_rows(struct replay *replay, const bson_t *page)
{
    bson_t rows, row;
    bson_iter_t at;
    if (!kj_doc_child(page, "rows", &rows) || !bson_iter_init(&at, &rows))
        return;
    while (bson_iter_next(&at) && replay->list.count < replay->rows_most) {
        if (!kj_doc_at(&at, &row))
            continue;
        const char *key = kj_doc_next(&replay->list);
        if (replay->tool.json)
            kj_doc_put_doc(replay->rows, key, &row);
        else
            show_row(&row);
    }
}

static int ask_page(struct replay *replay, int64_t after, bson_t **page)
{
    bson_t args = BSON_INITIALIZER;
    bson_concat(&args, replay->args);
    kj_doc_put_int(&args, "after", after);
    kj_doc_put_int(&args, "limit", k_page);
    kj_doc_put_bool(&args, "count", after == 0);
    int code = ctl_ask(&replay->ctl, "rules.replay", &args, page);
    bson_destroy(&args);
    return code;
}

static int go_through(struct replay *replay)
{
    struct ctl_bar bar = {.ctl = &replay->ctl, .label = "replay"};
    int64_t after = 0;
    do {
        bson_t *page = NULL;
        if (ask_page(replay, after, &page) != CTL_OK)
            return EXIT_USAGE;
        ctl_bar_end(&bar);
        for (size_t i = 0; i < KJ_COUNT(k_counts); i++)
            replay->counts[i] += kj_doc_int(page, k_counts[i], 0);
        kj_copy(replay->pack, sizeof replay->pack, kj_doc_text(page, "pack", ""));
        kj_copy(replay->hash, sizeof replay->hash, kj_doc_text(page, "hash", ""));
        replay->of = after ? replay->of : kj_doc_int(page, "of", 0);
        take_rows(replay, page);
        after = kj_doc_int(page, "next", 0);
        ctl_bar_draw(&bar, replay->counts[COUNT_CALLS], replay->of, NULL);
        kj_doc_clear(&page);
    } while (after);
    ctl_bar_end(&bar);
    return EXIT_GOOD;
}

static void show_json(const struct replay *replay)
{
    bson_t doc = BSON_INITIALIZER;
    kj_doc_put_text(&doc, "pack", replay->pack);
    kj_doc_put_text(&doc, "hash", replay->hash);
    for (size_t i = 0; i < KJ_COUNT(k_counts); i++)
        kj_doc_put_int(&doc, k_counts[i], replay->counts[i]);
    kj_doc_put_array(&doc, "rows", replay->rows);
    tool_json(&doc);
    bson_destroy(&doc);
}

static void show_sum(const struct replay *replay)
{
    const int64_t *counts = replay->counts;
    if (counts[COUNT_CALLS] == 0)
        puts("no call matches: nothing was judged");
    printf("%s %.12s: %lld calls, %lld improved, %lld same, %lld worse", replay->pack, replay->hash,
           (long long)counts[COUNT_CALLS], (long long)counts[COUNT_IMPROVED],
           (long long)counts[COUNT_SAME], (long long)counts[COUNT_WORSE]);
    if (counts[COUNT_OTHER])
        printf(", %lld on another level that the scale puts neither above nor below",
               (long long)counts[COUNT_OTHER]);
    printf("; %lld differ\n", (long long)counts[COUNT_CHANGED]);
    if (counts[COUNT_ASKED])
        printf("the model was asked about %lld calls\n", (long long)counts[COUNT_ASKED]);
    if (counts[COUNT_NOT_JUDGED])
        printf("%lld calls have texts that no model was asked about: not judged, they count as "
               "unknown (--ask asks now)\n",
               (long long)counts[COUNT_NOT_JUDGED]);
    if (counts[COUNT_FAULTS])
        printf("the pack failed on %lld calls: see faults in --json\n",
               (long long)counts[COUNT_FAULTS]);
}

static int run(struct replay *replay)
{
    int code = ctl_find_bus(&replay->ctl, replay->dir, replay->bus) ? EXIT_USAGE : EXIT_GOOD;
    code = code ? code : tool_put_pack(&replay->tool, replay->args);
    code = code ? code : go_through(replay);
    ctl_hang_up(&replay->ctl);
    if (code)
        return code;
    if (replay->tool.json)
        show_json(replay);
    else
        show_sum(replay);
    return replay->counts[COUNT_WORSE] || replay->counts[COUNT_FAULTS] ? EXIT_BAD : EXIT_GOOD;
}

int tool_replay(int count, char **words)
{
    struct replay replay = {
        .ctl = {.timeout_ms = k_timeout_ms, .token = getenv("KEJUE_TOKEN"), .harmless = true},
        .args = bson_new(),
        .rows = bson_new(),
        .rows_most = -1};
    int code = EXIT_GOOD;
    replay.list.array = replay.rows;
    for (int option;
         code == EXIT_GOOD && (option = getopt_long(count, words, "", k_options, NULL)) != -1;)
        code = take_option(&replay, option);
    ctl_find_terminal(&replay.ctl);
    if (replay.rows_most < 0)
        replay.rows_most = replay.tool.json ? k_rows_json : k_rows_shown;
    if (code == EXIT_GOOD && replay.help)
        fputs(k_help, stdout);
    else if (code == EXIT_GOOD && (!replay.tool.target || optind < count))
        code = ctl_say(EXIT_USAGE, "replay", "see kejue-rules replay --help",
                       "takes --pack FILE and options");
    else if (code == EXIT_GOOD)
        code = run(&replay);
    kj_doc_clear(&replay.args);
    kj_doc_clear(&replay.rows);
    return code;
}
