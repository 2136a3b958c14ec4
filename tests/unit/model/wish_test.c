// The callback grammar: sentences as people say them. Now is Wednesday 2026-07-01, 10:00 in Berlin.
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include "base/alloc.h"
#include "model/facts.h"
#include "model/fold.h"
#include "model/wish.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *language, *text;
    const char *want; // "2026-07-02 14:00", "… 14:00-15:00", "ambiguous", "invalid", "none"
} k_wishes[] = {
    // --- English: days and parts ---
    {"en", "Call me tomorrow at two.", "2026-07-02 14:00"},
    {"en", "tomorrow at 2 pm", "2026-07-02 14:00"},
    {"en", "tomorrow at 2 p.m. please", "2026-07-02 14:00"},
    {"en", "tomorrow at 2pm", "2026-07-02 14:00"},
    {"en", "tomorrow at 9 am", "2026-07-02 09:00"},
    {"en", "tomorrow at 6 am", "2026-07-02 06:00"},
    {"en", "tomorrow two", "2026-07-02 14:00"},
    {"en", "call me tomorrow", "2026-07-02 09:00-20:00"},
    {"en", "Could you call back tomorrow morning?", "2026-07-02 09:00-12:00"},
    {"en", "the day after tomorrow in the afternoon", "2026-07-03 14:00-18:00"},
    {"en", "tomorrow at half past ten", "2026-07-02 10:30"},
    {"en", "tomorrow at quarter to three", "2026-07-02 14:45"},
    {"en", "tomorrow at a quarter past eleven", "2026-07-02 11:15"},
    {"en", "ten past two tomorrow", "2026-07-02 14:10"},
    {"en", "tomorrow at twenty to four", "2026-07-02 15:40"},
    {"en", "tomorrow at two thirty", "2026-07-02 14:30"},
    {"en", "tomorrow at two forty five", "2026-07-02 14:45"},
    {"en", "tomorrow at 14:30", "2026-07-02 14:30"},
    {"en", "tomorrow at 1430", "2026-07-02 14:30"},
    {"en", "tomorrow at 08:00", "2026-07-02 08:00"},
    {"en", "tomorrow at noon", "2026-07-02 12:00"},
    {"en", "tomorrow at twelve thirty", "2026-07-02 12:30"},
    {"en", "tomorrow at eight in the evening", "2026-07-02 20:00"},
    {"en", "tomorrow morning at eight", "2026-07-02 08:00"},
    {"en", "tomorrow at eight o'clock in the morning", "2026-07-02 08:00"},
    {"en", "today at four", "2026-07-01 16:00"},
    {"en", "today at eight", "2026-07-01 20:00"}, // eight in the morning has passed
    {"en", "this afternoon", "2026-07-01 14:00-18:00"},
    {"en", "tonight", "2026-07-01 18:00-21:00"},
    {"en", "call me today", "2026-07-01 10:00-20:00"},
    {"en", "at two", "2026-07-01 14:00"},
    {"en", "in the afternoon", "2026-07-01 14:00-18:00"},
    {"en", "this morning", "2026-07-01 10:00-12:00"},
    // --- weekdays ---
    {"en", "Friday at eleven", "2026-07-03 11:00"},
    {"en", "on Friday morning", "2026-07-03 09:00-12:00"},
    {"en", "Monday", "2026-07-06 09:00-20:00"},
    {"en", "next Tuesday morning", "2026-07-07 09:00-12:00"},
    {"en", "next Monday at 3 pm", "2026-07-06 15:00"},
    {"en", "this Friday at noon", "2026-07-03 12:00"},
    {"en", "the coming Saturday", "2026-07-04 09:00-20:00"},
    {"en", "Thursday next week at 10", "2026-07-09 10:00"},
    {"en", "next week on Monday at one", "2026-07-06 13:00"},
    {"en", "tomorrow, Thursday, at five", "2026-07-02 17:00"},
    {"en", "not tomorrow, Friday at two", "2026-07-03 14:00"},
    {"en", "not on Thursday but on Friday", "2026-07-03 09:00-20:00"},
    // --- dates ---
    {"en", "on July 15th at 3 pm", "2026-07-15 15:00"},
    {"en", "the 15th of July", "2026-07-15 09:00-20:00"},
    {"en", "5 August at 10 am", "2026-08-05 10:00"},
    {"en", "on the 20th", "2026-07-20 09:00-20:00"},
    {"en", "January 5 at noon", "2027-01-05 12:00"},
    {"en", "2026-07-14 at 11:00", "2026-07-14 11:00"},
    {"en", "14/7 at noon", "2026-07-14 12:00"},
    {"en", "7/14 at noon", "2026-07-14 12:00"},
    // --- spans ---
    {"en", "call me in two hours", "2026-07-01 12:00"},
    {"en", "in 20 minutes", "2026-07-01 10:20"},
    {"en", "in twenty five minutes", "2026-07-01 10:25"},
    {"en", "in half an hour", "2026-07-01 10:30"},
    {"en", "in an hour", "2026-07-01 11:00"},
    {"en", "in about an hour and a half", "2026-07-01 11:30"},
    {"en", "in three days", "2026-07-04 09:00-20:00"},
    {"en", "in two weeks", "2026-07-15 09:00-20:00"},
    {"en", "in a week at four", "2026-07-08 16:00"},
    {"en", "two days from now", "2026-07-03 09:00-20:00"},
    {"en", "a week from now at ten", "2026-07-08 10:00"},
    {"en", "Monday the 13th at eleven thirty", "2026-07-13 11:30"},
    {"en", "tomorrow after lunch", "2026-07-02 14:00-18:00"},
    {"de", "am Donnerstag, den 9. Juli, um 16 Uhr", "2026-07-09 16:00"},
    {"en", "tomorrow after work", "ambiguous"},   // a limit, but which?
    {"en", "Monday the 7th at ten", "ambiguous"}, // it is a Tuesday
    {"en", "the day after at two", "ambiguous"},
    {"en", "at the end of the week", "ambiguous"},
    {"de", "in zwei drei Stunden", "ambiguous"},
    {"en", "I live at one one two Main Street", "none"},
    // --- relations ---
    {"en", "tomorrow after two", "2026-07-02 14:00-20:00"},
    {"en", "today after five", "2026-07-01 17:00-20:00"},
    {"en", "tomorrow before noon", "2026-07-02 09:00-12:00"},
    {"en", "tomorrow between two and four", "2026-07-02 14:00-16:00"},
    {"en", "Friday from 9 to 11", "2026-07-03 09:00-11:00"},
    {"en", "tomorrow between 2 and 4 pm", "2026-07-02 14:00-16:00"},
    {"en", "tomorrow between eleven and one", "2026-07-02 11:00-13:00"},
    {"en", "tomorrow between 8 and 10", "2026-07-02 08:00-10:00"},
    {"en", "tomorrow, but not before three", "2026-07-02 15:00-20:00"},
    {"en", "don't call me before nine tomorrow", "2026-07-02 09:00-20:00"},
    {"en", "tomorrow after ten and before twelve", "2026-07-02 10:00-12:00"},
    // --- two readings ---
    {"en", "later", "ambiguous"},
    {"en", "call me later", "ambiguous"},
    {"en", "some other time", "ambiguous"},
    {"en", "next week", "ambiguous"},
    {"en", "at eight", "ambiguous"},
    {"en", "tomorrow at eight", "ambiguous"},
    {"en", "tomorrow at half past seven", "ambiguous"},
    {"en", "next Thursday", "ambiguous"}, // tomorrow, or in eight days?
    {"en", "next Saturday", "ambiguous"},
    {"en", "on Wednesday", "ambiguous"}, // it is Wednesday
    {"en", "at nine", "ambiguous"},      // has passed, and nobody said tomorrow
    {"en", "Monday or Tuesday", "ambiguous"},
    {"en", "tomorrow or Friday at two", "ambiguous"},
    {"en", "tomorrow at two or three", "ambiguous"},
    {"en", "tomorrow at two or at four", "ambiguous"},
    {"en", "tomorrow morning or afternoon", "ambiguous"},
    {"en", "tomorrow, Friday, at two", "ambiguous"}, // tomorrow is Thursday
    {"en", "tomorrow at midnight", "ambiguous"},
    {"en", "5/7 at noon", "ambiguous"},
    {"en", "in two or three hours", "ambiguous"},
    {"en", "in a few minutes", "ambiguous"},
    {"en", "in two hours tomorrow", "ambiguous"},
    {"en", "every Friday at two", "ambiguous"},
    {"en", "at the weekend", "ambiguous"},
    {"en", "tomorrow at half two", "ambiguous"},
    {"en", "a week from Tuesday", "ambiguous"},
    {"en", "not tomorrow", "ambiguous"},
    {"en", "tomorrow between seven and eight", "ambiguous"},
    {"en", "tomorrow at 15 in the morning and at 3", "ambiguous"},
    {"en", "tomorrow afternoon at ten", "ambiguous"},
    {"en", "after Tuesday", "ambiguous"},
    // --- cannot be ---
    {"en", "today at nine am", "invalid"},
    {"en", "tomorrow at 25:00", "invalid"},
    {"en", "tomorrow at 14:75", "invalid"},
    {"en", "on February 30 at noon", "invalid"},
    {"en", "2026-06-14 at 11:00", "invalid"},
    {"en", "call me yesterday", "invalid"},
    {"en", "in 500 days", "invalid"},
    // --- none ---
    {"en", "I am not interested.", "none"},
    {"en", "I have two children and three dogs", "none"},
    {"en", "my number is 0171 1234567", "none"},
    {"en", "you may call me back", "none"},
    {"en", "good morning, who is there", "none"},
    {"en", "", "none"},
    {"en", "it costs 20 euros", "none"},
    {"en", "wait a second", "none"},
    {"fr", "demain à deux heures", "none"},
    // --- German ---
    {"de", "Rufen Sie mich morgen um zwei an.", "2026-07-02 14:00"},
    {"de", "morgen um halb drei", "2026-07-02 14:30"},
    {"de", "morgen um 14 Uhr", "2026-07-02 14:00"},
    {"de", "morgen um 14 Uhr 30", "2026-07-02 14:30"},
    {"de", "morgen um 14.30 Uhr", "2026-07-02 14:30"},
    {"de", "morgen um 14:30 Uhr", "2026-07-02 14:30"},
    {"de", "morgen um vierzehn Uhr dreißig", "2026-07-02 14:30"},
    {"de", "morgen früh", "2026-07-02 09:00-12:00"},
    {"de", "morgen früh um acht", "2026-07-02 08:00"},
    {"de", "morgen um acht Uhr abends", "2026-07-02 20:00"},
    {"de", "übermorgen Nachmittag", "2026-07-03 14:00-18:00"},
    {"de", "uebermorgen um zehn", "2026-07-03 10:00"},
    {"de", "heute Abend", "2026-07-01 18:00-21:00"},
    {"de", "heute Nachmittag gegen vier", "2026-07-01 16:00"},
    {"de", "heute morgen um elf", "2026-07-01 11:00"},
    {"de", "am Freitag um elf", "2026-07-03 11:00"},
    {"de", "Freitag Morgen", "2026-07-03 09:00-12:00"},
    {"de", "nächsten Dienstag um zehn", "2026-07-07 10:00"},
    {"de", "am kommenden Montag", "2026-07-06 09:00-20:00"},
    {"de", "nächste Woche Dienstag um viertel nach zwei", "2026-07-07 14:15"},
    {"de", "Donnerstag in der nächsten Woche um 15 Uhr", "2026-07-09 15:00"},
    {"de", "in zwei Stunden", "2026-07-01 12:00"},
    {"de", "in einer halben Stunde", "2026-07-01 10:30"},
    {"de", "in anderthalb Stunden", "2026-07-01 11:30"},
    {"de", "in einer Viertelstunde", "2026-07-01 10:15"},
    {"de", "in einer Stunde", "2026-07-01 11:00"},
    {"de", "in zehn Minuten", "2026-07-01 10:10"},
    {"de", "in drei Tagen", "2026-07-04 09:00-20:00"},
    {"de", "in zwei Wochen", "2026-07-15 09:00-20:00"},
    {"de", "morgen um viertel vor drei", "2026-07-02 14:45"},
    {"de", "morgen um dreiviertel drei", "2026-07-02 14:45"},
    {"de", "morgen um zehn nach zwei", "2026-07-02 14:10"},
    {"de", "morgen um fünf vor halb drei", "2026-07-02 14:25"},
    {"de", "morgen nach 15 Uhr", "2026-07-02 15:00-20:00"},
    {"de", "morgen ab drei", "2026-07-02 15:00-20:00"},
    {"de", "morgen vor zwölf", "2026-07-02 09:00-12:00"},
    {"de", "morgen zwischen zwei und vier", "2026-07-02 14:00-16:00"},
    {"de", "morgen von 9 bis 11 Uhr", "2026-07-02 09:00-11:00"},
    {"de", "am 15. Juli um 10 Uhr", "2026-07-15 10:00"},
    {"de", "am 15.7. um 10 Uhr", "2026-07-15 10:00"},
    {"de", "am 15. um 10 Uhr", "2026-07-15 10:00"},
    {"de", "nicht morgen, übermorgen um drei", "2026-07-03 15:00"},
    {"de", "morgen Mittag", "2026-07-02 12:00-14:00"},
    {"de", "morgen um eins", "2026-07-02 13:00"},
    {"de", "morgen um acht", "ambiguous"},
    {"de", "später", "ambiguous"},
    {"de", "nächste Woche", "ambiguous"},
    {"de", "nächsten Freitag", "ambiguous"},
    {"de", "morgen um viertel drei", "ambiguous"}, // 14:15 in the east only
    {"de", "Montag oder Dienstag", "ambiguous"},
    {"de", "in ein paar Tagen", "ambiguous"},
    {"de", "am Wochenende", "ambiguous"},
    {"de", "in acht Tagen", "ambiguous"},
    {"de", "heute um neun Uhr morgens", "invalid"},
    {"de", "am 31.6. um 10 Uhr", "invalid"},
    {"de", "Guten Morgen, wer ist da?", "none"},
    {"de", "ich habe zwei Kinder", "none"},
    // --- Spanish ---
    {"es", "Llámeme mañana a las dos", "2026-07-02 14:00"},
    {"es", "mañana por la mañana", "2026-07-02 09:00-12:00"},
    {"es", "mañana a las diez de la mañana", "2026-07-02 10:00"},
    {"es", "pasado mañana por la tarde", "2026-07-03 14:00-18:00"},
    {"es", "mañana a las dos y media", "2026-07-02 14:30"},
    {"es", "mañana a las tres menos cuarto", "2026-07-02 14:45"},
    {"es", "mañana a las dos y diez", "2026-07-02 14:10"},
    {"es", "mañana a las ocho de la tarde", "2026-07-02 20:00"},
    {"es", "mañana a la una", "2026-07-02 13:00"},
    {"es", "mañana a las 14:30", "2026-07-02 14:30"},
    {"es", "el viernes a las once", "2026-07-03 11:00"},
    {"es", "el próximo lunes a las cuatro", "2026-07-06 16:00"},
    {"es", "el martes de la semana que viene a las diez", "2026-07-07 10:00"},
    {"es", "dentro de dos horas", "2026-07-01 12:00"},
    {"es", "en media hora", "2026-07-01 10:30"},
    {"es", "en una hora y media", "2026-07-01 11:30"},
    {"es", "en tres días", "2026-07-04 09:00-20:00"},
    {"es", "esta tarde", "2026-07-01 14:00-18:00"},
    {"es", "esta tarde a las cinco", "2026-07-01 17:00"},
    {"es", "mañana después de las tres", "2026-07-02 15:00-20:00"},
    {"es", "mañana antes de las doce", "2026-07-02 09:00-12:00"},
    {"es", "mañana entre las dos y las cuatro", "2026-07-02 14:00-16:00"},
    {"es", "mañana de las 9 a las 11", "2026-07-02 09:00-11:00"},
    {"es", "el 15 de julio a las diez", "2026-07-15 10:00"},
    {"es", "mañana al mediodía", "2026-07-02 12:00"},
    {"es", "mañana a las ocho", "ambiguous"},
    {"es", "más tarde", "ambiguous"},
    {"es", "la semana que viene", "ambiguous"},
    {"es", "el lunes o el martes", "ambiguous"},
    {"es", "hoy a las nueve de la mañana", "invalid"},
    {"es", "buenas tardes, quién es", "none"},
    {"es", "no me interesa", "none"},
    // --- Polish ---
    {"pl", "Proszę zadzwonić jutro o drugiej.", "2026-07-02 14:00"},
    {"pl", "jutro o wpół do trzeciej", "2026-07-02 14:30"},
    {"pl", "jutro o 14:30", "2026-07-02 14:30"},
    {"pl", "jutro o godzinie czternastej", "2026-07-02 14:00"},
    {"pl", "jutro o czternastej trzydzieści", "2026-07-02 14:30"},
    {"pl", "jutro rano", "2026-07-02 09:00-12:00"},
    {"pl", "jutro rano o ósmej", "2026-07-02 08:00"},
    {"pl", "jutro o ósmej wieczorem", "2026-07-02 20:00"},
    {"pl", "pojutrze po południu", "2026-07-03 14:00-18:00"},
    {"pl", "dzisiaj wieczorem", "2026-07-01 18:00-21:00"},
    {"pl", "dziś około czwartej", "2026-07-01 16:00"},
    {"pl", "jutro w południe", "2026-07-02 12:00"},
    {"pl", "w piątek o jedenastej", "2026-07-03 11:00"},
    {"pl", "w przyszły wtorek o dziesiątej", "2026-07-07 10:00"},
    {"pl", "w najbliższy poniedziałek", "2026-07-06 09:00-20:00"},
    {"pl", "w przyszłym tygodniu we wtorek o kwadrans po drugiej", "2026-07-07 14:15"},
    {"pl", "za dwie godziny", "2026-07-01 12:00"},
    {"pl", "za godzinę", "2026-07-01 11:00"},
    {"pl", "za pół godziny", "2026-07-01 10:30"},
    {"pl", "za półtorej godziny", "2026-07-01 11:30"},
    {"pl", "za dziesięć minut", "2026-07-01 10:10"},
    {"pl", "za trzy dni", "2026-07-04 09:00-20:00"},
    {"pl", "za tydzień o czwartej", "2026-07-08 16:00"},
    {"pl", "za dwa tygodnie", "2026-07-15 09:00-20:00"},
    {"pl", "jutro za kwadrans trzecia", "2026-07-02 14:45"},
    {"pl", "jutro dziesięć po drugiej", "2026-07-02 14:10"},
    {"pl", "jutro po piętnastej", "2026-07-02 15:00-20:00"},
    {"pl", "jutro przed dwunastą", "2026-07-02 09:00-12:00"},
    {"pl", "jutro między drugą a czwartą", "2026-07-02 14:00-16:00"},
    {"pl", "jutro od 9 do 11", "2026-07-02 09:00-11:00"},
    {"pl", "15 lipca o 10", "2026-07-15 10:00"},
    {"pl", "piętnastego lipca o dziesiątej", "2026-07-15 10:00"},
    {"pl", "15.07 o 10:00", "2026-07-15 10:00"},
    {"pl", "nie jutro, pojutrze o trzeciej", "2026-07-03 15:00"},
    {"pl", "jutro o ósmej", "ambiguous"},
    {"pl", "później", "ambiguous"},
    {"pl", "w przyszłym tygodniu", "ambiguous"},
    {"pl", "w przyszły piątek", "ambiguous"},
    {"pl", "w poniedziałek albo we wtorek", "ambiguous"},
    {"pl", "za kilka dni", "ambiguous"},
    {"pl", "w weekend", "ambiguous"},
    {"pl", "jutro po pracy", "ambiguous"},
    {"pl", "dziś o dziewiątej rano", "invalid"},
    {"pl", "dzień dobry, kto mówi", "none"},
    {"pl", "mam dwoje dzieci", "none"},
    {"pl", "nie jestem zainteresowany", "none"},
    // --- Arabic ---
    {"ar", "اتصل بي غداً الساعة الثانية", "2026-07-02 14:00"},
    {"ar", "غدا في الساعة الثانية والنصف", "2026-07-02 14:30"},
    {"ar", "غدا الساعة الثالثة إلا ربعا", "2026-07-02 14:45"},
    {"ar", "غدا الساعة الثانية والربع", "2026-07-02 14:15"},
    {"ar", "غدا الساعة 14:30", "2026-07-02 14:30"},
    {"ar", "غدا الساعة ١٤:٣٠", "2026-07-02 14:30"},
    {"ar", "غدا صباحا", "2026-07-02 09:00-12:00"},
    {"ar", "غدا الساعة الثامنة صباحا", "2026-07-02 08:00"},
    {"ar", "غدا الساعة الثامنة مساءً", "2026-07-02 20:00"},
    {"ar", "بعد غد بعد الظهر", "2026-07-03 14:00-18:00"},
    {"ar", "اليوم مساء", "2026-07-01 18:00-21:00"},
    {"ar", "اليوم الساعة الرابعة عصرا", "2026-07-01 16:00"},
    {"ar", "يوم الجمعة الساعة الحادية عشرة", "2026-07-03 11:00"},
    {"ar", "الاثنين القادم", "2026-07-06 09:00-20:00"},
    {"ar", "يوم الثلاثاء القادم الساعة العاشرة", "2026-07-07 10:00"},
    {"ar", "الثلاثاء في الأسبوع القادم الساعة الثالثة", "2026-07-07 15:00"},
    {"ar", "بعد ساعتين", "2026-07-01 12:00"},
    {"ar", "بعد ساعة", "2026-07-01 11:00"},
    {"ar", "بعد نصف ساعة", "2026-07-01 10:30"},
    {"ar", "بعد ساعة ونصف", "2026-07-01 11:30"},
    {"ar", "بعد عشر دقائق", "2026-07-01 10:10"},
    {"ar", "بعد ثلاث ساعات", "2026-07-01 13:00"},
    {"ar", "بعد ثلاثة أيام", "2026-07-04 09:00-20:00"},
    {"ar", "بعد يومين الساعة الرابعة", "2026-07-03 16:00"},
    {"ar", "بعد أسبوعين", "2026-07-15 09:00-20:00"},
    {"ar", "غدا بعد الساعة الثالثة", "2026-07-02 15:00-20:00"},
    {"ar", "غدا قبل الساعة الثانية عشرة", "2026-07-02 09:00-12:00"},
    {"ar", "غدا بين الثانية والرابعة", "2026-07-02 14:00-16:00"},
    {"ar", "غدا من الساعة 9 إلى 11", "2026-07-02 09:00-11:00"},
    {"ar", "في 15 يوليو الساعة العاشرة", "2026-07-15 10:00"},
    {"ar", "غدا الساعة الثامنة", "ambiguous"},
    {"ar", "لاحقا", "ambiguous"},
    {"ar", "الأسبوع القادم", "ambiguous"},
    {"ar", "الاثنين أو الثلاثاء", "ambiguous"},
    {"ar", "بعد بضعة أيام", "ambiguous"},
    {"ar", "في نهاية الأسبوع", "ambiguous"},
    {"ar", "غدا، الجمعة، الساعة الثانية", "ambiguous"}, // tomorrow is Thursday
    {"ar", "اليوم الساعة التاسعة صباحا", "invalid"},
    {"ar", "صباح الخير، من معي؟", "none"},
    {"ar", "لست مهتما", "none"},
    {"ar", "عندي ثلاثة أطفال", "none"},
    // --- Hindi ---
    {"hi", "मुझे कल दो बजे फ़ोन करें।", "2026-07-02 14:00"},
    {"hi", "कल ढाई बजे", "2026-07-02 14:30"},
    {"hi", "कल साढ़े तीन बजे", "2026-07-02 15:30"},
    {"hi", "कल सवा दो बजे", "2026-07-02 14:15"},
    {"hi", "कल पौने तीन बजे", "2026-07-02 14:45"},
    {"hi", "कल डेढ़ बजे", "2026-07-02 13:30"},
    {"hi", "कल 14:30 बजे", "2026-07-02 14:30"},
    {"hi", "कल २ बजे", "2026-07-02 14:00"},
    {"hi", "कल सुबह", "2026-07-02 09:00-12:00"},
    {"hi", "कल सुबह आठ बजे", "2026-07-02 08:00"},
    {"hi", "कल रात आठ बजे", "2026-07-02 20:00"},
    {"hi", "कल शाम को छह बजे", "2026-07-02 18:00"},
    {"hi", "परसों दोपहर बाद", "2026-07-03 14:00-18:00"},
    {"hi", "आज शाम", "2026-07-01 18:00-21:00"},
    {"hi", "आज करीब चार बजे", "2026-07-01 16:00"},
    {"hi", "शुक्रवार को ग्यारह बजे", "2026-07-03 11:00"},
    {"hi", "अगले मंगलवार को दस बजे", "2026-07-07 10:00"},
    {"hi", "अगले हफ्ते मंगलवार को तीन बजे", "2026-07-07 15:00"},
    {"hi", "दो घंटे बाद", "2026-07-01 12:00"},
    {"hi", "दो घंटे में", "2026-07-01 12:00"},
    {"hi", "एक घंटे के बाद", "2026-07-01 11:00"},
    {"hi", "आधे घंटे में", "2026-07-01 10:30"},
    {"hi", "डेढ़ घंटे बाद", "2026-07-01 11:30"},
    {"hi", "दस मिनट में", "2026-07-01 10:10"},
    {"hi", "तीन दिन बाद", "2026-07-04 09:00-20:00"},
    {"hi", "दो हफ्ते बाद", "2026-07-15 09:00-20:00"},
    {"hi", "कल तीन बजे के बाद", "2026-07-02 15:00-20:00"},
    {"hi", "कल बारह बजे से पहले", "2026-07-02 09:00-12:00"},
    {"hi", "कल दो से चार बजे", "2026-07-02 14:00-16:00"},
    {"hi", "कल दो बजे से चार बजे तक", "2026-07-02 14:00-16:00"},
    {"hi", "15 जुलाई को दस बजे", "2026-07-15 10:00"},
    {"hi", "कल आठ बजे", "ambiguous"},
    {"hi", "बाद में", "ambiguous"},
    {"hi", "अगले हफ्ते", "ambiguous"},
    {"hi", "सोमवार या मंगलवार", "ambiguous"},
    {"hi", "कुछ दिन बाद", "ambiguous"},
    {"hi", "कल दो और चार बजे के बीच", "ambiguous"},
    {"hi", "आज सुबह नौ बजे", "invalid"},
    {"hi", "नमस्ते, कौन बोल रहा है", "none"},
    {"hi", "मेरे दो बच्चे हैं", "none"},
    {"hi", "मुझे दिलचस्पी नहीं है", "none"},
};

