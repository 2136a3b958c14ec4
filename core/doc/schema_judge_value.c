// Text, numbers, enum and const.
#include "doc/schema_run.h"

#include "doc/decimal.h"

// Characters, not bytes.
static int64_t count_characters(const struct kj_element *value)
{
    int64_t count = 0;
    for (uint32_t i = 0; i < value->length; i++)
        count += (value->data[i] & 0xc0) != 0x80;
    return count;
}

static bool judge_length(const struct kj_schema_case *c)
{
    const struct kj_schema_text *text = c->node->text;
    int64_t bytes = c->value->length, count = bytes;
    // A character has one to four bytes: mostly that decides.
    if (bytes > text->max || (bytes + 3) / 4 < text->min)
        count = count_characters(c->value);
    if (text->min >= 0 && count < text->min)
        return text->min == 1
                   ? kj_schema_fault(c->run, c->place, "minLength", "must not be empty")
                   : kj_schema_fault(c->run, c->place, "minLength",
                                     "must have at least %lld characters", (long long)text->min);
    if (text->max >= 0 && count > text->max)
        return kj_schema_fault(c->run, c->place, "maxLength", "must have at most %lld characters",
                               (long long)text->max);
    return true;
}

bool kj_schema_match(struct kj_schema_run *run, const pcre2_code *code, const char *text,
                     size_t length)
{
    if (run->match == NULL)
        run->match = pcre2_match_data_create(1, NULL);
    int rc =
        pcre2_match(code, (PCRE2_SPTR)text, length, 0, 0, run->match, run->schema->match_context);
    // One that had to be stopped is charged as what it cost.
    run->steps += rc < PCRE2_ERROR_PARTIAL ? 200000 : 1 + length / 16;
    return rc >= 0;
}

bool kj_schema_judge_text(const struct kj_schema_case *c)
{
    const struct kj_schema_text *text = c->node->text;
    const char *value = (const char *)c->value->data;
    bool ok = true;
    if (text->min >= 0 || text->max >= 0)
        ok = judge_length(c);
    if (text->format && (ok || kj_schema_goes_on(c->run)) &&
        !text->format->check(value, c->value->length))
        ok = kj_schema_fault(c->run, c->place, "format", "%s", text->format->sentence);
    if (text->pattern && (ok || kj_schema_goes_on(c->run)) &&
        !kj_schema_match(c->run, text->pattern, value, c->value->length))
        ok = kj_schema_fault(c->run, c->place, "pattern", "must match the pattern %.180s",
                             text->pattern_text);
    return ok;
}

static void decimal_of(const struct kj_element *value, uint64_t *digits, int *exponent)
{
    int64_t whole;
    if (value->type == BSON_TYPE_DOUBLE) {
        kj_decimal_shortest(kj_load_real(value->data), digits, exponent);
        return;
    }
    kj_element_int(value, &whole);
    *digits = whole < 0 ? 0 - (uint64_t)whole : (uint64_t)whole;
    *exponent = 0;
}

// In decimal, as people mean it: 0.0075 is a multiple of 0.0001, whatever the doubles say.
bool kj_schema_is_multiple(const struct kj_element *value, const struct kj_element *of)
{
    uint64_t a, b;
    int p, q;
    if (value->type == BSON_TYPE_DOUBLE &&
        kj_load_real(value->data) - kj_load_real(value->data) != 0)
        return false;
    decimal_of(value, &a, &p);
    decimal_of(of, &b, &q);
    if (a == 0)
        return true;
    if (b == 0)
        return false;
    for (; p < q; q--) {
        if (b > UINT64_MAX / 10) // then it is larger than the value
            return false;
        b *= 10;
    }
    unsigned __int128 rest = a % b;
    for (; p > q && rest; p--)
        rest = rest * 10 % b;
    return rest == 0;
}

static bool say_bound(const struct kj_schema_case *c, const char *keyword, const char *words,
                      const struct kj_element *bound)
{
    char text[KJ_DECIMAL_SIZE + 1];
    int64_t whole;
    if (c->run->report == NULL)
        return false;
    size_t length = kj_element_int(bound, &whole)
                        ? kj_decimal_print_int(whole, text)
                        : kj_decimal_print_real(kj_element_real(bound), text);
    text[length] = 0;
    return kj_schema_fault(c->run, c->place, keyword, "must be %s %s", words, text);
}

bool kj_schema_judge_number(const struct kj_schema_case *c)
{
    const struct kj_schema_number *number = c->node->number;
    const struct kj_element *value = c->value;
    bool ok = true;
    if (number->minimum.type && kj_element_compare(value, &number->minimum) < 0)
        ok = say_bound(c, "minimum", "at least", &number->minimum);
    if (number->maximum.type && kj_element_compare(value, &number->maximum) > 0)
        ok = say_bound(c, "maximum", "at most", &number->maximum);
    if (number->above.type && kj_element_compare(value, &number->above) <= 0)
        ok = say_bound(c, "exclusiveMinimum", "greater than", &number->above);
    if (number->below.type && kj_element_compare(value, &number->below) >= 0)
        ok = say_bound(c, "exclusiveMaximum", "less than", &number->below);
    if (number->multiple.type && !kj_schema_is_multiple(value, &number->multiple))
        ok = say_bound(c, "multipleOf", "a multiple of", &number->multiple);
    return ok;
}

bool kj_schema_judge_values(const struct kj_schema_case *c)
{
    const struct kj_schema_values *values = c->node->values;
    bool ok = !values->has_constant || kj_element_equal(c->value, &values->constant);
    if (ok && values->has_list) {
        ok = false;
        for (size_t i = 0; !ok && i < values->count; i++)
            ok = kj_element_equal(c->value, &values->list[i]);
    }
    return ok || kj_schema_say_values(c);
}
