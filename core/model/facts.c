// What code alone says about a transcript. Only the lead's own turns count as refusal or wish; the
// assistant's may only show that the wish was asked for.
#include "model/facts.h"

#include "base/alloc.h"
#include "doc/element.h"
#include "model/fold.h"
#include "model/language.h"
#include "model/optout.h"
#include "model/wish.h"

#include <stdlib.h>
#include <string.h>

enum { k_max_quote = 300, k_max_turn = 32 << 10 };

struct turn {
    const char *speaker, *text;
    bool pressed_nine; // DTMF 9 asks for no further calls
};

static const char *text_of(const struct kj_element *member)
{
    bool text = member->key && member->type == BSON_TYPE_UTF8 && member->data[member->length] == 0;
    return text ? (const char *)member->data : "";
}

static bool read_turn(const bson_iter_t *at, struct turn *turn)
{
    enum { SPEAKER, TEXT, DTMF, FIELDS };
    static const char *const k_names[FIELDS] = {"speaker", "text", "dtmf"};
    struct kj_element found[FIELDS];
    bson_t view;
    if (!kj_doc_at(at, &view))
        return false;
    kj_element_pick(&view, k_names, FIELDS, found);
    turn->speaker = text_of(&found[SPEAKER]);
    turn->text = text_of(&found[TEXT]);
    turn->pressed_nine = strcmp(text_of(&found[DTMF]), "9") == 0;
    return strlen(turn->text) <= k_max_turn;
}

static bool is_lead(const struct turn *turn)
{
    return strcmp(turn->speaker, "lead") == 0;
}

// The turn's own words, cut at a space: kj_quote_find finds them again.
static void put_quote(bson_t *doc, const char *text)
{
    size_t fits = (size_t)kj_utf8_fit(text, k_max_quote);
    if (text[fits])
        while (fits > 0 && text[fits] != ' ')
            fits--;
    char *quote = kj_strndup(text, fits);
    kj_doc_put_text(doc, "quote", quote);
    free(quote);
}

// --- the refusal ---

static void put_opt_out(const bson_t *transcript, const char *language, bson_t *facts)
{
    bson_t found = BSON_INITIALIZER;
    bson_iter_t at;
    struct turn turn;
    bool asked = false;
    int number = 0;
    for (bool more = bson_iter_init(&at, transcript); more && bson_iter_next(&at); number++) {
        if (!read_turn(&at, &turn) || !is_lead(&turn))
            continue;
        asked = turn.pressed_nine || kj_optout_asked(turn.text, language);
        if (asked)
            break;
    }
    kj_doc_put_bool(&found, "asked", asked);
    if (asked) {
        put_quote(&found, turn.text[0] || !turn.pressed_nine ? turn.text : "DTMF 9");
        kj_doc_put_int(&found, "turn", number + 1); // as in c.transcript[turn]
    }
    kj_doc_put_doc(facts, "opt_out", &found);
    bson_destroy(&found);
}

// --- the callback ---

// Words that make a time a wish to be called then.
static const struct {
    const char *language;
    const char *phrases[36];
} k_callback[] = {
    {"en", {"call me",      "call back",    "call again",     "callback",       "ring me",
            "ring back",    "phone me",     "try me",         "try again",      "reach me",
            "speak then",   "talk then",    "get back to me", "later",          "another time",
            "call us",      "better time",  "give me a call", "good time",      "suits me",
            "works for me", "works better", "can you call",   "could you call", "contact me",
            "call you",     "ring you",     "reach you",      "try you"}},
    {"de", {"ruckruf",      "ruckrufen",    "zuruckrufen",   "zuruckzurufen", "zuruck",
            "wieder an",    "noch mal an",  "nochmal an",    "melden",        "melden sie sich",
            "anrufen",      "anzurufen",    "rufen sie",     "ruf",           "erreichen",
            "erreichbar",   "spater",       "passt es",      "passt mir",     "passt besser",
            "ein andermal", "sprechen wir", "telefonieren",  "probieren sie", "versuchen sie",
            "zuruckrufe",   "anrufe",       "melde ich mich"}},
    {"es", {"llameme",         "llamame",         "llamarme",      "llame",      "llamar",
            "vuelva a llamar", "volver a llamar", "llamada",       "llamen",     "mas tarde",
            "otro momento",    "otro dia",        "me viene bien", "contacteme", "contactarme",
            "hablamos",        "puede llamar",    "localizar",     "luego",      "llamarle",
            "llamarlo",        "llamarla",        "le llame",      "le llamo"}},
    {"pl", {"oddzwonic",    "oddzwoni",    "oddzwon",     "oddzwoncie",        "zadzwonic",
            "zadzwoni",     "zadzwon",     "zadzwoncie",  "zadzwonic do mnie", "prosze dzwonic",
            "dzwonic",      "dzwon",       "telefon",     "skontaktowac",      "kontakt",
            "pozniej",      "innym razem", "pasuje mi",   "mi pasuje",         "bedzie lepiej",
            "porozmawiamy", "polaczyc",    "zlapac mnie", "bede dostepny",     "bede dostepna"}},
    {"ar", {"اتصل",    "اتصل بي", "اتصلوا", "اتصلي",          "تتصل",    "تتصلوا", "تتصلي", "يتصل",
            "الاتصال", "اتصال",   "كلمني",  "تكلمني",         "تكلموني", "نتحدث",  "نتكلم", "لاحقا",
            "وقت اخر", "يناسبني", "مناسب",  "معاوده الاتصال", "نتصل",    "رن علي"}},
    {"hi",
     {"फोन", "कॉल", "काल", "बात करें", "बात कर", "बात करेंगे", "बात करते", "संपर्क", "बाद में", "फिर कभी",
      "रिंग", "कॉल बैक", "मिलाइए", "बात हो", "ठीक रहेगा", "सही रहेगा"}},
};

