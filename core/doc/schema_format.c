// The formats that are asserted. Each is the strict form of its standard, since what passes here is
// parsed by others without asking again.
#include "doc/schema_zone.h"

#include "doc/schema_node.h"

#include "base/alloc.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

// Exactly `count` digits; -1 when there are not.
static int digits(const char *at, size_t count)
{
    int value = 0;
    for (size_t i = 0; i < count; i++) {
        if (at[i] < '0' || at[i] > '9')
            return -1;
        value = value * 10 + (at[i] - '0');
    }
    return value;
}

static bool is_date(const char *text, size_t length)
{
    static const int days[] = {0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (length != 10 || text[4] != '-' || text[7] != '-')
        return false;
    int year = digits(text, 4), month = digits(text + 5, 2), day = digits(text + 8, 2);
    if (year < 0 || month < 1 || month > 12 || day < 1)
        return false;
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return day <= days[month] + (month == 2 && leap);
}

// The offset behind a time, in minutes; false when it is none.
static bool read_offset(const char *text, size_t length, int *minutes)
{
    *minutes = 0;
    if (length == 1)
        return *text == 'Z' || *text == 'z';
    if (length != 6 || (*text != '+' && *text != '-') || text[3] != ':')
        return false;
    int hour = digits(text + 1, 2), minute = digits(text + 4, 2);
    *minutes = (hour * 60 + minute) * (*text == '-' ? -1 : 1);
    return hour >= 0 && hour < 24 && minute >= 0 && minute < 60;
}

static bool in_range(int value, int most)
{
    return value >= 0 && value <= most;
}

// "19:14:52", with a fraction or without; returns its length, 0 when it is none.
static size_t read_clock(const char *text, size_t length, int *minutes, int *second)
{
    if (length < 8 || text[2] != ':' || text[5] != ':')
        return 0;
    int hour = digits(text, 2), minute = digits(text + 3, 2);
    *second = digits(text + 6, 2);
    *minutes = hour * 60 + minute;
    if (!in_range(hour, 23) || !in_range(minute, 59) || !in_range(*second, 60))
        return 0;
    if (length == 8 || text[8] != '.')
        return 8;
    size_t at = 9;
    while (at < length && text[at] >= '0' && text[at] <= '9')
        at++;
    return at == 9 ? 0 : at;
}

static bool is_time(const char *text, size_t length)
{
    int minutes, second, offset;
    size_t at = read_clock(text, length, &minutes, &second);
    if (at == 0 || at == length || !read_offset(text + at, length - at, &offset))
        return false;
    // A leap second ends a UTC day.
    return second < 60 || (minutes - offset + 2 * 1440) % 1440 == 1439;
}

static bool is_date_time(const char *text, size_t length)
{
    return length > 11 && (text[10] == 'T' || text[10] == 't') && is_date(text, 10) &&
           is_time(text + 11, length - 11);
}

static bool is_ipv4(const char *text, size_t length)
{
    const char *end = text + length;
    for (int part = 0; part < 4; part++) {
        int value = 0, count = 0;
        for (; text < end && *text >= '0' && *text <= '9' && count < 4; text++, count++)
            value = value * 10 + (*text - '0');
        if (count == 0 || count > 3 || value > 255 || (count > 1 && text[-count] == '0'))
            return false;
        if (part < 3 && (text == end || *text++ != '.'))
            return false;
    }
    return text == end;
}

// Groups between colons, without "::". The last one may be an IPv4 address, which counts for two.
static bool count_groups(const char *text, size_t length, bool last, int *groups)
{
    const char *end = text + length;
    while (text < end) {
        const char *colon = memchr(text, ':', (size_t)(end - text)), *stop = colon ? colon : end;
        if (last && colon == NULL && memchr(text, '.', (size_t)(stop - text))) {
            *groups += 2;
            return is_ipv4(text, (size_t)(stop - text));
        }
        if (stop == text || stop - text > 4 || stop + 1 == end)
            return false;
        for (; text < stop; text++)
            if (!isxdigit((unsigned char)*text))
                return false;
        ++*groups;
        text = stop + (colon != NULL);
    }
    return true;
}

static bool is_ipv6(const char *text, size_t length)
{
    const char *gap = memmem(text, length, "::", 2);
    int groups = 0;
    if (gap == NULL)
        return count_groups(text, length, true, &groups) && groups == 8;
    size_t before = (size_t)(gap - text);
    return count_groups(text, before, false, &groups) &&
           count_groups(gap + 2, length - before - 2, true, &groups) && groups < 8;
}

static bool is_domain(const char *text, size_t length)
{
    size_t label = 0;
    if (length == 0 || length > 253)
        return false;
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '.') {
            if (label == 0 || text[i - 1] == '-')
                return false;
            label = 0;
            continue;
        }
        bool letter = isascii((unsigned char)text[i]) && isalnum((unsigned char)text[i]);
        if ((!letter && (text[i] != '-' || label == 0)) || ++label > 63)
            return false;
    }
    return label > 0 && text[length - 1] != '-';
}