// A word that is not folded would never be found; one that stands twice would hide the other.
static void test_words_are_folded(void **state)
{
    static const char *const k_all[] = {"en", "de", "es", "pl", "ar", "hi"};
    (void)state;
    for (size_t i = 0; i < KJ_COUNT(k_all); i++)
        for (const struct kj_wish_word *word = kj_wish_words(k_all[i])->words; word->phrase;
             word++) {
            struct kj_buf folded;
            kj_buf_init(&folded, 0);
            kj_fold(word->phrase, KJ_FOLD_NUMBERS, &folded);
            char *text = kj_buf_take(&folded);
            if (strcmp(text, word->phrase) != 0)
                fail_msg("%s \"%s\" folds to \"%s\"", k_all[i], word->phrase, text);
            free(text);
            for (const struct kj_wish_word *next = word + 1; next->phrase; next++)
                if (strcmp(next->phrase, word->phrase) == 0)
                    fail_msg("%s \"%s\" stands twice", k_all[i], word->phrase);
        }
}

static int64_t now_in(const struct kj_zone *zone, int hour)
{
    struct kj_civil civil = {.year = 2026, .month = 7, .day = 1, .hour = hour};
    return kj_zone_instant(zone, &civil, NULL);
}

static void print(enum kj_wish state, const struct kj_zone *zone, int64_t from, int64_t to,
                  char *out)
{
    static const char *const k_states[] = {"none", "ok", "ambiguous", "invalid"};
    struct kj_civil a, b;
    strcpy(out, k_states[state]);
    if (state != KJ_WISH_OK)
        return;
    kj_zone_local(zone, from, &a);
    kj_zone_local(zone, to, &b);
    int length = sprintf(out, "%04d-%02d-%02d %02d:%02d", a.year, a.month, a.day, a.hour, a.minute);
    if (to != from)
        sprintf(out + length, "-%02d:%02d", b.hour, b.minute);
}

