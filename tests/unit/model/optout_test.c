// Refusals in eleven languages, and the sentences that only sound like one.
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include "base/alloc.h"
#include "base/str.h"
#include "model/fold.h"
#include "model/optout.h"

#include <string.h>

static const struct {
    const char *language, *text;
} k_refusals[] = {
    {"en", "Stop calling me."},
    {"en", "Please stop calling"},
    {"en", "stop"},
    {"en", "Unsubscribe me, please"},
    {"en", "I want to unsubscribe"},
    {"en", "Remove me from your list."},
    {"en", "Take me off your calling list!"},
    {"en", "Can you take my number off the list?"},
    {"en", "Delete my number."},
    {"en", "Don't call me again."},
    {"en", "Don’t ever call here again"},
    {"en", "Never call me again"},
    {"en", "Do not call this number"},
    {"en", "do not call me anymore please"},
    {"en", "Please don't call."},
    {"en", "No, don't call me back"},
    {"en", "I don't want any more calls from you"},
    {"en", "I do not want to be called"},
    {"en", "I don't want you to call me"},
    {"en", "I don't want you calling me"},
    {"en", "Put me on your do not call list"},
    {"en", "I am on the do-not-call registry"},
    {"en", "Lose my number"},
    {"en", "leave me alone"},
    {"en", "No more calls"},
    {"en", "I revoke my consent"},
    {"en", "opt out"},
    {"en", "I'd like to opt out of this"},
    {"en", "quit bothering us"},
    {"en", "I don't want to hear from you"},
    {"en", "cease and desist"},
    {"en", "would you please not call me again"},
    {"en", "dtmf 9"},
    {"de", "Rufen Sie mich nicht mehr an!"},
    {"de", "Rufen Sie hier bitte nie wieder an."},
    {"de", "Ruf mich nie wieder an"},
    {"de", "Bitte nicht mehr anrufen"},
    {"de", "Ich möchte nicht mehr angerufen werden."},
    {"de", "Ich will nicht angerufen werden"},
    {"de", "Hören Sie auf, mich anzurufen"},
    {"de", "Keine weiteren Anrufe bitte"},
    {"de", "Ich will keine Werbeanrufe"},
    {"de", "Nehmen Sie mich aus Ihrer Liste"},
    {"de", "Streichen Sie mich bitte von der Liste"},
    {"de", "Löschen Sie meine Nummer"},
    {"de", "Bitte löschen Sie sofort meine Daten"},
    {"de", "Ich widerrufe hiermit meine Einwilligung"},
    {"de", "Lassen Sie mich in Ruhe"},
    {"de", "Unterlassen Sie diese Anrufe"},
    {"de", "Ich will nichts mehr von Ihnen hören"},
    {"de", "Sie brauchen mich nicht mehr anzurufen und sollen mich nicht anrufen"},
    {"de", "Stopp"},
    {"de", "Ich möchte nicht, dass Sie mich noch einmal anrufen"},
    {"de", "Nehmen Sie meine Nummer aus dem Verteiler"},
    {"de", "Ich verbitte mir weitere Anrufe"},
    {"en", "How did you get my number? Remove it"},
    {"en", "get me off this list"},
    {"es", "Por favor no llamen más a este número"},
    {"es", "No me llame más"},
    {"es", "No, no me llamen nunca más"},
    {"es", "No vuelva a llamarme"},
    {"es", "Ya está bien. ¡No vuelva a llamar a este número!"},
    {"es", "Deje de llamarme"},
    {"es", "Dejen de molestar"},
    {"es", "Quíteme de su lista"},
    {"es", "Borre mi número"},
    {"es", "Quiero darme de baja"},
    {"es", "No quiero recibir más llamadas"},
    {"es", "No quiero que me vuelvan a llamar"},
    {"es", "No quiero que me llamen"},
    {"es", "Déjeme en paz"},
    {"fr", "Ne m'appelez plus"},
    {"fr", "Ne me rappelez plus jamais"},
    {"fr", "Arrêtez de m'appeler"},
    {"fr", "Je ne veux plus être appelé"},
    {"fr", "Supprimez mon numéro"},
    {"fr", "Retirez-moi de votre liste"},
    {"fr", "Laissez-moi tranquille"},
    {"fr", "Je ne veux plus recevoir d'appels"},
    {"fr", "désinscrivez-moi"},
    {"fr", "Je suis sur Bloctel"},
    {"it", "Non mi chiamate più"},
    {"it", "Non chiamatemi più!"},
    {"it", "Smettetela di chiamarmi"},
    {"it", "Cancellate il mio numero"},
    {"it", "Mi tolga dalla lista"},
    {"it", "Non voglio più essere chiamato"},
    {"it", "Lasciatemi in pace"},
    {"pl", "Proszę do mnie więcej nie dzwonić"},
    {"pl", "Nie dzwońcie do mnie więcej"},
    {"pl", "Proszę przestać dzwonić"},
    {"pl", "Proszę usunąć mój numer"},
    {"pl", "Nie życzę sobie takich telefonów"},
    {"pl", "Dajcie mi spokój"},
    {"pl", "Nie, nie dzwoń więcej"},
    {"pt", "Não me ligue mais"},
    {"pt", "Não, não liguem mais para mim"},
    {"pt", "Pare de me ligar"},
    {"pt", "Tire meu nome da lista"},
    {"pt", "Não quero mais receber ligações"},
    {"pt", "Me deixe em paz"},
    {"nl", "Bel me niet meer"},
    {"nl", "Wilt u mij niet meer bellen"},
    {"nl", "Bel hier nooit meer"},
    {"nl", "Stop met bellen"},
    {"nl", "Verwijder mijn nummer"},
    {"nl", "Haal mij van de lijst"},
    {"nl", "Laat me met rust"},
    {"nl", "Ik wil niet meer gebeld worden"},
    {"tr", "Beni bir daha aramayın"},
    {"tr", "Bir daha aramayın lütfen"},
    {"tr", "Lütfen artık aramayın"},
    {"tr", "Numaramı silin"},
    {"tr", "Aranmak istemiyorum"},
    {"tr", "Beni rahatsız etmeyin"},
    {"ar", "لا تتصل بي مرة أخرى"},
    {"ar", "لا تتصلوا بي"},
    {"ar", "توقفوا عن الاتصال بي"},
    {"ar", "احذف رقمي من فضلك"},
    {"ar", "لا أريد اتصالات"},
    {"hi", "मुझे दोबारा कॉल मत करो"},
    {"hi", "मुझे फ़ोन मत कीजिए"},
    {"hi", "कॉल करना बंद करो"},
    {"hi", "मेरा नंबर हटा दो"},
    {"hi", "mujhe call mat karo"},
    {"de", "Stop calling me!"}, // in whatever language it comes
    {"xx", "Stop calling me!"},
    {NULL, "ne m'appelez plus"},
};

