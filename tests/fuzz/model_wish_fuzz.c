// Any words as a callback wish, a refusal and a column header. The first byte picks the language.
#include "base/str.h"
#include "model/facts.h"
#include "model/fold.h"
#include "model/lead.h"
#include "model/optout.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_wish(const char *text, const char *language)
{
    const int64_t now = INT64_C(1782892800000); // 2026-07-01T08:00:00Z
    int64_t at, earliest, latest;
    enum kj_wish wish =
        kj_wish_parse(text, language, kj_zone_get("Europe/Berlin"), now, &at, &earliest, &latest);
    if (wish == KJ_WISH_OK && (at != earliest || earliest < now || latest < earliest ||
                               latest - now > 370 * INT64_C(86400000)))
        abort();
}

// Folding twice changes nothing: what is compared later is the same text.
static void check_fold(const char *text)
{
    struct kj_buf once, twice;
    kj_buf_init(&once, 0);
    kj_buf_init(&twice, 0);
    kj_fold(text, 0, &once);
    kj_fold(once.data, 0, &twice);
    if (strcmp(once.data, twice.data) != 0 || !kj_utf8_valid(once.data, once.length))
        abort();
    kj_buf_fini(&once);
    kj_buf_fini(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const k_languages[] = {"en", "de", "es"};
    if (size == 0 || size > 4096)
        return 0;
    const char *language = k_languages[data[0] % 3];
    char *text = calloc(1, size);
    if (text == NULL)
        abort();
    memcpy(text, data + 1, size - 1);
    check_wish(text, language);
    (void)kj_optout_asked(text, language);
    (void)kj_lead_field(text);
    check_fold(text);
    free(text);
    return 0;
}
