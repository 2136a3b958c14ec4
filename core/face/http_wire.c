// Reading the head of a request. Every character must be one that may stand where it stands.
#include "face/http_wire.h"

#include <string.h>
#include <strings.h>

static bool is_token_char(unsigned char c)
{
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-')
        return true; // most are; a head has a hundred of them
    return c > ' ' && c < 127 && strchr("\"(),/:;<=>?@[\\]{}", c) == NULL;
}

size_t kj_http_head_size(const char *bytes, size_t length)
{
    // Line by line: memmem takes three times as long.
    const char *at = bytes, *end = bytes + length;
    while ((at = memchr(at, '\n', (size_t)(end - at))) != NULL)
        if (++at - bytes >= 4 && memcmp(at - 4, "\r\n\r\n", 4) == 0)
            return (size_t)(at - bytes);
    return 0;
}

static int digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

// In place; false for half an escape and for an encoded NUL.
static bool decode(char *text, bool plus)
{
    char *to = text;
    for (; *text; text++, to++) {
        *to = plus && *text == '+' ? ' ' : *text;
        if (*text != '%')
            continue;
        int high = digit(text[1]), low = high < 0 ? -1 : digit(text[2]);
        if (low < 0 || high + low == 0)
            return false;
        *to = (char)(high << 4 | low);
        text += 2;
    }
    *to = 0;
    return true;
}

// METHOD SP target SP HTTP/1.x
static const char *parse_line(char *line, struct kj_http_head *head)
{
    char *space = strchr(line, ' '), *last = space ? strchr(space + 1, ' ') : NULL;
    if (last == NULL)
        return "the first line must be: METHOD PATH HTTP/1.1";
    *space = *last = 0;
    head->method = line;
    head->path = space + 1;
    if (*line == 0)
        return "the method is missing";
    for (; *line; line++)
        if (!is_token_char((unsigned char)*line))
            return "the method has a character it cannot have";
    if (strcmp(last + 1, "HTTP/1.1") != 0 && strcmp(last + 1, "HTTP/1.0") != 0)
        return "the version must be HTTP/1.1";
    head->old = last[8] == '0';
    if (head->path[0] != '/')
        return "the path must begin with a slash";
    for (const char *at = head->path; *at; at++)
        if ((unsigned char)*at <= ' ' || (unsigned char)*at >= 127 || *at == '#')
            return "the path has a character that must be encoded";
    head->query = strchr(head->path, '?');
    if (head->query)
        *head->query++ = 0;
    return decode(space + 1, false) ? NULL : "the path has a wrong escape";
}

static const char *parse_field(char *line, struct kj_http_field *field)
{
    char *colon = strchr(line, ':'), *value, *end;
    if (colon == NULL || colon == line)
        return "a header must be: Name: value";
    *colon = 0;
    for (const char *at = line; *at; at++)
        if (!is_token_char((unsigned char)*at))
            return "a header's name has a character it cannot have";
    value = colon + 1 + strspn(colon + 1, " \t");
    for (end = value; *end; end++)
        if (((unsigned char)*end < ' ' && *end != '\t') || *end == 127)
            return "a header's value has a control character";
    while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
        *--end = 0;
    *field = (struct kj_http_field){line, value};
    return NULL;
}

const char *kj_http_head_parse(char *bytes, size_t size, struct kj_http_head *head)
{
    const char *wrong = NULL;
    char *end = bytes + size - 2, *line = bytes; // the empty line
    head->count = 0;
    if (memchr(bytes, 0, size) != NULL)
        return "the head has a NUL";
    for (bool first = true; line < end && wrong == NULL; first = false) {
        char *stop = memchr(line, '\r', (size_t)(end - line));
        if (stop == NULL || stop[1] != '\n') // `end` is a CR LF itself
            return "a line must end in CR LF";
        *stop = 0;
        if (!first && head->count == KJ_HTTP_FIELDS)
            return "there are too many headers";
        if (first)
            wrong = parse_line(line, head);
        else
            wrong = parse_field(line, &head->fields[head->count++]);
        line = stop + 2;
    }
    if (wrong == NULL && line == bytes)
        wrong = "the first line is empty";
    return wrong;
}

const char *kj_http_field(const struct kj_http_head *head, const char *name)
{
    for (size_t i = 0; i < head->count; i++)
        if (strcasecmp(head->fields[i].name, name) == 0)
            return head->fields[i].value;
    return NULL;
}

bool kj_http_query_next(char **query, const char **name, const char **value)
{
    while (*query && **query) {
        char *part = *query, *end = strchr(part, '&'), *equals;
        *query = end ? end + 1 : NULL;
        if (end)
            *end = 0;
        equals = strchr(part, '=');
        if (equals)
            *equals++ = 0;
        if (*part == 0 || !decode(part, true) || (equals && !decode(equals, true)))
            continue;
        *name = part;
        *value = equals ? equals : "";
        return true;
    }
    return false;
}