static bool holds_phrase(const char *folded, const char *phrase)
{
    size_t length = strlen(phrase);
    for (const char *at = folded; (at = strstr(at, phrase)); at++)
        if ((at == folded || at[-1] == ' ') && (at[length] == 0 || at[length] == ' '))
            return true;
    return false;
}

// One bit for how a word begins: most phrases begin with none of a turn's words.
static uint64_t word_bit(const char *word)
{
    unsigned second = word[0] && word[1] != ' ' ? (unsigned char)word[1] : 0;
    return UINT64_C(1) << (((unsigned char)word[0] * 31 + second) & 63);
}

static uint64_t word_bits(const char *folded)
{
    uint64_t bits = 0;
    for (const char *at = folded; *at; at += *at == ' ') {
        bits |= word_bit(at);
        at = strchrnul(at, ' ');
    }
    return bits;
}

static bool speaks_of_calling(const char *text, const char *tag)
{
    struct kj_buf folded;
    bool found = false;
    kj_buf_init(&folded, 2 * k_max_turn);
    kj_fold(text, 0, &folded);
    uint64_t begin = word_bits(folded.data);
    for (size_t i = 0; i < KJ_COUNT(k_callback); i++)
        if (strcmp(k_callback[i].language, tag) == 0)
            for (const char *const *p = k_callback[i].phrases; *p && !found; p++)
                found = begin & word_bit(*p) && holds_phrase(folded.data, *p);
    kj_buf_fini(&folded);
    return found;
}

struct wish {
    enum kj_wish state;
    int64_t at, earliest, latest;
    int turn;
    const char *text;           // of the turn that settled it
    struct kj_wish_parts parts; // over several turns
};

struct talk {
    const char *tag;
    const struct kj_zone *zone;
    int64_t now;
};

static bool says_day(const struct kj_wish_parts *parts)
{
    return parts->day_count > 0 || parts->week >= 0;
}

static bool says_time(const struct kj_wish_parts *parts)
{
    return parts->clock_count > 0 || parts->part != KJ_PART_NONE;
}

static void take_day(struct kj_wish_parts *parts, const struct kj_wish_parts *from)
{
    memcpy(parts->days, from->days, sizeof parts->days);
    parts->day_count = from->day_count;
    parts->week = from->week;
}

// "Tomorrow." - "What time?" - "At two.": the later turn says one half, the earlier said the other.
static void complete(const struct kj_wish_parts *before, struct kj_wish_parts *parts)
{
    if (parts->span_minutes >= 0)
        return;
    if (!says_day(parts) && says_time(parts) && says_day(before))
        take_day(parts, before);
    else if (says_day(parts) && !says_time(parts) && says_time(before)) {
        parts->part = before->part;
        parts->relation = before->relation;
        parts->clock_count = before->clock_count;
        memcpy(parts->clocks, before->clocks, sizeof parts->clocks);
    }
}

// A few words soon after a wish correct or complete it, asked or not.
static bool follows_wish(const struct wish *wish, int number, size_t words)
{
    return wish->state != KJ_WISH_NONE && number - wish->turn <= 4 && words <= 6;
}

static void take_wish(const struct talk *talk, const char *text, int number, bool asked,
                      struct wish *wish)
{
    struct kj_wish_token tokens[KJ_WISH_TOKENS];
    struct wish next = {.turn = number, .text = text};
    size_t count = kj_wish_scan(text, talk->tag, tokens, KJ_COUNT(tokens));
    if (!asked && !follows_wish(wish, number, count) && !speaks_of_calling(text, talk->tag))
        return;
    kj_wish_read(tokens, count, &next.parts);
    if (wish->state != KJ_WISH_NONE)
        complete(&wish->parts, &next.parts);
    next.state =
        kj_wish_resolve(&next.parts, talk->zone, talk->now, &next.at, &next.earliest, &next.latest);
    bool vague = !says_day(&next.parts) && !says_time(&next.parts) && next.parts.span_minutes < 0;
    if (next.state != KJ_WISH_NONE && !(vague && wish->state == KJ_WISH_OK))
        *wish = next;
}