static void test_sentences(void **state)
{
    const struct kj_zone *zone = kj_zone_get("Europe/Berlin");
    int wrong = 0;
    (void)state;
    for (size_t i = 0; i < KJ_COUNT(k_wishes); i++) {
        int64_t at, earliest, latest;
        char got[64];
        enum kj_wish wish = kj_wish_parse(k_wishes[i].text, k_wishes[i].language, zone,
                                          now_in(zone, 10), &at, &earliest, &latest);
        print(wish, zone, earliest, latest, got);
        assert_true(at == earliest);
        if (strcmp(got, k_wishes[i].want) != 0) {
            print_error("%s \"%s\": %s, not %s\n", k_wishes[i].language, k_wishes[i].text, got,
                        k_wishes[i].want);
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
}

static void check(const char *zone_name, int64_t now, const char *text, const char *want)
{
    const struct kj_zone *zone = zone_name ? kj_zone_get(zone_name) : NULL;
    int64_t at, earliest, latest;
    char got[64];
    enum kj_wish wish = kj_wish_parse(text, "english", zone, now, &at, &earliest, &latest);
    print(wish, zone ? zone : kj_zone_get("UTC"), earliest, latest, got);
    assert_string_equal(got, want);
}

static void test_zone_and_clock_changes(void **state)
{
    int64_t now;
    (void)state;
    // 06:30 Z is Tuesday evening in Honolulu
    assert_true(kj_time_parse("2026-07-01T06:30:00Z", &now));
    check("Pacific/Honolulu", now, "tomorrow at two", "2026-07-01 14:00");
    check("Europe/Berlin", now, "tomorrow at two", "2026-07-02 14:00");
    // the last hour of the day, the end of the year, a leap day
    assert_true(kj_time_parse("2027-12-31T22:30:00Z", &now));
    check("Europe/Berlin", now, "tomorrow at noon", "2028-01-01 12:00");
    assert_true(kj_time_parse("2028-02-28T12:00:00Z", &now));
    check("Europe/Berlin", now, "tomorrow at noon", "2028-02-29 12:00");
    check("Europe/Berlin", now, "on February 29 at noon", "2028-02-29 12:00");
    // a night without 02:30: the first instant after
    assert_true(kj_time_parse("2026-03-28T12:00:00Z", &now));
    check("Europe/Berlin", now, "tomorrow at 2:30 am", "2026-03-29 03:00");
    // without a zone only spans can be read
    check(NULL, now, "in two hours", "2026-03-28 14:00");
    check(NULL, now, "tomorrow at two", "ambiguous");
}

static void test_languages(void **state)
{
    int64_t at, earliest, latest;
    const struct kj_zone *zone = kj_zone_get("Europe/Berlin");
    (void)state;
    assert_int_equal(kj_wish_parse("morgen um zwei", "de-AT", zone, 0, &at, &earliest, &latest),
                     KJ_WISH_OK);
    assert_int_equal(kj_wish_parse("morgen um zwei", "German", zone, 0, &at, &earliest, &latest),
                     KJ_WISH_OK);
    assert_int_equal(kj_wish_parse("tomorrow at two", NULL, zone, 0, &at, &earliest, &latest),
                     KJ_WISH_OK);
    assert_int_equal(kj_wish_parse("tomorrow at two", "xx", zone, 0, &at, &earliest, &latest),
                     KJ_WISH_NONE);
    assert_int_equal(kj_wish_parse("tomorrow at two", "", zone, 0, &at, &earliest, &latest),
                     KJ_WISH_NONE);
}

// A wish is never in the past and never ends before it begins, whatever words come together.
static void test_random_words(void **state)
{
    static const char *const k_words[] = {
        "tomorrow",   "today", "at",    "two",       "8",       "14:30",  "next",
        "tuesday",    "in",    "hours", "half past", "after",   "before", "between",
        "and",        "to",    "pm",    "morning",   "week",    "not",    "or",
        "july",       "15th",  "31",    "minutes",   "evening", "days",   ",",
        "quarter to", "this",  "0",     "24",        "on",      "12:60"};
    const struct kj_zone *zone = kj_zone_get("America/New_York");
    uint64_t seed = 1;
    int ok = 0;
    (void)state;
    for (int i = 0; i < 60000; i++) {
        char text[256] = "";
        int64_t at, earliest, latest, now = 1782000000000 + i * 977003LL;
        for (int n = 0; n < 5; n++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            strcat(text, k_words[(seed >> 33) % KJ_COUNT(k_words)]);
            strcat(text, " ");
        }
        if (kj_wish_parse(text, "en", zone, now, &at, &earliest, &latest) != KJ_WISH_OK)
            continue;
        ok++;
        if (earliest < now || latest < earliest || at != earliest ||
            latest - now > 370 * 86400000LL)
            fail_msg("%s: %lld %lld", text, (long long)(earliest - now), (long long)(latest - now));
    }
    assert_true(ok > 1500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words_are_folded),       cmocka_unit_test(test_sentences),
        cmocka_unit_test(test_zone_and_clock_changes), cmocka_unit_test(test_languages),
        cmocka_unit_test(test_random_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