// A quoted local part, quotes included.
static bool is_quoted_part(const char *text, size_t length)
{
    for (size_t i = 1; i + 1 < length; i++) {
        if (text[i] == '\\' && i + 2 < length)
            i++;
        else if (text[i] == '"' || text[i] == '\\')
            return false;
        if (text[i] < ' ' || text[i] > '~')
            return false;
    }
    return length > 2 && text[length - 1] == '"';
}

static bool is_local_letter(char c)
{
    return c > 0 && (isalnum((unsigned char)c) || strchr("!#$%&'*+-/=?^_`{|}~", c));
}

static bool is_local_part(const char *text, size_t length)
{
    if (length == 0 || length > 64)
        return false;
    if (*text == '"')
        return is_quoted_part(text, length);
    for (size_t i = 0; i < length; i++) {
        if (text[i] != '.') {
            if (!is_local_letter(text[i]))
                return false;
        } else if (i == 0 || i + 1 == length || text[i - 1] == '.')
            return false;
    }
    return true;
}

static bool is_email(const char *text, size_t length)
{
    const char *at = memrchr(text, '@', length);
    if (at == NULL || length > 254 || !is_local_part(text, (size_t)(at - text)))
        return false;
    const char *domain = at + 1;
    size_t rest = length - (size_t)(domain - text);
    if (rest < 2 || domain[0] != '[' || domain[rest - 1] != ']')
        return is_domain(domain, rest);
    if (rest > 7 && strncasecmp(domain + 1, "IPv6:", 5) == 0)
        return is_ipv6(domain + 6, rest - 7);
    return is_ipv4(domain + 1, rest - 2);
}

// Characters of RFC 3986 that stand for themselves, and correct percent escapes.
static bool uri_characters(const char *text, size_t length, const char *also)
{
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c == '%') {
            if (length - i < 3 || !isxdigit((unsigned char)text[i + 1]) ||
                !isxdigit((unsigned char)text[i + 2]))
                return false;
            i += 2;
        } else if (c == 0 || c >= 0x80 ||
                   (!isalnum(c) && !strchr("-._~!$&'()*+,;=", c) && !strchr(also, c))) {
            return false;
        }
    }
    return true;
}

static bool is_authority(const char *text, size_t length)
{
    const char *user = memrchr(text, '@', length), *host = user ? user + 1 : text;
    const char *end = text + length, *port = end;
    if (user && !uri_characters(text, (size_t)(user - text), ":"))
        return false;
    if (host < end && *host == '[') {
        const char *close = memchr(host, ']', (size_t)(end - host));
        if (close == NULL || !is_ipv6(host + 1, (size_t)(close - host - 1)))
            return false;
        port = close + 1;
    } else {
        const char *colon = memchr(host, ':', (size_t)(end - host));
        port = colon ? colon : end;
        if (!uri_characters(host, (size_t)(port - host), ""))
            return false;
    }
    if (port < end && *port++ != ':')
        return false;
    while (port < end && *port >= '0' && *port <= '9')
        port++;
    return port == end;
}