static void put_wish(const struct wish *wish, bson_t *facts)
{
    static const char *const k_states[] = {"none", "ok", "ambiguous", "invalid"};
    bson_t found = BSON_INITIALIZER;
    kj_doc_put_text(&found, "state", k_states[wish->state]);
    if (wish->state == KJ_WISH_OK) {
        kj_doc_put_time(&found, "at", wish->at);
        kj_doc_put_time(&found, "earliest_at", wish->earliest);
        kj_doc_put_time(&found, "latest_at", wish->latest);
    }
    put_quote(&found, wish->text);
    kj_doc_put_int(&found, "turn", wish->turn + 1);
    kj_doc_put_doc(facts, "callback", &found);
    bson_destroy(&found);
}

static void put_callback(const bson_t *transcript, const struct talk *talk, bson_t *facts)
{
    struct wish wish = {.state = KJ_WISH_NONE};
    bson_iter_t at;
    struct turn turn;
    bool asked = false; // the assistant has just spoken of calling again
    int number = 0;
    for (bool more = bson_iter_init(&at, transcript); more && bson_iter_next(&at); number++) {
        if (!read_turn(&at, &turn))
            continue;
        if (is_lead(&turn))
            take_wish(talk, turn.text, number, asked, &wish);
        else
            asked = speaks_of_calling(turn.text, talk->tag);
    }
    if (wish.state != KJ_WISH_NONE)
        put_wish(&wish, facts);
}

void kj_facts_from_transcript(const bson_t *transcript, const char *language,
                              const struct kj_zone *zone, int64_t now, bson_t *facts)
{
    char tag[16] = "en";
    if (language && language[0] && !kj_language_parse(language, tag))
        kj_copy(tag, sizeof tag, "und");
    struct talk talk = {tag, zone, now};
    put_opt_out(transcript, tag, facts);
    put_callback(transcript, &talk, facts);
}

// --- an appointment that a model has found ---

void kj_facts_appointment(const bson_t *transcript, const bson_t *said, const char *language,
                          const struct kj_zone *zone, int64_t now, bson_t *facts)
{
    bson_t found = BSON_INITIALIZER;
    int64_t at, earliest, latest;
    const char *quote = kj_doc_text(said, "quote", "");
    int turn = kj_quote_find(transcript, quote, (int)kj_doc_int(said, "turn", 0) - 1);
    enum kj_wish wish = turn < 0
                            ? KJ_WISH_NONE
                            : kj_wish_parse(quote, language, zone, now, &at, &earliest, &latest);
    if (wish == KJ_WISH_OK || wish == KJ_WISH_AMBIGUOUS) {
        kj_doc_put_text(&found, "state", "wished");
        if (wish == KJ_WISH_OK && earliest == latest) // a span of hours is no appointment yet
            kj_doc_put_time(&found, "at", at);
        kj_doc_put_from(&found, "title", said, "title");
        put_quote(&found, quote);
        kj_doc_put_int(&found, "turn", turn + 1);
        kj_doc_put_doc(facts, "appointment", &found);
    }
    bson_destroy(&found);
}

// --- evidence ---

static bool holds_quote(const char *text, const char *quote)
{
    struct kj_buf folded;
    kj_buf_init(&folded, 0);
    kj_fold(text, KJ_FOLD_CASE, &folded);
    bool found = holds_phrase(folded.data, quote);
    kj_buf_fini(&folded);
    return found;
}

static bool turn_holds(const bson_iter_t *at, const char *folded)
{
    struct turn turn;
    return read_turn(at, &turn) && holds_quote(turn.text, folded);
}

// Does the turn `number` hold the (folded) quote?
static bool named_turn_holds(const bson_t *transcript, int number, const char *folded)
{
    bson_iter_t at;
    bool there = number >= 0 && bson_iter_init(&at, transcript);
    for (int i = 0; there && i <= number; i++)
        there = bson_iter_next(&at);
    return there && turn_holds(&at, folded);
}

int kj_quote_find(const bson_t *transcript, const char *quote, int named_turn)
{
    struct kj_buf folded;
    bson_iter_t at;
    int number = 0, found = -1;
    kj_buf_init(&folded, 0);
    kj_fold(quote, KJ_FOLD_CASE, &folded);
    // The named turn first: mostly it is there, and need not fold the turns before it.
    if (folded.length > 0 && named_turn_holds(transcript, named_turn, folded.data))
        found = named_turn;
    bool more = found < 0 && folded.length > 0 && bson_iter_init(&at, transcript);
    for (; more && found < 0 && bson_iter_next(&at); number++)
        if (turn_holds(&at, folded.data))
            found = number;
    kj_buf_fini(&folded);
    return found;
}
