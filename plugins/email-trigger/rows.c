// Leads written into the text of a mail.
//
// Two shapes, both narrow on purpose: a signature must never be called. A block counts only with a
// name and a phone line; a bare list is the first run of lines that are nothing but a number. Dates
// and short numbers are not phone numbers. Reading stops at quoted text and at the signature mark.
#include "mail.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct line {
    const char *text;
    size_t length;
    int number;
};

// The next line, trimmed; 0 at the end of what the sender wrote.
static int next_line(const char **at, struct line *line)
{
    if (!**at)
        return 0;
    const char *end = strchr(*at, '\n');
    size_t length = end ? (size_t)(end - *at) : strlen(*at);
    line->text = *at;
    *at += length + (end != NULL);
    line->number++;
    if ((length == 2 || length == 3) && strncmp(line->text, "-- ", length) == 0)
        return 0;
    while (length > 0 && isspace((unsigned char)line->text[0])) {
        line->text++;
        length--;
    }
    while (length > 0 && isspace((unsigned char)line->text[length - 1]))
        length--;
    line->length = length;
    return !(length > 0 && line->text[0] == '>');
}

static char *copy(const char *text, size_t length)
{
    char *own = malloc(length + 1);
    if (!own)
        abort();
    memcpy(own, text, length);
    own[length] = '\0';
    return own;
}

static void add(struct mail_rows *rows, int line, char *key_take, char *value_take)
{
    if (rows->count == rows->capacity) {
        rows->capacity = rows->capacity ? 2 * rows->capacity : 32;
        rows->fields = realloc(rows->fields, rows->capacity * sizeof *rows->fields);
        if (!rows->fields)
            abort();
    }
    rows->fields[rows->count++] = (struct mail_field){rows->rows, line, key_take, value_take};
}

static void drop_from(struct mail_rows *rows, size_t count)
{
    while (rows->count > count) {
        rows->count--;
        free(rows->fields[rows->count].key);
        free(rows->fields[rows->count].value);
    }
}

static int full(struct mail_rows *rows)
{
    rows->overflow = rows->overflow || rows->rows >= MAIL_MAX_ROWS;
    return rows->overflow;
}

// --- blocks: "Name: Anna Berg", "Phone: +49 …", a blank line between leads ---

static int is_one_of(const char *key, const char *const *names)
{
    for (; *names; names++)
        if (strcasecmp(key, *names) == 0)
            return 1;
    return 0;
}

static int names_person(const char *key)
{
    static const char *const names[] = {"name",      "full name", "first name", "last name",
                                        "firstname", "lastname",  "first_name", "last_name",
                                        "vorname",   "nachname",  "kontakt",    "contact",
                                        "nombre",    "nom",       "lead",       NULL};
    return is_one_of(key, names);
}

static int names_phone(const char *key)
{
    static const char *const names[] = {
        "phone",        "phone number", "telephone", "tel",     "tel.",          "mobile",
        "mobile phone", "cell",         "number",    "telefon", "telefonnummer", "handy",
        "mobil",        "mobilnummer",  "rufnummer", "nummer",  "phone_number",  "telefono",
        "teléfono",     "téléphone",    NULL};
    return is_one_of(key, names);
}

// "Anna Maria Berg" as first and last name; intake knows no field for both.
static void add_name(struct mail_rows *rows, int line, const char *value, size_t length)
{
    size_t split = length;
    while (split > 0 && value[split - 1] != ' ')
        split--;
    size_t first = split;
    while (first > 0 && value[first - 1] == ' ')
        first--;
    if (first == 0) {
        add(rows, line, copy("first_name", 10), copy(value, length));
        return;
    }
    add(rows, line, copy("first_name", 10), copy(value, first));
    add(rows, line, copy("last_name", 9), copy(value + split, length - split));
}

struct block {
    size_t start; // of its fields
    int fields, has_name, has_phone;
};

static void block_end(struct mail_rows *rows, struct block *block)
{
    if (block->has_name && block->has_phone && !full(rows))
        rows->rows++;
    else
        drop_from(rows, block->start);
    *block = (struct block){.start = rows->count};
}

static void block_line(struct mail_rows *rows, struct block *block, const struct line *line)
{
    const char *colon = memchr(line->text, ':', line->length);
    size_t key_length = colon ? (size_t)(colon - line->text) : 0;
    if (key_length == 0 || key_length > 40 || block->fields >= MAIL_MAX_FIELDS)
        return;
    const char *value = colon + 1, *end = line->text + line->length;
    while (value < end && isspace((unsigned char)*value))
        value++;
    while (key_length > 0 && isspace((unsigned char)line->text[key_length - 1]))
        key_length--;
    if (value == end || key_length == 0)
        return;
    char *key = copy(line->text, key_length);
    block->fields++;
    if (names_phone(key)) {
        block->has_phone = 1;
        add(rows, line->number, copy("phone_number", 12), copy(value, (size_t)(end - value)));
        free(key);
    } else if (strcasecmp(key, "name") == 0 || strcasecmp(key, "full name") == 0) {
        block->has_name = 1;
        add_name(rows, line->number, value, (size_t)(end - value));
        free(key);
    } else {
        block->has_name = block->has_name || names_person(key);
        add(rows, line->number, key, copy(value, (size_t)(end - value)));
    }
}

static void parse_blocks(const char *body, struct mail_rows *rows)
{
    struct line line = {0};
    struct block block = {0};
    while (!rows->overflow && next_line(&body, &line)) {
        if (line.length == 0)
            block_end(rows, &block);
        else
            block_line(rows, &block, &line);
    }
    block_end(rows, &block);
}

// --- a bare list ---

static int is_phone(const char *text, size_t length)
{
    int digits = 0, plus = text[0] == '+';
    int international = plus || (length > 2 && text[0] == '0' && text[1] == '0');
    for (size_t i = (size_t)plus; i < length; i++) {
        if (isdigit((unsigned char)text[i]))
            digits++;
        else if (!strchr(" -()/.", text[i]))
            return 0;
    }
    if (digits > 17)
        return 0;
    if (international)
        return digits >= 8;
    return digits >= (text[0] == '0' ? 9 : 10); // 02.03.2026 and 2026-03-02 have eight
}

static void parse_numbers(const char *body, struct mail_rows *rows)
{
    struct line line = {0};
    while (!rows->overflow && next_line(&body, &line)) {
        size_t skip = line.length > 2 && strchr("-*", line.text[0]) && line.text[1] == ' ' ? 2 : 0;
        if (line.length == 0)
            continue;
        if (is_phone(line.text + skip, line.length - skip)) {
            if (full(rows))
                return;
            add(rows, line.number, copy("phone_number", 12),
                copy(line.text + skip, line.length - skip));
            rows->rows++;
        } else if (rows->rows > 0) {
            return; // words after the list: a greeting, then the sender's own number
        }
    }
}

void mail_rows_parse(const char *body, struct mail_rows *rows)
{
    *rows = (struct mail_rows){0};
    parse_blocks(body, rows);
    if (rows->rows == 0 && !rows->overflow)
        parse_numbers(body, rows);
}

void mail_rows_fini(struct mail_rows *rows)
{
    drop_from(rows, 0);
    free(rows->fields);
    *rows = (struct mail_rows){0};
}
