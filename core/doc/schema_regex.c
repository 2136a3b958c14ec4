// Patterns of schemas are ECMA-262; PCRE2 with these options speaks nearly the same language. What
// it spells differently is translated: \p{Letter} and its like, \cX and \d stay as they are.
#include "doc/schema_compile.h"

#include "base/alloc.h"

#include <string.h>

// Long names of Unicode properties that ECMA-262 knows and PCRE2 10.42 does not.
static const struct {
    const char *from, *to;
} k_properties[] = {{"{Letter}", "{L}"},
                    {"{Lowercase_Letter}", "{Ll}"},
                    {"{Uppercase_Letter}", "{Lu}"},
                    {"{Number}", "{N}"},
                    {"{Decimal_Number}", "{Nd}"},
                    {"{digit}", "{Nd}"},
                    {"{Punctuation}", "{P}"},
                    {"{Symbol}", "{S}"},
                    {"{Separator}", "{Z}"},
                    {"{Space_Separator}", "{Zs}"},
                    {"{Mark}", "{M}"},
                    {"{Other}", "{C}"}};

static void translate(const char *text, size_t length, struct kj_buf *out)
{
    for (size_t i = 0; i < length;) {
        size_t take = text[i] == '\\' && i + 1 < length ? 2 : 1;
        kj_buf_add(out, text + i, take);
        bool property = take == 2 && (text[i + 1] == 'p' || text[i + 1] == 'P');
        i += take;
        for (size_t p = 0; property && p < KJ_COUNT(k_properties); p++) {
            size_t from = strlen(k_properties[p].from);
            if (length - i < from || memcmp(text + i, k_properties[p].from, from) != 0)
                continue;
            kj_buf_adds(out, k_properties[p].to);
            i += from;
            break;
        }
    }
}

int kj_schema_regex(struct kj_schema_compiler *c, const struct kj_element *value, const char *text,
                    size_t length, const pcre2_code **code)
{
    struct kj_schema *schema = c->schema;
    struct kj_buf pattern;
    int error;
    PCRE2_SIZE offset;
    kj_buf_init(&pattern, 0);
    translate(text, length, &pattern);
    pcre2_code *made = pcre2_compile((PCRE2_SPTR)pattern.data, pattern.length,
                                     PCRE2_UTF | PCRE2_DOLLAR_ENDONLY | PCRE2_ALT_BSUX |
                                         PCRE2_MATCH_UNSET_BACKREF | PCRE2_ALLOW_EMPTY_CLASS |
                                         PCRE2_NEVER_BACKSLASH_C | PCRE2_NEVER_UCP,
                                     &error, &offset, NULL);
    kj_buf_fini(&pattern);
    if (made == NULL) {
        PCRE2_UCHAR message[160];
        pcre2_get_error_message(error, message, sizeof message);
        return kj_schema_refuse(c, value->data,
                                "is not a regular expression (at character %zu: %s)",
                                (size_t)offset, (const char *)message);
    }
    // Where memory may not be made executable, the interpreter does it.
    (void)pcre2_jit_compile(made, PCRE2_JIT_COMPLETE);
    schema->codes = kj_realloc(schema->codes, (schema->code_count + 1) * sizeof(pcre2_code *));
    schema->codes[schema->code_count++] = made;
    *code = made;
    return KJ_OK;
}