static const struct {
    const char *language, *text;
} k_false_friends[] = {
    {"en", "Don't stop calling me, I want to hear more"},
    {"en", "Please do not stop calling until you reach me"},
    {"en", "Don't call me before nine"},
    {"en", "Don't call me today, call me tomorrow"},
    {"en", "do not call me again until Friday"},
    {"en", "Please don't call me at work, call my mobile"},
    {"en", "Why don't you call me tomorrow?"},
    {"en", "I never call me... I mean I never call people back"},
    {"en", "You can stop there, I am interested"},
    {"en", "I don't want to unsubscribe"},
    {"en", "Do not remove me from the list"},
    {"en", "Take me off speaker"},
    {"en", "I could not call you back yesterday"},
    {"en", "If you don't call me back I will be disappointed"},
    {"en", "They did not call me"},
    {"en", "Stop calling me sir"},
    {"en", "The bus stop is near"},
    {"en", "Can I opt for the bigger one?"},
    {"en", "Not interested"},
    {"en", "no"},
    {"en", "Call me again tomorrow"},
    {"en", "Remove my old address, the new one is right"},
    {"de", "Rufen Sie mich nicht vor zehn Uhr an"},
    {"de", "Rufen Sie mich heute nicht an, lieber morgen"},
    {"de", "Bitte nicht mehr anrufen bevor ich mich melde"},
    {"de", "Hören Sie nicht auf, mich anzurufen"},
    {"de", "Ich kann heute nicht mehr anrufen"},
    {"de", "Ich habe keine Anrufe bekommen"},
    {"de", "Warum rufen Sie nicht an?"},
    {"de", "Rufen Sie mich jetzt nicht an, ich bin im Auto"},
    {"de", "Rufen Sie mich wieder an"},
    {"de", "Kein Interesse"},
    {"es", "No me llame antes de las diez"},
    {"es", "No deje de llamarme"},
    {"es", "Llámeme más tarde"},
    {"es", "No me llame hoy"},
    {"fr", "Ne m'appelez pas avant dix heures"},
    {"fr", "Rappelez-moi plus tard"},
    {"fr", "Appelez plus tard"},
    {"it", "Non mi chiami prima delle dieci"},
    {"it", "Mi richiami più tardi"},
    {"pl", "Proszę nie dzwonić przed dziesiątą"},
    {"pl", "Nie mogę teraz rozmawiać"},
    {"pt", "Não me ligue antes das dez"},
    {"pt", "Não pare de me ligar"},
    {"nl", "Bel me niet voor tien uur"},
    {"nl", "Ik kan niet meer bellen"},
    {"tr", "Saat ondan önce beni aramayın"},
    {"tr", "Yarın arayın"},
    {"ar", "لا تتصل بي قبل العاشرة"},
    {"hi", "अभी कॉल मत करो"},
    {"hi", "सुबह दस बजे से पहले कॉल मत कीजिए"},
    {"en", ""},
    {"en", "\xFF\xFE broken \xC3"},
};

