// A small lexer of Lua that follows table constructors and skips everything else.
#include "script/pack_lines.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum token { END, NAME, TEXT, NUMBER, SIGN };
enum { MAX_PATH = 200, MAX_NESTING = 40 };

struct lexer {
    const char *at, *end;
    int line;
    enum token token;
    int token_line;
    char word[80]; // of NAME, TEXT, NUMBER; cut when longer
    char sign;
    const char *start;
};

struct walker {
    struct lexer lexer;
    struct kj_lines *lines;
    char path[MAX_PATH];
    int nesting;
};

static void count_lines(struct lexer *lexer, const char *from)
{
    for (; from < lexer->at; from++) {
        lexer->line += *from == '\n';
    }
}

// At "[", "[=" …: the number of = and true, when it is a long bracket.
static bool long_bracket(const struct lexer *lexer, const char *at, size_t *level)
{
    const char *mark = at + 1;
    while (mark < lexer->end && *mark == '=') {
        mark++;
    }
    *level = (size_t)(mark - at - 1);
    return mark < lexer->end && *mark == '[';
}

static void skip_long(struct lexer *lexer, size_t level)
{
    const char *from = lexer->at;
    for (lexer->at += level + 2; lexer->at < lexer->end; lexer->at++) {
        if (*lexer->at != ']') {
            continue;
        }
        const char *mark = lexer->at + 1;
        while (mark < lexer->end && *mark == '=') {
            mark++;
        }
        if (mark < lexer->end && *mark == ']' && (size_t)(mark - lexer->at - 1) == level) {
            lexer->at = mark + 1;
            break;
        }
    }
    count_lines(lexer, from);
}

static void skip_blank(struct lexer *lexer)
{
    size_t level;
    while (lexer->at < lexer->end) {
        if (isspace((unsigned char)*lexer->at)) {
            lexer->line += *lexer->at++ == '\n';
        } else if (lexer->end - lexer->at > 1 && lexer->at[0] == '-' && lexer->at[1] == '-') {
            lexer->at += 2;
            if (lexer->at < lexer->end && *lexer->at == '[' &&
                long_bracket(lexer, lexer->at, &level)) {
                skip_long(lexer, level);
            } else {
                while (lexer->at < lexer->end && *lexer->at != '\n') {
                    lexer->at++;
                }
            }
        } else {
            return;
        }
    }
}

static void take_word(struct lexer *lexer, const char *from, const char *to)
{
    size_t length = (size_t)(to - from);
    length = length < sizeof lexer->word ? length : sizeof lexer->word - 1;
    memcpy(lexer->word, from, length);
    lexer->word[length] = '\0';
}

static void quoted(struct lexer *lexer)
{
    const char *from = lexer->at;
    char quote = *lexer->at++;
    while (lexer->at < lexer->end && *lexer->at != quote) {
        lexer->at += *lexer->at == '\\' && lexer->at + 1 < lexer->end ? 2 : 1;
    }
    take_word(lexer, from + 1, lexer->at);
    lexer->at += lexer->at < lexer->end;
    count_lines(lexer, from);
    lexer->token = TEXT;
}

