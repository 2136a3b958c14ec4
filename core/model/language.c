// Language names in nine languages and their own, and BCP 47 tags, to the two letters of ISO 639-1.
#include "model/language.h"

#include "base/alloc.h"
#include "base/str.h"
#include "model/fold.h"

#include <string.h>

// clang-format off
static const char *const k_languages[][2] = {
    {"en", "english|englisch|inglés|anglais|inglese|angielski|inglês|engels|i̇ngilizce"},
    {"de", "german|deutsch|alemán|allemand|tedesco|niemiecki|alemão|duits|almanca"},
    {"es", "spanish|spanisch|español|espagnol|spagnolo|hiszpański|espanhol|spaans|"
           "i̇spanyolca|castellano"},
    {"fr", "french|französisch|francés|français|francese|francuski|francês|frans|fransızca"},
    {"it", "italian|italienisch|italiano|italien|włoski|italiaans|i̇talyanca"},
    {"pl", "polish|polnisch|polaco|polonais|polacco|polski|polonês|pools|lehçe"},
    {"pt", "portuguese|portugiesisch|portugués|portugais|portoghese|portugalski|português|"
           "portugees|portekizce"},
    {"nl", "dutch|niederländisch|neerlandés|néerlandais|olandese|niderlandzki|holandês|"
           "nederlands|felemenkçe"},
    {"tr", "turkish|türkisch|turco|turc|turecki|turks|türkçe"},
    {"ar", "arabic|arabisch|árabe|arabe|arabo|arabski|arapça|العربية"},
    {"hi", "hindi|hintçe|हिन्दी"},
    {"ru", "russian|russisch|ruso|russe|russo|rosyjski|rusça|русский"},
    {"uk", "ukrainian|ukrainisch|ucraniano|ukrainien|ucraino|ukraiński|oekraïens|"
           "ukraynaca|українська"},
    {"cs", "czech|tschechisch|checo|tchèque|ceco|czeski|tcheco|tsjechisch|çekçe|čeština"},
    {"sk", "slovak|slowakisch|eslovaco|slovaque|slovacco|słowacki|slowaaks|slovakça|"
           "slovenčina"},
    {"hu", "hungarian|ungarisch|húngaro|hongrois|ungherese|węgierski|hongaars|macarca|"
           "magyar"},
    {"ro", "romanian|rumänisch|rumano|roumain|rumeno|rumuński|romeno|roemeens|rumence|"
           "română"},
    {"bg", "bulgarian|bulgarisch|búlgaro|bulgare|bulgaro|bułgarski|bulgaars|bulgarca|"
           "български"},
    {"hr", "croatian|kroatisch|croata|croate|croato|chorwacki|hırvatça|hrvatski"},
    {"sr", "serbian|serbisch|serbio|serbe|serbo|serbski|sérvio|servisch|sırpça|српски"},
    {"sl", "slovenian|slowenisch|esloveno|slovène|sloveno|słoweński|sloveens|slovence|"
           "slovenščina"},
    {"el", "greek|griechisch|griego|grec|greco|grecki|grego|grieks|yunanca|ελληνικά"},
    {"sv", "swedish|schwedisch|sueco|suédois|svedese|szwedzki|zweeds|i̇sveççe|svenska"},
    {"da", "danish|dänisch|danés|danois|danese|duński|dinamarquês|deens|danca|dansk"},
    {"nb", "norwegian bokmål|norwegisch (bokmål)|noruego bokmal|norvégien bokmål|"
           "norvegese bokmål|norweski (bokmål)|bokmål norueguês|noors - bokmål|"
           "norveççe bokmål|norsk bokmål|norwegian|norwegisch|noruego"},
    {"nn", "norwegian nynorsk|norwegisch (nynorsk)|noruego nynorsk|norvégien nynorsk|"
           "norvegese nynorsk|norweski (nynorsk)|nynorsk norueguês|noors - nynorsk|"
           "norveççe nynorsk|norsk nynorsk"},
    {"fi", "finnish|finnisch|finés|finnois|finlandese|fiński|finlandês|fins|fince|suomi"},
    {"et", "estonian|estnisch|estonio|estonien|estone|estoński|estoniano|estisch|estonca|"
           "eesti"},
    {"lv", "latvian|lettisch|letón|letton|lettone|łotewski|letão|lets|letonca|latviešu"},
    {"lt", "lithuanian|litauisch|lituano|lituanien|litewski|litouws|litvanca|lietuvių"},
    {"he", "hebrew|hebräisch|hebreo|hébreu|ebraico|hebrajski|hebraico|hebreeuws|i̇branice|"
           "עברית"},
    {"fa", "persian|persisch|persa|persan|persiano|perski|perzisch|farsça|فارسی|farsi"},
    {"ur", "urdu|ourdou|urduca|اردو"},
    {"bn", "bangla|bengalisch|bengalí|bengali|bengalese|bengalski|bengaals|bengalce|বাংলা"},
    {"pa", "punjabi|punyabí|pendjabi|pendżabski|panjabi|pencapça|ਪੰਜਾਬੀ"},
    {"ta", "tamil|tamoul|tamilski|tâmil|tamilce|தமிழ்"},
    {"te", "telugu|télougou|télugo|telugu dili|తెలుగు"},
    {"mr", "marathi|maratí|marati|marathi dili|मराठी"},
    {"gu", "gujarati|guyaratí|goudjarati|gudżarati|guzerate|güceratça|ગુજરાતી"},
    {"ja", "japanese|japanisch|japonés|japonais|giapponese|japoński|japonês|japans|"
           "japonca|日本語"},
    {"ko", "korean|koreanisch|coreano|coréen|koreański|koreaans|korece|한국어"},
    {"zh", "chinese|chinesisch|chino|chinois|cinese|chiński|chinês|chinees|çince|中文|"
           "mandarin"},
    {"vi", "vietnamese|vietnamesisch|vietnamita|vietnamien|wietnamski|vietnamees|"
           "vietnamca|tiếng việt"},
    {"th", "thai|thailändisch|tailandés|thaï|thailandese|tajski|tailandês|tayca|ไทย"},
    {"id", "indonesian|indonesisch|indonesio|indonésien|indonesiano|indonezyjski|"
           "indonésio|endonezce|indonesia"},
    {"ms", "malay|malaiisch|malayo|malais|malese|malajski|malaio|maleis|malayca|melayu"},
    {"tl", "filipino|filippino|filipiński|filipijns|filipince"},
    {"sw", "swahili|suaheli|suajili|suahili|suaíli|svahili dili|kiswahili"},
    {"ca", "catalan|katalanisch|catalán|catalano|kataloński|catalão|catalaans|katalanca|"
           "català"},
    {"eu", "basque|baskisch|euskera|basco|baskijski|baskça|euskara"},
    {"gl", "galician|galicisch|gallego|galicien|galiziano|galicyjski|galego|galiçyaca"},
    {"ga", "irish|irisch|irlandés|irlandais|irlandese|irlandzki|irlandês|iers|i̇rlandaca|"
           "gaeilge"},
    {"cy", "welsh|walisisch|galés|gallois|gallese|walijski|galês|galce|cymraeg"},
    {"is", "icelandic|isländisch|islandés|islandais|islandese|islandzki|islandês|ijslands|"
           "i̇zlandaca|íslenska"},
    {"sq", "albanian|albanisch|albanés|albanais|albanese|albański|albanês|albanees|"
           "arnavutça|shqip"},
    {"mk", "macedonian|mazedonisch|macedonio|macédonien|macedone|macedoński|macedônio|"
           "macedonisch|makedonca|македонски"},
    {"bs", "bosnian|bosnisch|bosnio|bosniaque|bosniaco|bośniacki|bósnio|boşnakça|bosanski"},
    {"ka", "georgian|georgisch|georgiano|géorgien|gruziński|gürcüce|ქართული"},
    {"hy", "armenian|armenisch|armenio|arménien|armeno|ormiański|armênio|armeens|ermenice|"
           "հայերեն"},
    {"az", "azerbaijani|aserbaidschanisch|azerbaiyano|azerbaïdjanais|azerbaigiano|"
           "azerbejdżański|azerbaijano|azerbeidzjaans|azerbaycan dili|azərbaycan"},
    {"kk", "kazakh|kasachisch|kazajo|kazako|kazachski|cazaque|kazachs|kazakça|қазақ тілі"},
    {"uz", "uzbek|usbekisch|uzbeko|ouzbek|uzbeco|uzbecki|uzbeque|oezbeeks|özbekçe|o‘zbek"},
    {"af", "afrikaans|afrikáans|africâner|afrikaanca"},
};
// clang-format on

// "en", "en-US", "en_US": two letters, then nothing or a subtag.
static bool is_tag(const char *folded, const char *text)
{
    return strlen(folded) >= 2 &&
           (folded[2] == 0 || (folded[2] == ' ' && strlen(folded) <= 11 && strpbrk(text, "-_")));
}

bool kj_language_parse(const char *text, char tag[16])
{
    struct kj_buf folded;
    tag[0] = 0;
    if (text == NULL || strlen(text) > 64)
        return false;
    kj_buf_init(&folded, 256);
    kj_fold(text, 0, &folded);
    bool short_tag = is_tag(folded.data, text);
    for (size_t i = 0; i < KJ_COUNT(k_languages) && tag[0] == 0; i++)
        if (short_tag ? strncmp(folded.data, k_languages[i][0], 2) == 0
                      : folded.length > 2 && kj_fold_names(k_languages[i][1], folded.data))
            kj_copy(tag, 16, k_languages[i][0]);
    if (short_tag && strncmp(folded.data, "no", 2) == 0)
        kj_copy(tag, 16, "nb");
    kj_buf_fini(&folded);
    return tag[0] != 0;
}