static void test_refusals(void **state)
{
    int wrong = 0;
    (void)state;
    for (size_t i = 0; i < KJ_COUNT(k_refusals); i++)
        if (!kj_optout_asked(k_refusals[i].text, k_refusals[i].language)) {
            print_error("missed %s: %s\n", k_refusals[i].language, k_refusals[i].text);
            wrong++;
        }
    assert_int_equal(wrong, 0);
}

static void test_false_friends(void **state)
{
    int wrong = 0;
    (void)state;
    for (size_t i = 0; i < KJ_COUNT(k_false_friends); i++)
        if (kj_optout_asked(k_false_friends[i].text, k_false_friends[i].language)) {
            print_error("taken as a refusal, %s: %s\n", k_false_friends[i].language,
                        k_false_friends[i].text);
            wrong++;
        }
    assert_int_equal(wrong, 0);
}

// The patterns are written in folded words only: an accent in the table would never match.
static void test_tables_are_folded(void **state)
{
    (void)state;
    for (const struct kj_optout_list *list = kj_optout_lists; list->language; list++)
        for (const char *const *pattern = list->patterns; *pattern; pattern++) {
            struct kj_buf folded;
            char words[1024];
            size_t length = 0;
            for (const char *p = *pattern; *p; p++)
                words[length++] = strchr("|?~*^$!%& ", *p) ? ' ' : *p;
            words[length] = 0;
            kj_buf_init(&folded, 0);
            kj_fold(words, 0, &folded);
            char squeezed[1024];
            size_t to = 0;
            for (size_t i = 0; i < length; i++)
                if (words[i] != ' ' || (to > 0 && squeezed[to - 1] != ' '))
                    squeezed[to++] = words[i];
            while (to > 0 && squeezed[to - 1] == ' ')
                to--;
            squeezed[to] = 0;
            assert_string_equal(squeezed, folded.data);
            kj_buf_fini(&folded);
        }
}

static void test_fold(void **state)
{
    static const char *const k_texts[][2] = {
        {"Don't  STOP!", "dont stop"},
        {"  Ünïcödé—Straße ", "unicode strasse"},
        {"N'appelez pas, s'il vous plaît", "n appelez pas s il vous plait"},
        {"o'clock", "o clock"},
        {"।'t stop", "t stop"}, // nothing to contract with: what parts words is no letter
        {"؟`e", "e"},
        {"no।'t", "no t"},
        {"“don’t” — I can’t…", "dont i cant"},
        {"l’été, don’té", "l ete don te"},
        {"ʼ ʼʼtw oʼclock donʼt", "tw o clock dont"},
        {"İSTANBUL ılık", "istanbul ilik"},
        {"ŁÓDŹ", "lodz"},
        {"١٢:٣٠", "12 30"},
        {"मैं", "मैं"},
        {"फ़ोन", "फोन"},
        {"ПРИВЕТ Ёж", "привет ёж"},
        {"e\xCC\x81t\xC3\xA9", "ete"},
        {"", ""},
        {"...", ""},
        {"\xF0\x9F\x98\x80 ok", "\xF0\x9F\x98\x80 ok"},
    };
    (void)state;
    for (size_t i = 0; i < KJ_COUNT(k_texts); i++) {
        struct kj_buf folded;
        kj_buf_init(&folded, 0);
        kj_fold(k_texts[i][0], 0, &folded);
        assert_string_equal(folded.data, k_texts[i][1]);
        kj_buf_fini(&folded);
    }
    struct kj_buf folded;
    kj_buf_init(&folded, 0);
    kj_fold("At 14:30, on 24.12. or 7/14 - ok 2.", KJ_FOLD_NUMBERS, &folded);
    assert_string_equal(folded.data, "at 14:30 on 24.12 or 7/14 ok 2");
    kj_buf_fini(&folded);
    assert_int_equal(kj_utf8_fit("aä", 2), 1);
    assert_int_equal(kj_utf8_fit("aä", 3), 3);
    assert_int_equal(kj_utf8_count("aä\xE2\x82\xAC"), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fold),
        cmocka_unit_test(test_tables_are_folded),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_false_friends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