static bool name_char(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

static bool number_char(char c)
{
    return isalnum((unsigned char)c) || c == '.';
}

static void word(struct lexer *lexer, enum token token, bool (*belongs)(char))
{
    while (lexer->at < lexer->end && belongs(*lexer->at)) {
        lexer->at++;
    }
    take_word(lexer, lexer->start, lexer->at);
    lexer->token = token;
}

static void punctuation(struct lexer *lexer)
{
    lexer->token = SIGN;
    lexer->sign = *lexer->at++;
    if (lexer->sign == '=' && lexer->at < lexer->end && *lexer->at == '=') {
        lexer->at++;
        lexer->sign = '~'; // a comparison, not an assignment
    }
}

static void next(struct lexer *lexer)
{
    size_t level;
    skip_blank(lexer);
    lexer->token_line = lexer->line;
    lexer->start = lexer->at;
    if (lexer->at >= lexer->end) {
        lexer->token = END;
        return;
    }
    char c = *lexer->at;
    if (isdigit((unsigned char)c)) {
        word(lexer, NUMBER, number_char);
    } else if (name_char(c)) {
        word(lexer, NAME, name_char);
    } else if (c == '"' || c == '\'') {
        quoted(lexer);
    } else if (c == '[' && long_bracket(lexer, lexer->at, &level)) {
        skip_long(lexer, level);
        lexer->token = TEXT;
        lexer->word[0] = '\0';
    } else {
        punctuation(lexer);
    }
}

static bool sign(const struct lexer *lexer, char c)
{
    return lexer->token == SIGN && lexer->sign == c;
}

static int block_change(const char *word)
{
    static const char *const open[] = {"function", "if", "do", "repeat"};
    for (size_t i = 0; i < 4; i++) {
        if (strcmp(word, open[i]) == 0) {
            return 1;
        }
    }
    return strcmp(word, "end") == 0 || strcmp(word, "until") == 0 ? -1 : 0;
}

// Goes on to the , ; or } that ends the present value.
static void skip_value(struct lexer *lexer)
{
    int brackets = 0, blocks = 0;
    for (; lexer->token != END; next(lexer)) {
        if (lexer->token == NAME) {
            blocks += block_change(lexer->word);
        } else if (lexer->token == SIGN) {
            bool outside = brackets == 0 && blocks <= 0;
            if (outside && (lexer->sign == ',' || lexer->sign == ';' || lexer->sign == '}')) {
                return;
            }
            brackets += strchr("({[", lexer->sign) != NULL;
            brackets -= strchr(")}]", lexer->sign) != NULL;
        }
    }
}

static void note(struct walker *walker, int line)
{
    if (!kj_map_get(&walker->lines->lines, walker->path)) {
        kj_map_put(&walker->lines->lines, walker->path, (void *)(intptr_t)line);
    }
}

// A key that is written out. A path that was cut may look like another.
static void note_key(struct walker *walker, int line)
{
    struct kj_lines *lines = walker->lines;
    int first = (int)(intptr_t)kj_map_get(&lines->lines, walker->path);
    bool whole = strlen(walker->path) + 1 < sizeof walker->path &&
                 strlen(walker->lexer.word) + 1 < sizeof walker->lexer.word;
    if (first && whole && !lines->twice_line) {
        snprintf(lines->twice, sizeof lines->twice, "%s", walker->path);
        lines->twice_line = line;
        lines->first_line = first;
    }
    note(walker, line);
}

static void constructor(struct walker *walker);

static void value(struct walker *walker)
{
    if (sign(&walker->lexer, '{') && walker->nesting < MAX_NESTING) {
        constructor(walker);
    }
    skip_value(&walker->lexer); // also what follows a constructor
}

// The key of a field, appended to the path; the lexer then stands at the value.
static void key(struct walker *walker, int *position)
{
    struct lexer *lexer = &walker->lexer;
    size_t used = strlen(walker->path), room = sizeof walker->path - used;
    int line = lexer->token_line;
    if (lexer->token == NAME) {
        struct lexer ahead = *lexer;
        next(&ahead);
        if (sign(&ahead, '=')) {
            snprintf(walker->path + used, room, "%s%s", used ? "." : "", lexer->word);
            note_key(walker, line);
            next(&ahead);
            *lexer = ahead;
            return;
        }
    } else if (sign(lexer, '[')) {
        next(lexer);
        bool name = lexer->token == TEXT;
        snprintf(walker->path + used, room, name ? "%s%s" : "%s[%s]", name && used ? "." : "",
                 lexer->word);
        struct lexer behind = *lexer;
        next(&behind);
        bool written = name && lexer->word[0] && sign(&behind, ']');
        // One with a dot would look like a member of a table: what is around it has its line.
        if (written && !strpbrk(lexer->word, ".[")) {
            note_key(walker, line);
        } else if (!written) {
            note(walker, line);
        }
        while (lexer->token != END && !sign(lexer, '=')) {
            next(lexer);
        }
        next(lexer);
        return;
    }
    snprintf(walker->path + used, room, "[%d]", ++*position);
    note(walker, line);
}

// At "{"; ends behind the matching "}".
static void constructor(struct walker *walker)
{
    struct lexer *lexer = &walker->lexer;
    int position = 0;
    walker->nesting++;
    next(lexer);
    while (lexer->token != END && !sign(lexer, '}')) {
        if (sign(lexer, ',') || sign(lexer, ';')) {
            next(lexer);
            continue;
        }
        size_t used = strlen(walker->path);
        key(walker, &position);
        value(walker);
        walker->path[used] = '\0';
    }
    next(lexer);
    walker->nesting--;
}

void kj_lines_init(struct kj_lines *lines, const char *text, size_t length, const char *function)
{
    struct walker walker = {.lexer = {.at = text, .end = text + length, .line = 1}, .lines = lines};
    struct lexer *lexer = &walker.lexer;
    *lines = (struct kj_lines){0};
    kj_map_init(&lines->lines);
    bool kejue = false, dot = false;
    for (next(lexer); lexer->token != END; next(lexer)) {
        if (dot && lexer->token == NAME && strcmp(lexer->word, function) == 0) {
            int line = lexer->token_line;
            next(lexer);
            if (sign(lexer, '(')) {
                next(lexer);
            }
            if (sign(lexer, '{')) {
                note(&walker, line);
                constructor(&walker);
                return;
            }
        }
        dot = kejue && sign(lexer, '.');
        kejue = lexer->token == NAME && strcmp(lexer->word, "kejue") == 0;
    }
}

void kj_lines_fini(struct kj_lines *lines)
{
    kj_map_fini(&lines->lines);
}

int kj_lines_find(const struct kj_lines *lines, const char *path)
{
    return (int)(intptr_t)kj_map_get(&lines->lines, path);
}

int kj_lines_near(const struct kj_lines *lines, const char *path)
{
    char around[MAX_PATH];
    snprintf(around, sizeof around, "%s", path);
    for (;;) {
        int line = kj_lines_find(lines, around);
        if (line > 0) {
            return line;
        }
        size_t length = strlen(around);
        if (length == 0) {
            return 1;
        }
        while (length > 0 && around[length - 1] != '.' && around[length - 1] != '[') {
            length--;
        }
        around[length ? length - 1 : 0] = '\0';
    }
}
