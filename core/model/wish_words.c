// The words of the callback wish. Folded (fold.h). The longest phrase wins, so that "a la una" is a
// time and "a la tarde" a part of the day.
#include "model/wish.h"

#include "base/alloc.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

// clang-format off
static const struct kj_wish_word k_en[] = {
    {"uh", KJ_W_SKIP, 0}, {"um", KJ_W_SKIP, 0}, {"er", KJ_W_SKIP, 0}, {"please", KJ_W_SKIP, 0},
    {"the", KJ_W_SKIP, 0}, {"about", KJ_W_SKIP, 0}, {"like", KJ_W_SKIP, 0}, {"say", KJ_W_SKIP, 0},
    {"good morning", KJ_W_OTHER, 0}, {"good afternoon", KJ_W_OTHER, 0},
    {"good evening", KJ_W_OTHER, 0}, {"good night", KJ_W_OTHER, 0}, {"good day", KJ_W_OTHER, 0},
    {"today", KJ_W_DAY, 0}, {"tomorrow", KJ_W_DAY, 1}, {"day after tomorrow", KJ_W_DAY, 2},
    {"monday", KJ_W_WEEKDAY, 0}, {"tuesday", KJ_W_WEEKDAY, 1}, {"wednesday", KJ_W_WEEKDAY, 2},
    {"thursday", KJ_W_WEEKDAY, 3}, {"friday", KJ_W_WEEKDAY, 4}, {"saturday", KJ_W_WEEKDAY, 5},
    {"sunday", KJ_W_WEEKDAY, 6},
    {"next", KJ_W_NEXT, 0}, {"coming", KJ_W_COMING, 0}, {"this coming", KJ_W_COMING, 0},
    {"this", KJ_W_THIS, 0}, {"next week", KJ_W_WEEK, 1}, {"following week", KJ_W_WEEK, 1},
    {"this week", KJ_W_WEEK, 0}, {"later this week", KJ_W_WEEK, 0}, {"week after next", KJ_W_WEEK, 2},
    {"in", KJ_W_IN, 0}, {"within", KJ_W_AMBIGUOUS, 0},
    {"minute", KJ_W_MINUTES, 1}, {"minutes", KJ_W_MINUTES, 1}, {"min", KJ_W_MINUTES, 1},
    {"mins", KJ_W_MINUTES, 1}, {"hour", KJ_W_MINUTES, 60}, {"hours", KJ_W_MINUTES, 60},
    {"day", KJ_W_DAYS, 1}, {"days", KJ_W_DAYS, 1}, {"week", KJ_W_DAYS, 7}, {"weeks", KJ_W_DAYS, 7},
    {"half an hour", KJ_W_SPAN, 30}, {"a half hour", KJ_W_SPAN, 30}, {"half hour", KJ_W_SPAN, 30},
    {"an hour", KJ_W_SPAN, 60}, {"a minute", KJ_W_FEW, 0}, {"a moment", KJ_W_FEW, 0},
    {"an hour and a half", KJ_W_SPAN, 90}, {"one and a half hours", KJ_W_SPAN, 90},
    {"a quarter of an hour", KJ_W_SPAN, 15}, {"three quarters of an hour", KJ_W_SPAN, 45},
    {"a day", KJ_W_SPAN_DAYS, 1}, {"a week", KJ_W_SPAN_DAYS, 7}, {"a fortnight", KJ_W_SPAN_DAYS, 14},
    {"fortnight", KJ_W_SPAN_DAYS, 14}, {"a few", KJ_W_FEW, 0}, {"few", KJ_W_FEW, 0},
    {"a couple of", KJ_W_FEW, 0}, {"couple of", KJ_W_FEW, 0}, {"several", KJ_W_FEW, 0},
    {"some", KJ_W_FEW, 0}, {"a bit", KJ_W_FEW, 0}, {"a while", KJ_W_FEW, 0}, {"a month", KJ_W_FEW, 0},
    {"week from", KJ_W_AMBIGUOUS, 0}, {"a week from", KJ_W_AMBIGUOUS, 0}, {"weeks from", KJ_W_AMBIGUOUS, 0}, {"every", KJ_W_AMBIGUOUS, 1},
    {"a week on", KJ_W_AMBIGUOUS, 0}, {"weekend", KJ_W_AMBIGUOUS, 0}, {"weekdays", KJ_W_AMBIGUOUS, 0},
    {"midnight", KJ_W_AMBIGUOUS, 0}, {"mornings", KJ_W_AMBIGUOUS, 0}, {"evenings", KJ_W_AMBIGUOUS, 0},
    {"afternoons", KJ_W_AMBIGUOUS, 0}, {"next month", KJ_W_AMBIGUOUS, 0}, {"any day", KJ_W_VAGUE, 0},
    {"o clock", KJ_W_OCLOCK, 0}, {"oclock", KJ_W_OCLOCK, 0}, {"am", KJ_W_AM, 0}, {"a m", KJ_W_AM, 0},
    {"pm", KJ_W_PM, 0}, {"p m", KJ_W_PM, 0}, {"hundred hours", KJ_W_AMBIGUOUS, 0},
    {"at", KJ_W_AT, 0}, {"around", KJ_W_AT, 0}, {"at around", KJ_W_AT, 0}, {"at about", KJ_W_AT, 0},
    {"at exactly", KJ_W_AT, 0}, {"half past", KJ_W_HALF_PAST, 0}, {"half", KJ_W_AMBIGUOUS, 1},
    {"quarter past", KJ_W_QUARTER_PAST, 0}, {"a quarter past", KJ_W_QUARTER_PAST, 0},
    {"quarter to", KJ_W_QUARTER_TO, 0}, {"a quarter to", KJ_W_QUARTER_TO, 0},
    {"quarter after", KJ_W_QUARTER_PAST, 0}, {"past", KJ_W_PAST, 0}, {"to", KJ_W_TO, 0},
    {"noon", KJ_W_CLOCK, 720}, {"midday", KJ_W_CLOCK, 720}, {"lunchtime", KJ_W_PART, KJ_PART_MIDDAY},
    {"at lunch", KJ_W_PART, KJ_PART_MIDDAY}, {"morning", KJ_W_PART, KJ_PART_MORNING},
    {"in the morning", KJ_W_PART, KJ_PART_MORNING}, {"early morning", KJ_W_PART, KJ_PART_EARLY},
    {"early in the morning", KJ_W_PART, KJ_PART_EARLY},
    {"afternoon", KJ_W_PART, KJ_PART_AFTERNOON}, {"in the afternoon", KJ_W_PART, KJ_PART_AFTERNOON},
    {"evening", KJ_W_PART, KJ_PART_EVENING}, {"in the evening", KJ_W_PART, KJ_PART_EVENING},
    {"night", KJ_W_PART, KJ_PART_NIGHT}, {"at night", KJ_W_PART, KJ_PART_NIGHT},
    {"tonight", KJ_W_TODAY_PART, KJ_PART_EVENING},
    {"this morning", KJ_W_TODAY_PART, KJ_PART_MORNING},
    {"this afternoon", KJ_W_TODAY_PART, KJ_PART_AFTERNOON},
    {"this evening", KJ_W_TODAY_PART, KJ_PART_EVENING},
    {"later this afternoon", KJ_W_TODAY_PART, KJ_PART_AFTERNOON},
    {"before", KJ_W_BEFORE, 0}, {"by", KJ_W_BEFORE, 0}, {"until", KJ_W_BEFORE, 0},
    {"no later than", KJ_W_BEFORE, 0}, {"not later than", KJ_W_BEFORE, 0},
    {"after", KJ_W_AFTER, 0}, {"after lunch", KJ_W_PART, KJ_PART_AFTERNOON},
    {"day after", KJ_W_AMBIGUOUS, 0}, {"end of the week", KJ_W_AMBIGUOUS, 0},
    {"end of week", KJ_W_AMBIGUOUS, 0}, {"from now", KJ_W_FROM_NOW, 0},
    {"a week from now", KJ_W_DAY, 7},  {"anytime after", KJ_W_AFTER, 0}, {"any time after", KJ_W_AFTER, 0},
    {"from", KJ_W_BETWEEN, 0}, {"between", KJ_W_BETWEEN, 0}, {"not before", KJ_W_AFTER, 0},
    {"not after", KJ_W_BEFORE, 0}, {"dont call before", KJ_W_AFTER, 0},
    {"dont call me before", KJ_W_AFTER, 0}, {"not call me before", KJ_W_AFTER, 0},
    {"dont call after", KJ_W_BEFORE, 0}, {"dont call me after", KJ_W_BEFORE, 0},
    {"and", KJ_W_AND, 0}, {"or", KJ_W_OR, 0}, {"not", KJ_W_NOT, 0}, {"dont call me", KJ_W_NOT, 0},
    {"dont call", KJ_W_NOT, 0}, {"not on", KJ_W_NOT, 0}, {"later", KJ_W_VAGUE, 0},
    {"some other time", KJ_W_VAGUE, 0}, {"another time", KJ_W_VAGUE, 0}, {"sometime", KJ_W_VAGUE, 0},
    {"another day", KJ_W_VAGUE, 0}, {"soon", KJ_W_VAGUE, 0}, {"some other day", KJ_W_VAGUE, 0},
    {"whenever", KJ_W_VAGUE, 0}, {"some time", KJ_W_VAGUE, 0}, {"yesterday", KJ_W_GONE, 0},
    {"last", KJ_W_GONE, 0}, {"ago", KJ_W_GONE, 0},
    {"on", KJ_W_SKIP, 0}, {"of", KJ_W_SKIP, 0},
    {"january", KJ_W_MONTH, 1}, {"february", KJ_W_MONTH, 2}, {"march", KJ_W_MONTH, 3},
    {"april", KJ_W_MONTH, 4}, {"may", KJ_W_MONTH, 5}, {"june", KJ_W_MONTH, 6}, {"july", KJ_W_MONTH, 7},
    {"august", KJ_W_MONTH, 8}, {"september", KJ_W_MONTH, 9}, {"october", KJ_W_MONTH, 10},
    {"november", KJ_W_MONTH, 11}, {"december", KJ_W_MONTH, 12},
    {"first", KJ_W_ORDINAL, 1}, {"second", KJ_W_ORDINAL, 2}, {"third", KJ_W_ORDINAL, 3},
    {"fourth", KJ_W_ORDINAL, 4}, {"fifth", KJ_W_ORDINAL, 5}, {"tenth", KJ_W_ORDINAL, 10},
    {"fifteenth", KJ_W_ORDINAL, 15}, {"twentieth", KJ_W_ORDINAL, 20},
    {"one", KJ_W_NUMBER, 1}, {"two", KJ_W_NUMBER, 2}, {"three", KJ_W_NUMBER, 3},
    {"four", KJ_W_NUMBER, 4}, {"five", KJ_W_NUMBER, 5}, {"six", KJ_W_NUMBER, 6},
    {"seven", KJ_W_NUMBER, 7}, {"eight", KJ_W_NUMBER, 8}, {"nine", KJ_W_NUMBER, 9},
    {"ten", KJ_W_NUMBER, 10}, {"eleven", KJ_W_NUMBER, 11}, {"twelve", KJ_W_NUMBER, 12},
    {"thirteen", KJ_W_NUMBER, 13}, {"fourteen", KJ_W_NUMBER, 14}, {"fifteen", KJ_W_NUMBER, 15},
    {"sixteen", KJ_W_NUMBER, 16}, {"seventeen", KJ_W_NUMBER, 17}, {"eighteen", KJ_W_NUMBER, 18},
    {"nineteen", KJ_W_NUMBER, 19}, {"twenty", KJ_W_NUMBER, 20}, {"thirty", KJ_W_NUMBER, 30},
    {"forty", KJ_W_NUMBER, 40}, {"fifty", KJ_W_NUMBER, 50},
    {NULL, KJ_W_OTHER, 0}};

