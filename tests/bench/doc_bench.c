// How fast documents are: JSON in and out beside libbson on a call document of about 1 KB and one
// with a long transcript, and the schema of call.create against a full body. The figures that are
// compared are taken in turns, in user CPU time; each is the median of its rounds, a ratio the
// median of the ratios within a round. Lines: name, value, unit, with tabs between.
#include "base/alloc.h"
#include "doc/json.h"
#include "doc/schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { ROUNDS = 9, TURNS = 60 };

static const char k_call[] =
    "{\"_id\":\"65f0a7c1de00000000000042\",\"campaign\":\"spring-check-up\","
    "\"assistant\":\"anna-appointments-de\",\"contact\":{\"first_name\":\"Friederike\","
    "\"last_name\":\"Sommer\",\"phone\":\"+4930901829\",\"email\":\"f.sommer@example.org\","
    "\"language\":\"de\"},\"call\":{\"id\":\"c-104417\",\"started\":1763650000123,"
    "\"ended\":1763650131456,\"duration\":131.3,\"state\":\"ended\",\"ended_by\":\"callee\","
    "\"voicemail\":false,\"attempt\":2},\"variables\":{\"contract\":\"SR-7710-04\","
    "\"price\":89.5,\"due\":\"2026-02-14\",\"city\":\"Berlin\",\"discount\":0.15,"
    "\"callback\":\"tomorrow 14:00\"},\"facts\":{\"interest\":\"high\",\"consent\":true,"
    "\"reason\":\"service\",\"appointment\":\"2026-02-12T14:00:00Z\",\"new_email\":null},"
    "\"score\":91,\"tags\":[\"vip\",\"check-up\",\"east\"],\"summary\":\"The customer wants the "
    "yearly check-up in the second week of February and asked to have the offer sent by e-mail "
    "before then.\",\"transcript\":[{\"r\":\"a\",\"t\":\"Guten Tag, hier ist Anna von Sunrise. "
    "Passt es gerade?\"},{\"r\":\"c\",\"t\":\"Ja, worum geht es denn?\"}],\"version\":7}";

static const char k_body[] =
    "{\"lead\":{\"phone_number\":\"+4930901829\",\"first_name\":\"Friederike\","
    "\"last_name\":\"Sommer\",\"email\":\"f.sommer@example.org\",\"language\":\"de\","
    "\"time_zone\":\"Europe/Berlin\"},\"call\":{\"assistant_group_id\":\"appointments\","
    "\"context\":{\"contract\":\"SR-7710-04\",\"price\":89.5},\"first_message\":\"Guten Tag, hier "
    "ist Anna von Sunrise. Passt es gerade?\",\"call_source\":\"web form\","
    "\"schedule_at\":\"2026-02-10T09:00:00Z\",\"priority\":60,\"schedule\":{\"windows\":[{"
    "\"days\":[0,1,2,3,4],\"from\":\"09:00\",\"to\":\"12:30\"},{\"days\":[0,1,2,3],"
    "\"from\":\"14:00\",\"to\":\"19:00\"}],\"weekend\":\"off\",\"holidays\":[\"2026-02-16\"],"
    "\"starts_at\":\"2026-02-10T00:00:00Z\",\"ends_at\":\"2026-03-01T00:00:00Z\"},\"retry\":{"
    "\"gaps_minutes\":[60,240,1440],\"max_attempts\":4,\"on\":[\"busy\",\"no_answer\","
    "\"voicemail\"]},\"limits\":{\"per_day\":2,\"per_30_days\":8,\"per_lead\":4}},"
    "\"key\":\"web-2026-02-09-000417\"}";

static struct {
    const char *text;
    size_t length;
    bson_t *doc;
    const struct kj_schema *schema;
    struct kj_buf out;
} g;

static void ours_in(void)
{
    bson_t *doc;
    if (kj_json_parse(g.text, g.length, NULL, &doc, NULL, NULL) != 0)
        exit(1);
    bson_destroy(doc);
}

static void libbson_in(void)
{
    bson_t *doc = bson_new_from_json((const uint8_t *)g.text, (ssize_t)g.length, NULL);
    if (doc == NULL)
        exit(1);
    bson_destroy(doc);
}

static void ours_out(void)
{
    kj_buf_reset(&g.out);
    kj_json_write(g.doc, 0, &g.out);
}

// As ours, but for the memory of each text.
static void ours_out_new(void)
{
    struct kj_buf out;
    kj_buf_init(&out, 0);
    kj_json_write(g.doc, 0, &out);
    kj_buf_fini(&out);
}