// The length of a scheme that a colon follows, or 0.
static size_t scheme_length(const char *text, size_t length)
{
    size_t scheme = 0;
    while (scheme < length && (isalnum((unsigned char)text[scheme]) ||
                               (scheme && text[scheme] && strchr("+-.", text[scheme]))))
        scheme++;
    bool good =
        scheme > 0 && scheme < length && text[scheme] == ':' && isalpha((unsigned char)*text);
    return good ? scheme : 0;
}

static bool is_uri(const char *text, size_t length)
{
    size_t scheme = scheme_length(text, length);
    if (scheme == 0)
        return false;
    const char *at = text + scheme + 1, *end = text + length;
    const char *fragment = memchr(at, '#', (size_t)(end - at));
    if (fragment && !uri_characters(fragment + 1, (size_t)(end - fragment - 1), ":@/?"))
        return false;
    end = fragment ? fragment : end;
    if (end - at >= 2 && at[0] == '/' && at[1] == '/') {
        const char *authority = at + 2;
        for (at = authority; at < end && *at != '/' && *at != '?';)
            at++;
        if (!is_authority(authority, (size_t)(at - authority)))
            return false;
    }
    return uri_characters(at, (size_t)(end - at), ":@/?");
}

static bool is_uuid(const char *text, size_t length)
{
    if (length != 36)
        return false;
    for (size_t i = 0; i < length; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? text[i] != '-' : !isxdigit((unsigned char)text[i]))
            return false;
    }
    return true;
}

static bool is_e164(const char *text, size_t length)
{
    if (length < 3 || length > 16 || text[0] != '+' || text[1] == '0')
        return false;
    for (size_t i = 1; i < length; i++)
        if (text[i] < '0' || text[i] > '9')
            return false;
    return true;
}

// RFC 5646 by its shape: a language of two to eight letters, or x- for private use, then subtags
// of one to eight letters and digits, the last one of at least two.
static bool is_subtag(const char *tag, size_t length, bool first, bool last)
{
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)tag[i];
        if (c >= 0x80 || !(first ? isalpha(c) : isalnum(c)))
            return false;
    }
    if (length != 1)
        return length >= 2 && length <= 8;
    return !last && (!first || strchr("xXiI", *tag)); // "x-…" and singletons lead on
}

static bool is_language(const char *text, size_t length)
{
    size_t start = 0;
    for (size_t i = 0; i <= length; i++) {
        if (i < length && text[i] != '-')
            continue;
        if (!is_subtag(text + start, i - start, start == 0, i == length))
            return false;
        start = i + 1;
    }
    return true;
}

const struct kj_schema_format *kj_schema_format(const char *name)
{
    static const struct kj_schema_format formats[] = {
        {"date-time", is_date_time, "must be a date and time such as 2026-11-20T19:14:52Z"},
        {"date", is_date, "must be a date such as 2026-11-20"},
        {"time", is_time, "must be a time with offset such as 19:14:52Z"},
        {"email", is_email, "must be an e-mail address"},
        {"uri", is_uri, "must be a URI such as https://example.com/path"},
        {"uuid", is_uuid, "must be a UUID such as 123e4567-e89b-12d3-a456-426614174000"},
        {"e164", is_e164, "must be a phone number in international form such as +48123456789"},
        {"iana-tz", kj_schema_is_zone, "must be a time zone such as Europe/Warsaw"},
        {"language", is_language, "must be a language tag such as en or pt-BR"},
    };
    for (size_t i = 0; i < KJ_COUNT(formats); i++)
        if (strcmp(formats[i].name, name) == 0)
            return &formats[i];
    return NULL;
}