static const struct kj_wish_word k_de[] = {
    {"ah", KJ_W_SKIP, 0}, {"ahm", KJ_W_SKIP, 0}, {"bitte", KJ_W_SKIP, 0}, {"so", KJ_W_SKIP, 0},
    {"etwa", KJ_W_SKIP, 0}, {"ungefahr", KJ_W_SKIP, 0}, {"circa", KJ_W_SKIP, 0}, {"ca", KJ_W_SKIP, 0},
    {"dann", KJ_W_SKIP, 0}, {"genau", KJ_W_SKIP, 0},
    {"guten morgen", KJ_W_OTHER, 0}, {"guten tag", KJ_W_OTHER, 0}, {"guten abend", KJ_W_OTHER, 0},
    {"gute nacht", KJ_W_OTHER, 0}, {"schonen tag", KJ_W_OTHER, 0}, {"schonen abend", KJ_W_OTHER, 0},
    {"heute", KJ_W_DAY, 0}, {"morgen", KJ_W_DAY, 1}, {"ubermorgen", KJ_W_DAY, 2},
    {"uebermorgen", KJ_W_DAY, 2},
    {"montag", KJ_W_WEEKDAY, 0}, {"dienstag", KJ_W_WEEKDAY, 1}, {"mittwoch", KJ_W_WEEKDAY, 2},
    {"donnerstag", KJ_W_WEEKDAY, 3}, {"freitag", KJ_W_WEEKDAY, 4}, {"samstag", KJ_W_WEEKDAY, 5},
    {"sonnabend", KJ_W_WEEKDAY, 5}, {"sonntag", KJ_W_WEEKDAY, 6},
    {"nachsten", KJ_W_NEXT, 0}, {"nachster", KJ_W_NEXT, 0}, {"nachste", KJ_W_NEXT, 0},
    {"naechsten", KJ_W_NEXT, 0}, {"kommenden", KJ_W_COMING, 0}, {"diesen", KJ_W_THIS, 0},
    {"nachste woche", KJ_W_WEEK, 1}, {"naechste woche", KJ_W_WEEK, 1}, {"nachster woche", KJ_W_WEEK, 1},
    {"der nachsten woche", KJ_W_WEEK, 1}, {"in der nachsten woche", KJ_W_WEEK, 1},
    {"kommende woche", KJ_W_WEEK, 1}, {"kommender woche", KJ_W_WEEK, 1}, {"diese woche", KJ_W_WEEK, 0},
    {"dieser woche", KJ_W_WEEK, 0}, {"in dieser woche", KJ_W_WEEK, 0}, {"ubernachste woche", KJ_W_WEEK, 2},
    {"ubernachster woche", KJ_W_WEEK, 2}, {"in", KJ_W_IN, 0}, {"innerhalb", KJ_W_AMBIGUOUS, 0},
    {"minute", KJ_W_MINUTES, 1}, {"minuten", KJ_W_MINUTES, 1}, {"stunde", KJ_W_MINUTES, 60},
    {"stunden", KJ_W_MINUTES, 60}, {"tag", KJ_W_DAYS, 1}, {"tagen", KJ_W_DAYS, 1}, {"tage", KJ_W_DAYS, 1},
    {"woche", KJ_W_DAYS, 7}, {"wochen", KJ_W_DAYS, 7},
    {"einer halben stunde", KJ_W_SPAN, 30}, {"ner halben stunde", KJ_W_SPAN, 30},
    {"einer viertelstunde", KJ_W_SPAN, 15}, {"einer dreiviertelstunde", KJ_W_SPAN, 45},
    {"anderthalb stunden", KJ_W_SPAN, 90}, {"eineinhalb stunden", KJ_W_SPAN, 90},
    {"zweieinhalb stunden", KJ_W_SPAN, 150}, {"ein paar", KJ_W_FEW, 0}, {"paar", KJ_W_FEW, 0},
    {"einigen", KJ_W_FEW, 0}, {"wenigen", KJ_W_FEW, 0}, {"ein bis zwei", KJ_W_FEW, 0},
    {"zwei bis drei", KJ_W_FEW, 0}, {"einem monat", KJ_W_FEW, 0},
    {"jeden", KJ_W_AMBIGUOUS, 1}, {"immer", KJ_W_AMBIGUOUS, 1}, {"wochenende", KJ_W_AMBIGUOUS, 0}, {"ende der woche", KJ_W_AMBIGUOUS, 0},
    {"nach dem mittagessen", KJ_W_PART, KJ_PART_AFTERNOON},
    {"mitternacht", KJ_W_AMBIGUOUS, 0}, {"nachsten monat", KJ_W_AMBIGUOUS, 0},
    {"montags", KJ_W_AMBIGUOUS, 0}, {"dienstags", KJ_W_AMBIGUOUS, 0}, {"mittwochs", KJ_W_AMBIGUOUS, 0},
    {"donnerstags", KJ_W_AMBIGUOUS, 0}, {"freitags", KJ_W_AMBIGUOUS, 0}, {"samstags", KJ_W_AMBIGUOUS, 0},
    {"in acht tagen", KJ_W_AMBIGUOUS, 0}, {"in vierzehn tagen", KJ_W_DAY, 14},
    {"uhr", KJ_W_OCLOCK, 0}, {"um", KJ_W_AT, 0}, {"gegen", KJ_W_AT, 0}, {"so gegen", KJ_W_AT, 0},
    {"so um", KJ_W_AT, 0}, {"halb", KJ_W_HALF_TO, 0}, {"viertel nach", KJ_W_QUARTER_PAST, 0},
    {"viertel vor", KJ_W_QUARTER_TO, 0}, {"dreiviertel", KJ_W_QUARTER_TO, 0},
    {"viertel", KJ_W_AMBIGUOUS, 1}, {"nach", KJ_W_AFTER, 0}, {"vor", KJ_W_BEFORE, 0},
    {"ab", KJ_W_AFTER, 0}, {"nicht vor", KJ_W_AFTER, 0}, {"nicht nach", KJ_W_BEFORE, 0},
    {"fruhestens um", KJ_W_AFTER, 0}, {"fruhestens", KJ_W_AFTER, 0}, {"spatestens um", KJ_W_BEFORE, 0},
    {"spatestens", KJ_W_BEFORE, 0}, {"bis", KJ_W_BEFORE, 0}, {"zwischen", KJ_W_BETWEEN, 0},
    {"von", KJ_W_BETWEEN, 0}, {"und", KJ_W_AND, 0}, {"oder", KJ_W_OR, 0}, {"nicht", KJ_W_NOT, 0},
    {"nicht am", KJ_W_NOT, 0},
    {"fruh", KJ_W_PART, KJ_PART_MORNING}, {"morgens", KJ_W_PART, KJ_PART_MORNING},
    {"am morgen", KJ_W_PART, KJ_PART_MORNING}, {"vormittag", KJ_W_PART, KJ_PART_MORNING},
    {"vormittags", KJ_W_PART, KJ_PART_MORNING}, {"am vormittag", KJ_W_PART, KJ_PART_MORNING},
    {"in der fruh", KJ_W_PART, KJ_PART_MORNING}, {"in der fruhe", KJ_W_PART, KJ_PART_MORNING},
    {"mittag", KJ_W_PART, KJ_PART_MIDDAY}, {"mittags", KJ_W_PART, KJ_PART_MIDDAY},
    {"am mittag", KJ_W_PART, KJ_PART_MIDDAY}, {"nachmittag", KJ_W_PART, KJ_PART_AFTERNOON},
    {"nachmittags", KJ_W_PART, KJ_PART_AFTERNOON}, {"am nachmittag", KJ_W_PART, KJ_PART_AFTERNOON},
    {"abend", KJ_W_PART, KJ_PART_EVENING}, {"abends", KJ_W_PART, KJ_PART_EVENING},
    {"am abend", KJ_W_PART, KJ_PART_EVENING}, {"nachts", KJ_W_PART, KJ_PART_NIGHT},
    {"heute morgen", KJ_W_TODAY_PART, KJ_PART_MORNING}, {"heute fruh", KJ_W_TODAY_PART, KJ_PART_MORNING},
    {"spater", KJ_W_VAGUE, 0}, {"spaeter", KJ_W_VAGUE, 0}, {"irgendwann", KJ_W_VAGUE, 0},
    {"bald", KJ_W_VAGUE, 0}, {"ein andermal", KJ_W_VAGUE, 0}, {"ein anderes mal", KJ_W_VAGUE, 0},
    {"gleich", KJ_W_VAGUE, 0}, {"die tage", KJ_W_VAGUE, 0}, {"gestern", KJ_W_GONE, 0},
    {"letzten", KJ_W_GONE, 0}, {"letzte", KJ_W_GONE, 0}, {"vorgestern", KJ_W_GONE, 0},
    {"am", KJ_W_ON, 0}, {"den", KJ_W_ON, 0}, {"am nachsten", KJ_W_NEXT, 0},
    {"januar", KJ_W_MONTH, 1}, {"janner", KJ_W_MONTH, 1}, {"februar", KJ_W_MONTH, 2},
    {"marz", KJ_W_MONTH, 3}, {"april", KJ_W_MONTH, 4}, {"mai", KJ_W_MONTH, 5}, {"juni", KJ_W_MONTH, 6},
    {"juli", KJ_W_MONTH, 7}, {"august", KJ_W_MONTH, 8}, {"september", KJ_W_MONTH, 9},
    {"oktober", KJ_W_MONTH, 10}, {"november", KJ_W_MONTH, 11}, {"dezember", KJ_W_MONTH, 12},
    {"ein", KJ_W_NUMBER, 1}, {"eins", KJ_W_NUMBER, 1}, {"einer", KJ_W_NUMBER, 1},
    {"einem", KJ_W_NUMBER, 1}, {"eine", KJ_W_NUMBER, 1}, {"zwei", KJ_W_NUMBER, 2}, {"zwo", KJ_W_NUMBER, 2},
    {"drei", KJ_W_NUMBER, 3}, {"vier", KJ_W_NUMBER, 4}, {"funf", KJ_W_NUMBER, 5},
    {"fuenf", KJ_W_NUMBER, 5}, {"sechs", KJ_W_NUMBER, 6}, {"sieben", KJ_W_NUMBER, 7},
    {"acht", KJ_W_NUMBER, 8}, {"neun", KJ_W_NUMBER, 9}, {"zehn", KJ_W_NUMBER, 10},
    {"elf", KJ_W_NUMBER, 11}, {"zwolf", KJ_W_NUMBER, 12}, {"dreizehn", KJ_W_NUMBER, 13},
    {"vierzehn", KJ_W_NUMBER, 14}, {"funfzehn", KJ_W_NUMBER, 15}, {"sechzehn", KJ_W_NUMBER, 16},
    {"siebzehn", KJ_W_NUMBER, 17}, {"achtzehn", KJ_W_NUMBER, 18}, {"neunzehn", KJ_W_NUMBER, 19},
    {"zwanzig", KJ_W_NUMBER, 20}, {"einundzwanzig", KJ_W_NUMBER, 21}, {"zweiundzwanzig", KJ_W_NUMBER, 22},
    {"dreiundzwanzig", KJ_W_NUMBER, 23}, {"vierundzwanzig", KJ_W_NUMBER, 24},
    {"funfundzwanzig", KJ_W_NUMBER, 25}, {"dreissig", KJ_W_NUMBER, 30},
    {"funfunddreissig", KJ_W_NUMBER, 35}, {"vierzig", KJ_W_NUMBER, 40},
    {"funfundvierzig", KJ_W_NUMBER, 45}, {"funfzig", KJ_W_NUMBER, 50}, {"funfundfunfzig", KJ_W_NUMBER, 55},
    {NULL, KJ_W_OTHER, 0}};