static void libbson_out(void)
{
    size_t length;
    bson_free(bson_as_relaxed_extended_json(g.doc, &length));
}

static void validate(void)
{
    if (kj_schema_check(g.schema, g.doc, false, NULL) != 0)
        exit(1);
}

static double user_seconds(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_utime.tv_sec + (double)usage.ru_utime.tv_usec / 1e6;
}

static double rate(void (*run)(void), int times)
{
    double start = user_seconds();
    for (int i = 0; i < times; i++)
        run();
    return times / (user_seconds() - start);
}

static int by_value(const void *x, const void *y)
{
    double a = *(const double *)x, b = *(const double *)y;
    return (a > b) - (a < b);
}

static void print_median(const char *name, const char *what, const double *values, const char *unit)
{
    double sorted[ROUNDS];
    memcpy(sorted, values, sizeof sorted);
    qsort(sorted, ROUNDS, sizeof *sorted, by_value);
    printf("%s_%s\t%.*f\t%s\n", name, what, *unit == 'x' ? 2 : 0, sorted[ROUNDS / 2], unit);
}

static void compare(const char *name, void (*ours)(void), void (*theirs)(void), int times)
{
    double mine[ROUNDS], others[ROUNDS], ratio[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
        mine[i] = rate(ours, times * 5);
        others[i] = rate(theirs, times);
        ratio[i] = mine[i] / others[i];
    }
    print_median(name, "kejue", mine, "docs/s");
    print_median(name, "libbson", others, "docs/s");
    print_median(name, "ratio", ratio, "x");
}

static void use(const char *text)
{
    struct kj_fault fault = {0};
    g.text = text;
    g.length = strlen(text);
    bson_destroy(g.doc);
    if (kj_json_parse(text, g.length, NULL, &g.doc, NULL, &fault) == 0)
        return;
    fprintf(stderr, "%s: %s\n", fault.place, fault.text);
    exit(1);
}

static void codec(const char *name, const char *text, int times)
{
    char line[64];
    use(text);
    printf("doc_%s_json\t%zu\tbytes\n", name, g.length);
    printf("doc_%s_bson\t%u\tbytes\n", name, g.doc->len);
    snprintf(line, sizeof line, "doc_%s_in", name);
    compare(line, ours_in, libbson_in, times);
    snprintf(line, sizeof line, "doc_%s_out", name);
    compare(line, ours_out, libbson_out, times / 2);
    snprintf(line, sizeof line, "doc_%s_out_new", name);
    compare(line, ours_out_new, libbson_out, times / 2);
}

// The same call with a transcript of 120 turns more.
static void print_long(struct kj_buf *out)
{
    const char *end = strstr(k_call, "],\"version\"");
    kj_buf_add(out, k_call, (size_t)(end - k_call));
    for (int i = 0; i < TURNS; i++)
        kj_buf_addf(out,
                    ",{\"r\":\"a\",\"t\":\"Dann halte ich fest: Termin Nummer %d im Februar.\"},"
                    "{\"r\":\"c\",\"t\":\"Ja, das ist f\xc3\xbcr mich in Ordnung, danke.\"}",
                    i);
    kj_buf_adds(out, end);
}

// With a number, runs one of the loops alone that often, for a profiler: doc_bench in 100000.
static int run_alone(const char *name, int times)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } runs[] = {{"in", ours_in}, {"out", ours_out}, {"check", validate}};
    for (size_t i = 0; i < KJ_COUNT(runs); i++)
        for (int n = 0; strcmp(name, runs[i].name) == 0 && n < times; n++)
            runs[i].run();
    return 0;
}

int main(int argc, char **argv)
{
    double checks[ROUNDS];
    struct kj_buf text;
    kj_buf_init(&text, 0);
    kj_buf_init(&g.out, 0);
    print_long(&text);
    g.schema = kj_schema_get("commands/call.create", "request");
    if (argc == 3) {
        use(strcmp(argv[1], "check") == 0 ? k_body : k_call);
        return run_alone(argv[1], atoi(argv[2]));
    }
    codec("call", k_call, 20000);
    codec("long_call", text.data, 2000);
    use(k_body);
    printf("schema_body\t%zu\tbytes\n", g.length);
    for (int i = 0; i < ROUNDS; i++)
        checks[i] = rate(validate, 100000);
    print_median("schema", "call_create", checks, "docs/s");
    bson_destroy(g.doc);
    kj_buf_fini(&g.out);
    kj_buf_fini(&text);
    return 0;
}