static const struct kj_wish_word k_es[] = {
    {"eh", KJ_W_SKIP, 0}, {"por favor", KJ_W_SKIP, 0}, {"pues", KJ_W_SKIP, 0},
    {"buenas tardes", KJ_W_OTHER, 0}, {"buenas noches", KJ_W_OTHER, 0}, {"buenos dias", KJ_W_OTHER, 0},
    {"buen dia", KJ_W_OTHER, 0},
    {"hoy", KJ_W_DAY, 0}, {"manana", KJ_W_DAY, 1}, {"pasado manana", KJ_W_DAY, 2},
    {"lunes", KJ_W_WEEKDAY, 0}, {"martes", KJ_W_WEEKDAY, 1}, {"miercoles", KJ_W_WEEKDAY, 2},
    {"jueves", KJ_W_WEEKDAY, 3}, {"viernes", KJ_W_WEEKDAY, 4}, {"sabado", KJ_W_WEEKDAY, 5},
    {"domingo", KJ_W_WEEKDAY, 6}, {"proximo", KJ_W_NEXT, 0}, {"el proximo", KJ_W_NEXT, 0},
    {"este", KJ_W_THIS, 0}, {"proxima semana", KJ_W_WEEK, 1}, {"semana que viene", KJ_W_WEEK, 1},
    {"semana proxima", KJ_W_WEEK, 1}, {"de la semana que viene", KJ_W_WEEK, 1},
    {"la semana que viene", KJ_W_WEEK, 1}, {"la proxima semana", KJ_W_WEEK, 1},
    {"de la proxima semana", KJ_W_WEEK, 1}, {"esta semana", KJ_W_WEEK, 0},
    {"que viene", KJ_W_AMBIGUOUS, 0}, {"dentro de", KJ_W_IN, 0}, {"en", KJ_W_IN, 0}, {"de aqui a", KJ_W_IN, 0},
    {"minuto", KJ_W_MINUTES, 1}, {"minutos", KJ_W_MINUTES, 1}, {"hora", KJ_W_MINUTES, 60},
    {"horas", KJ_W_MINUTES, 60}, {"dia", KJ_W_DAYS, 1}, {"dias", KJ_W_DAYS, 1}, {"semana", KJ_W_DAYS, 7},
    {"semanas", KJ_W_DAYS, 7}, {"media hora", KJ_W_SPAN, 30}, {"una media hora", KJ_W_SPAN, 30},
    {"una hora y media", KJ_W_SPAN, 90}, {"hora y media", KJ_W_SPAN, 90},
    {"un cuarto de hora", KJ_W_SPAN, 15}, {"unos", KJ_W_FEW, 0}, {"unas", KJ_W_FEW, 0},
    {"un par de", KJ_W_FEW, 0}, {"algunos", KJ_W_FEW, 0}, {"algunas", KJ_W_FEW, 0}, {"un rato", KJ_W_FEW, 0},
    {"un mes", KJ_W_FEW, 0}, {"cada", KJ_W_AMBIGUOUS, 1}, {"todos los", KJ_W_AMBIGUOUS, 1},
    {"fin de semana", KJ_W_AMBIGUOUS, 0}, {"medianoche", KJ_W_AMBIGUOUS, 0},
    {"a la", KJ_W_AT, 0}, {"a las", KJ_W_AT, 0}, {"sobre las", KJ_W_AT, 0}, {"hacia las", KJ_W_AT, 0},
    {"a eso de las", KJ_W_AT, 0}, {"sobre la", KJ_W_AT, 0}, {"las", KJ_W_AT, 0}, {"como a las", KJ_W_AT, 0},
    {"en punto", KJ_W_OCLOCK, 0}, {"h", KJ_W_OCLOCK, 0}, {"y media", KJ_W_AND_MINUTES, 30},
    {"y cuarto", KJ_W_AND_MINUTES, 15}, {"menos cuarto", KJ_W_AND_MINUTES, -15},
    {"menos diez", KJ_W_AND_MINUTES, -10}, {"menos cinco", KJ_W_AND_MINUTES, -5},
    {"menos veinte", KJ_W_AND_MINUTES, -20}, {"menos veinticinco", KJ_W_AND_MINUTES, -25},
    {"am", KJ_W_AM, 0}, {"a m", KJ_W_AM, 0}, {"pm", KJ_W_PM, 0}, {"p m", KJ_W_PM, 0},
    {"mediodia", KJ_W_CLOCK, 720}, {"al mediodia", KJ_W_CLOCK, 720},
    {"del mediodia", KJ_W_PART, KJ_PART_MIDDAY},
    {"por la manana", KJ_W_PART, KJ_PART_MORNING}, {"en la manana", KJ_W_PART, KJ_PART_MORNING},
    {"de la manana", KJ_W_PART, KJ_PART_MORNING}, {"a la manana", KJ_W_PART, KJ_PART_MORNING},
    {"temprano", KJ_W_PART, KJ_PART_EARLY},
    {"por la tarde", KJ_W_PART, KJ_PART_AFTERNOON}, {"en la tarde", KJ_W_PART, KJ_PART_AFTERNOON},
    {"de la tarde", KJ_W_PART, KJ_PART_AFTERNOON}, {"a la tarde", KJ_W_PART, KJ_PART_AFTERNOON},
    {"por la noche", KJ_W_PART, KJ_PART_NIGHT}, {"en la noche", KJ_W_PART, KJ_PART_NIGHT},
    {"de la noche", KJ_W_PART, KJ_PART_NIGHT}, {"a la noche", KJ_W_PART, KJ_PART_NIGHT},
    {"esta manana", KJ_W_TODAY_PART, KJ_PART_MORNING}, {"esta tarde", KJ_W_TODAY_PART, KJ_PART_AFTERNOON},
    {"esta noche", KJ_W_TODAY_PART, KJ_PART_NIGHT},
    {"antes de", KJ_W_BEFORE, 0}, {"despues de", KJ_W_AFTER, 0},
    {"despues de comer", KJ_W_PART, KJ_PART_AFTERNOON}, {"antes de las", KJ_W_BEFORE, 0}, {"antes de la", KJ_W_BEFORE, 0}, {"hasta las", KJ_W_BEFORE, 0},
    {"antes del", KJ_W_BEFORE, 0}, {"despues de las", KJ_W_AFTER, 0}, {"despues de la", KJ_W_AFTER, 0},
    {"a partir de las", KJ_W_AFTER, 0}, {"a partir de la", KJ_W_AFTER, 0}, {"despues del", KJ_W_AFTER, 0},
    {"no antes de las", KJ_W_AFTER, 0}, {"desde las", KJ_W_BETWEEN, 0}, {"entre las", KJ_W_BETWEEN, 0},
    {"entre la", KJ_W_BETWEEN, 0}, {"de las", KJ_W_BETWEEN, 0}, {"a partir del", KJ_W_AMBIGUOUS, 0},
    {"y", KJ_W_AND, 0}, {"y las", KJ_W_AND, 0}, {"o", KJ_W_OR, 0}, {"o las", KJ_W_OR, 0},
    {"o a las", KJ_W_OR, 0}, {"no", KJ_W_NOT, 0}, {"no el", KJ_W_NOT, 0},
    {"mas tarde", KJ_W_VAGUE, 0}, {"luego", KJ_W_VAGUE, 0}, {"otro dia", KJ_W_VAGUE, 0},
    {"otro momento", KJ_W_VAGUE, 0}, {"en otro momento", KJ_W_VAGUE, 0}, {"despues", KJ_W_VAGUE, 0},
    {"pronto", KJ_W_VAGUE, 0}, {"en cualquier momento", KJ_W_VAGUE, 0}, {"ayer", KJ_W_GONE, 0},
    {"pasado", KJ_W_GONE, 0}, {"el", KJ_W_ON, 0}, {"el dia", KJ_W_ON, 0}, {"de", KJ_W_SKIP, 0},
    {"enero", KJ_W_MONTH, 1}, {"febrero", KJ_W_MONTH, 2}, {"marzo", KJ_W_MONTH, 3},
    {"abril", KJ_W_MONTH, 4}, {"mayo", KJ_W_MONTH, 5}, {"junio", KJ_W_MONTH, 6}, {"julio", KJ_W_MONTH, 7},
    {"agosto", KJ_W_MONTH, 8}, {"septiembre", KJ_W_MONTH, 9}, {"octubre", KJ_W_MONTH, 10},
    {"noviembre", KJ_W_MONTH, 11}, {"diciembre", KJ_W_MONTH, 12},
    {"un", KJ_W_NUMBER, 1}, {"una", KJ_W_NUMBER, 1}, {"dos", KJ_W_NUMBER, 2}, {"tres", KJ_W_NUMBER, 3},
    {"cuatro", KJ_W_NUMBER, 4}, {"cinco", KJ_W_NUMBER, 5}, {"seis", KJ_W_NUMBER, 6},
    {"siete", KJ_W_NUMBER, 7}, {"ocho", KJ_W_NUMBER, 8}, {"nueve", KJ_W_NUMBER, 9},
    {"diez", KJ_W_NUMBER, 10}, {"once", KJ_W_NUMBER, 11}, {"doce", KJ_W_NUMBER, 12},
    {"trece", KJ_W_NUMBER, 13}, {"catorce", KJ_W_NUMBER, 14}, {"quince", KJ_W_NUMBER, 15},
    {"dieciseis", KJ_W_NUMBER, 16}, {"diecisiete", KJ_W_NUMBER, 17}, {"dieciocho", KJ_W_NUMBER, 18},
    {"diecinueve", KJ_W_NUMBER, 19}, {"veinte", KJ_W_NUMBER, 20}, {"veintiuno", KJ_W_NUMBER, 21},
    {"veintidos", KJ_W_NUMBER, 22}, {"veintitres", KJ_W_NUMBER, 23}, {"veinticinco", KJ_W_NUMBER, 25},
    {"treinta", KJ_W_NUMBER, 30}, {"cuarenta", KJ_W_NUMBER, 40}, {"cincuenta", KJ_W_NUMBER, 50},
    {NULL, KJ_W_OTHER, 0}};
// clang-format on

static const struct {
    const char *language;
    const struct kj_wish_word *words;
} k_known[] = {{"en", k_en},       {"de", k_de},       {"es", k_es},
               {"pl", kj_wish_pl}, {"ar", kj_wish_ar}, {"hi", kj_wish_hi}};
static struct kj_wish_words g_words[KJ_COUNT(k_known)];

static void chain(struct kj_wish_words *words)
{
    size_t count = 0;
    while (words->words[count].phrase)
        count++;
    if (count > KJ_WISH_WORDS)
        abort(); // the table has outgrown the chains
    while (count-- > 0) {
        unsigned short *first = &words->first[(unsigned char)*words->words[count].phrase];
        words->next[count] = *first;
        *first = (unsigned short)(count + 1);
    }
}

static void chain_all(void)
{
    for (size_t i = 0; i < KJ_COUNT(k_known); i++) {
        g_words[i].words = k_known[i].words;
        chain(&g_words[i]);
    }
}

const struct kj_wish_words *kj_wish_words(const char *language)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, chain_all);
    for (size_t i = 0; i < KJ_COUNT(k_known); i++)
        if (strcmp(language, k_known[i].language) == 0)
            return &g_words[i];
    return NULL;
}
