// How people forbid further calls, in eleven languages. Folded (fold.h): lower case, no accents.
// Rather a few clear phrases than many: what is said otherwise is judged by the model after.
#include "model/optout.h"

#include <stddef.h>

// clang-format off
static const char *const k_en[] = {
    "^ stop $", "^ stop it $", "^ stop now $", "^ dtmf 9 $",
    "% stop|quit calling|phoning|ringing|contacting|bothering|harassing|pestering ?me|us ?here ?again ?anymore !",
    "% stop ?all|the|these|your|those calls|contact !",
    "% stop making|with the|these|your|those calls",
    "& dont|never|not ?ever call|phone|ring|contact|bother me|us|here|again|anymore|back ?here ?back ?again ?anymore ?ever ?again !",
    "& dont|never|not ?ever call|phone|ring|contact|bother ?me|us ?on|at this|my|our|the ?phone number|line|phone|house ?again ?anymore ?ever",
    "& dont|never|not call|phone|ring|contact $",
    "dont|not want|wish any|more|your|these|such|further ?more ?of ?these ?such calls|contact ?from ?you|your ?company !",
    "dont|not want|wish to be called|contacted|phoned|bothered ?by ?you ?again ?anymore ?any ?more !",
    "dont|not want|need you|anyone|anybody|people calling|contacting|phoning ?me|us|here ?again ?anymore !",
    "dont|not want|need you|anyone|anybody|people to call|contact|phone|ring ?me|us|here ?again ?anymore !",
    "dont|not want to hear from you|this|your|any|them",
    "% remove|delete|erase me|us from|off|out", "% remove|delete|erase me|us $",
    "% remove|delete|erase my|our|this|the ?phone|mobile number|name|details|data|contact",
    "% take me|us|my|our|this * off|from ?of your|the|that|this|any ?calling|call|calls|phone|mailing|contact list|lists|database|system|records",
    "number|name * remove|delete|erase it", "% get me|us|my off|from your|the|this|that ?calling|call|phone list|lists|database|system",
    "% take me|us off $", "% take me|us off your|the|this|that list",
    "% unsubscrib~", "% opt|opting ?me|us out", "optout",
    "do not|dont call list|registry|register", "no call list",
    "lose my|this|our number", "% leave me|us|my * alone",
    "no more|further calls|calling|contact !", "cease and desist", "% cease ?all calls|calling|contact|contacting",
    "% revoke|withdraw|retract * consent|permission", "i am|im opting out", NULL};

static const char *const k_de[] = {
    "^ stop|stopp $", "^ dtmf 9 $",
    "& ruf|rufe|rufen|ruft ?sie ?du ?ihr ?mich|uns|hier ?hier nicht|nie|niemals|nimmer ?mehr|wieder|nochmal|noch ?einmal|mal an !",
    "& nicht|nie|niemals mehr|wieder|nochmal|langer anrufen|anzurufen|kontaktieren|belastigen|telefonieren|anruft !",
    "nicht|nie|niemals ?mehr|wieder angerufen|kontaktiert|belastigt werden !",
    "nicht dass sie|ihr|du|man|jemand mich|uns ?hier ?nochmal|noch|wieder|weiter|weiterhin ?einmal anrufen|anruft|anrufst|kontaktieren|kontaktiert|belastigen !",
    "aufhoren ?damit mich|uns anzurufen|zu ?belastigen", "verbitte mir * anrufe",
    "nimm|nehmen|nehmt|streich|streichen ?sie meine|unsere|die|diese nummer|telefonnummer|rufnummer|daten aus|von|heraus|raus",
    "mich|uns nicht anrufen !", "^ nicht ?mehr anrufen !", "sie sollen|mussen|durfen mich|uns nicht ?mehr anrufen !",
    "hor|horen|hort ?sie ?endlich auf ?mich|uns|hier ?standig|immer|dauernd ?wieder anzurufen|zu|damit ?belastigen",
    "auf mit den|diesen|ihren|euren anrufen|anrufe",
    "keine|keinerlei ?weiteren|weitere|mehr|solchen|solche anrufe|werbeanrufe|telefonate|kontaktaufnahme ?mehr ?von ?ihnen !",
    "% nimm|nehmen|nehmt|streich|streiche|streichen|losch|losche|loschen|loscht|entfern|entferne|entfernen|entfernt ?sie mich|uns ?sofort|endlich aus|von",
    "% losch|losche|loschen|loscht|entfern|entferne|entfernen|streich|streichen ?sie meine|unsere|diese|die|meinen|unseren ?telefon nummer|telefonnummer|rufnummer|handynummer|daten|kontaktdaten|namen|eintrag",
    "meine|unsere nummer|telefonnummer|rufnummer|handynummer|daten|kontaktdaten * loschen|entfernen|streichen",
    "mich|uns * liste|verteiler|kartei|datenbank * streichen|loschen|nehmen|entfernen|austragen",
    "% trag|trage|tragen|tragt ?sie mich|uns * aus",
    "widerruf~ * einwilligung|einverstandnis|zustimmung|erlaubnis", "einwilligung|zustimmung * widerruf~",
    "% lass|lassen|lasst ?sie mich|uns ?endlich|einfach in ruhe|frieden",
    "belastig~ ?sie mich|uns nicht|nie", "unterlass~ ?sie ?diese|die|weitere|ihre|solche anrufe",
    "nichts mehr von ihnen|euch|dir horen|wissen", "kein|keinen ?weiteren kontakt ?mehr !",
    "abbestellen", "ich widerspreche * anruf|anrufen|werbung|nutzung|verarbeitung", NULL};

static const char *const k_es[] = {
    "^ stop|baja $", "^ dtmf 9 $",
    "no|nunca|jamas ?me|nos|mas vuelva|vuelvan|vuelvas|volver a llamar|llamarme|llamarnos|contactar|contactarme|molestar|molestarme ?a|al ?este|mi|nuestro ?numero|telefono ?mas|nunca|jamas !",
    "no|nunca|jamas me|nos|mas llame|llamen|llames|moleste|molesten|contacte|contacten ?mas|nunca|jamas|nuevamente ?mas ?a|al ?este|mi|nuestro ?numero|telefono !",
    "no|nunca llame|llamen|llames mas|nunca ?a|al ?este|mi|nuestro ?numero|telefono !", "no me llame|llamen|llames a este numero|telefono",
    "% deje|dejen|deja|dejad|pare|paren|para|basta de ?me llamar|llamarme|llamarnos|molestar|molestarme|contactarme|molestarnos ?mas !",
    "% quiteme|quitenme|quitame|saqueme|saquenme|sacame|elimineme|eliminenme|borreme|borrenme|borrame|retireme de",
    "% quite|quiten|elimine|eliminen|borre|borren|saque|saquen|retire|retiren mi|mis|este|nuestro ?numero|nombre|datos|telefono",
    "% darme|deme|denme|dame|darnos de baja", "no quiero|queremos|deseo|deseamos ?recibir ?mas|sus|estas llamadas|llamada ?mas !",
    "no quiero|queremos|deseo que ?nadie me|nos llamen|llame|vuelvan|vuelva|contacten|contacte|molesten|moleste ?a ?llamar ?mas !",
    "no quiero|deseo ser contactado|contactada|molestado|molestada|llamado|llamada ?mas !",
    "dejenme|dejeme|dejame|dejennos|dejenos en paz", "dejenme|dejeme tranquilo|tranquila",
    "revoco|retiro * consentimiento|autorizacion", "no ?quiero mas llamadas !", "lista robinson", NULL};

static const char *const k_fr[] = {
    "^ stop $", "^ dtmf 9 $",
    "& m|me|nous|n|ne appelez|appelle|rappelez|rappelle|contactez|telephonez|derangez|harcelez plus|jamais !",
    "& ne|n m|me|nous appelez|appelle|rappelez|rappelle|contactez|telephonez|derangez|harcelez pas|plus|jamais !",
    "plus|jamais m|me|nous appeler|rappeler|contacter|telephoner|deranger|harceler !",
    "plus etre appele|appelee|rappele|contacte|contactee|derange|derangee|demarche|demarchee !",
    "arretez|arrete|cessez|cesse de|d ?m|me|nous appeler|rappeler|contacter|telephoner|deranger|harceler !",
    "arretez|arrete|cessez ?avec vos|ces|les|tous appels",
    "supprimez|retirez|enlevez|effacez|rayez|otez|radiez moi|nous de|des|du",
    "supprimez|retirez|enlevez|effacez|rayez|otez|radiez mon|mes|ce|notre|nos numero|coordonnees|nom|donnees|telephone",
    "veux|souhaite|desire|voulons|souhaitons plus|pas ?recevoir d|de|vos|aucun ?autres appel|appels|demarchage !",
    "veux|souhaite|desire|voulons plus|pas que ?vous|on m|me|nous appeliez|appelle|rappeliez|contactiez|contacte !",
    "plus aucun appel", "laissez|laisse moi|nous tranquille|tranquilles", "laissez|laisse moi|nous en paix",
    "desinscri~", "desabonn~", "retire|revoque * consentement|accord", "bloctel",
    "fichez|foutez moi|nous la paix", NULL};

static const char *const k_it[] = {
    "^ stop $", "^ dtmf 9 $",
    "non mi|ci chiami|chiamate|chiamare|richiami|richiamate|contatti|contattate|contattare|disturbi|disturbate|telefoni|telefonate ?piu|mai ?piu !",
    "non chiamarmi|chiamatemi|chiamateci|richiamarmi|richiamatemi|contattatemi|contattarmi|disturbatemi|telefonatemi ?piu|mai ?piu !",
    "non chiami|chiamate|telefoni|telefonate piu|mai !",
    "% smetti|smetta|smettete|smettetela|smettila|finitela|finiscila|cessate|basta di ?mi chiamarmi|chiamare|chiamarci|telefonare|telefonarmi|contattarmi|disturbarmi|disturbare !",
    "basta con|chiamate|telefonate ?le|queste ?chiamate|telefonate !",
    "% cancella|cancelli|cancellate|cancellatemi|cancellami|rimuova|rimuovete|rimuovetemi|rimuovimi|tolga|togliete|toglietemi|toglimi|elimini|eliminate|eliminatemi ?il|i|dalla|dall|dal|dai|da|questo ?mio|miei|vostra|vostri|nostro numero|nome|dati|nominativo|lista|elenco|elenchi|contatto|database",
    "non voglio|vogliamo|desidero ?piu ?essere|ricevere|avere ?piu ?vostre|altre chiamate|telefonate|chiamato|chiamata|contattato|contattata|disturbato|disturbata ?piu !",
    "non voglio|vogliamo|desidero che mi|ci chiamiate|chiami|contattiate|disturbiate ?piu !",
    "lasciatemi|lasciateci|lasciami in pace", "mi lasci|lasciate in pace|stare", "revoco|ritiro * consenso",
    "registro * opposizioni", NULL};

static const char *const k_pl[] = {
    "^ stop $", "^ dtmf 9 $",
    "& nie|nigdy ?wiecej|juz ?wiecej dzwon|dzwonic|dzwoncie|telefonowac|wydzwaniac|wydzwaniajcie ?do ?mnie|nas ?wiecej|juz|nigdy|tutaj ?wiecej !",
    "nie ?wiecej|juz kontaktowac|kontaktujcie|kontaktuj sie ?ze|z ?mna|nami ?wiecej !",
    "% przestan|przestancie|przestac|przestanie|przestanciez ?do ?mnie|nas dzwonic|wydzwaniac|telefonowac|nekac|niepokoic",
    "% usun|usuncie|usunac|usuniecie|wykresl|wykreslcie|wykreslic|skasuj|skasujcie|skasowac ?mnie|moj|moje|ten|nasz ?z ?numer|dane|waszej|listy|bazy|telefonu",
    "nie zycze|zyczymy sobie * telefonow|kontaktu|polaczen|dzwonienia|rozmow",
    "nie chce|chcemy ?wiecej|zadnych|tych|waszych|zeby|zebyscie|abyscie telefonow|polaczen|kontaktu|dzwonili|dzwoniliscie !",
    "nie chce|chcemy zeby|zebyscie|abyscie|aby * dzwonili|dzwonil|dzwonic !",
    "dajcie|daj|dac mi|nam ?swiety spokoj", "cofam|wycofuje|odwoluje * zgode", "zglaszam|wnosze sprzeciw", NULL};

static const char *const k_pt[] = {
    "^ stop|sair $", "^ dtmf 9 $",
    "nao|nunca|jamais ?mais me|nos ligue|liguem|ligar|ligues|contate|contacte|contatem|contactem|incomode|incomodem|telefone|telefonem|perturbe|perturbem ?mais|nunca|novamente ?mais ?de ?novo !",
    "nao|nunca|jamais mais ligue|liguem|ligues|telefone|telefonem ?para|pra ?mim|ca|aqui|nos !",
    "nao|nunca|jamais ligue|liguem|ligues|telefone|telefonem mais|novamente|nunca !",
    "nao|nunca|jamais ligue|liguem|ligues|telefone|telefonem para|pra mim|ca|aqui|nos|este|esse ?numero ?mais|novamente|nunca !",
    "% pare|parem|para|deixe|deixem|deixa de ?me|nos ligar|ligarem|telefonar|contactar|contatar|incomodar|perturbar ?me !",
    "% pare|parem com as|essas|estas|suas ligacoes|chamadas",
    "% remova|remove|removam|retire|retira|retirem|tire|tira|tirem|exclua|excluam|apague|apaga|apaguem|elimine ?o|os meu|meus|este|esse|nosso ?numero|telefone|nome|dados|contato|contacto",
    "% remova|remove|removam|retire|retira|retirem|tire|tira|tirem|exclua|excluam me|nos da|de|do|dessa",
    "me|nos remova|remove|retire|retira|tire|tira|exclua da|de|do|dessa",
    "nao quero|queremos|desejo ?mais ?receber|ter ?mais ligacoes|chamadas|telefonemas ?mais !",
    "nao quero|queremos|desejo ?mais que ?voces me|nos liguem|ligue|contatem|contactem|incomodem ?mais !",
    "me|nos deixe|deixem em paz", "deixe|deixem me|nos em paz", "revogo|retiro * consentimento|autorizacao",
    "descadastr~", NULL};

static const char *const k_nl[] = {
    "^ stop $", "^ dtmf 9 $",
    "bel|belt|bellen ?u ?jullie me|mij|ons|hier|naar|dit ?dit ?nummer niet|nooit ?meer|weer ?op|terug !",
    "& niet|nooit meer|weer ?terug bellen|gebeld|opbellen|contacteren|benaderen|benaderd|lastigvallen|lastig !",
    "mij|me|ons niet bellen !",
    "% stop|stopt|hou|houd|houdt|houden ?u ?op met ?mij|me|ons|het|die|deze ?te bellen|opbellen|telefoontjes|lastigvallen|contacteren",
    "% verwijder|verwijdert|schrap|schrapt|wis|wist|haal|haalt ?u mijn|dit|ons|onze nummer|telefoonnummer|gegevens|naam",
    "% haal|haalt|verwijder|verwijdert|schrap|schrapt ?u mij|me|ons|mijn * lijst|lijsten|bestand|bestanden|database|systeem",
    "geen ?verdere|enkele|enkel telefoontjes|oproepen|telefoontje|contact ?meer !",
    "wil|willen|wens|wensen ?ik|wij ?echt niet ?meer ?door ?u|jullie ?meer gebeld|benaderd ?worden !",
    "laat|laten ?u me|mij|ons met rust", "trek * toestemming * in", "schrijf|schrijft|meld|meldt me|mij|ons * uit|af $",
    "uitschrijven", "afmelden", NULL};

static const char *const k_tr[] = {
    "^ dur|stop $", "^ dtmf 9 $",
    "% bir daha ?beni|bizi|bu ?numarayi|numaradan|asla|sakin arama|aramayin|aramayiniz|aramasin|aramasinlar|aranmak",
    "% beni|bizi|numarami|numarayi ?artik ?bir|sakin|asla ?daha arama|aramayin|aramayiniz|aramasinlar",
    "% ^ ?artik|sakin aramayin|aramayiniz", "% artik aramayin|aramayiniz",
    "aramayi birak|birakin|birakiniz|kes|kesin|kesiniz", "aramaktan vazgec~",
    "% rahatsiz etmeyin|etmeyiniz|etme", "aranmak istemiyorum|istemiyoruz", "aramanizi istemiyorum|istemiyoruz",
    "numarami|numaramizi|bilgilerimi|adimi|kaydimi|beni * sil|silin|siliniz|cikarin|cikar|cikariniz|kaldirin",
    "iznimi|onayimi|rizami * cekiyorum|iptal", "rahat birak|birakin|birakiniz", NULL};

static const char *const k_ar[] = {
    "^ توقف|قف|ستوب $", "^ dtmf 9 $",
    "لا|ما|لن تتصل|تتصلوا|تتصلي|تكلمني|تكلموني|تتصلون بي|بنا|علي|فيني|معي|بهذا|هنا ?الرقم ?مره|مجددا|ابدا ?اخري|ثانيه|تانيه !",
    "لا|ما|لن تتصل|تتصلوا|تتصلي|تكلمني|تكلموني|تتصلون مره|مجددا|ابدا ?اخري|ثانيه|تانيه !",
    "ما|مت تتصلش|تتصلوش ?بي|بيا|علي|تاني",
    "متتصلش|متتصلوش ?بي|بيا|علي|تاني",
    "توقف|توقفوا|كف|كفوا|وقف|وقفوا|بطل|بطلوا عن|من ?الاتصال|اتصال|اتصالاتكم ?بي !",
    "بطل|بطلوا تتصل|تتصلوا|اتصال|اتصالات",
    "احذف|احذفوا|امسح|امسحوا|شيل|شيلوا|ازيلوا|ازل رقمي|اسمي|بياناتي|معلوماتي",
    "لا|ما|مش|مو اريد|ارغب|ابغي|بدي|عايز|عاوز|ابي ?في|باي|اي|مزيد|من|هذه ?من اتصالات|اتصالاتكم|مكالمات|مكالماتكم|الاتصال|اتصالكم !",
    "لا اريد ان تتصل|تتصلوا|يتصل ?بي|احد !",
    "اتركوني|اتركني|سيبني|سيبوني|خلوني|دعوني ?في ?حالي|لحالي|وشاني|وشاننا", "الغاء|الغوا|الغي الاشتراك|اشتراكي", NULL};

static const char *const k_hi[] = {
    "^ बंद|stop $", "^ dtmf 9 $",
    "% ?मुझे|मुझको|हमें|इस|यहाँ|यहां ?नंबर ?पर ?अब|आगे|दोबारा|दुबारा|फिर|कभी ?से ?भी|कभी कॉल|काल|फोन मत|ना|न ?किया करो|करना|कीजिए|कीजिये|करिए|करें|करे|कीजिएगा|किया",
    "कॉल|काल|फोन करना|करने बंद|बन्द करो|करें|कीजिए|कीजिये|कर|करिए",
    "मेरा|हमारा नंबर|नम्बर|नाम * हटा|हटाओ|हटाइए|हटाएं|हटा|निकाल|निकालो|निकालिए|डिलीट|मिटा",
    "परेशान मत|ना|न ?किया करो|करना|कीजिए|कीजिये|करिए|करें|किया",
    "कोई|और|आपका|आपकी ?भी कॉल|काल|फोन नहीं|नही चाहिए|चाहता|चाहती", "% कॉल|काल|फोन नहीं|नही चाहिए",
    "call|phone mat|na karo|karna|kijiye|kariye|karen|kijiyega", "dobara call|phone mat|na",
    "pareshan mat|na karo|kijiye|kariye|karna", "number * hata|hatao|hataiye|nikal|nikalo|delete", NULL};

const struct kj_optout_list kj_optout_lists[] = {
    {"en", "please|kindly|just|ok|okay",
     "before|after|until|till|unless|at|on|in|during|today|tonight|now|tomorrow|this|next|while|when|"
     "from|between|late|early|so|that|if|right|monday|tuesday|wednesday|thursday|friday|saturday|sunday|"
     "names|sir|madam|maam|him|her|speaker|hold|by|as|because|earlier|later|yet|first",
     "dont|do not|never|not|dont want you to|not want you to|dont want to|not want to|dont ever|to not|wont",
     "i|we|they|i do|i did|i will|i would|i can|i could|we do|we did|we will|they do|did|does|had|have|has|"
     "if you|if you do|if they|why|why do|why did|did you|do you", k_en},
    {"de", "bitte|doch|einfach|sofort|endlich|mal",
     "wenn|bevor|vor|nach|bis|heute|morgen|am|um|zwischen|wahrend|solange|falls|ausser|in|montag|"
     "dienstag|mittwoch|donnerstag|freitag|samstag|sonntag|so|gerade|bekommen|erhalten|verpasst|gehabt|"
     "gesehen|weil|sonst", "nicht",
     "heute|jetzt|gerade|morgen|ich werde|ich kann|ich konnte|ich habe|wir haben|wir werden|warum|wieso|weshalb|ich|wir|"
     "sie konnen|sie brauchen", k_de},
    {"es", "por favor|ya|pues",
     "antes|despues|hasta|hoy|manana|ahora|por|en|a|el|los|las|si|cuando|entre|mientras|durante|tan|"
     "al|ayer|esta|este|porque", "no|nunca", "", k_es},
    {"fr", "s il vous plait|svp|merci|donc",
     "avant|apres|tard|tot|souvent|aujourd|demain|maintenant|ce|cet|cette|le|pendant|quand|si|jusqu|"
     "jusque|entre|a|sur|au|vite|que|parce", "", "si vous|pourquoi|pourquoi vous|si vous ne|pourquoi ne",
     k_fr},
    {"it", "per favore|per piacere|per cortesia|prego|grazie",
     "prima|dopo|fino|finche|oggi|domani|adesso|ora|in|alle|il|la|quando|se|durante|tra|fra|cosi|"
     "presto|tardi|perche|entro|di", "non", "", k_it},
    {"pl", "prosze|prosze pana|prosze pani",
     "przed|po|do|dzis|dzisiaj|jutro|teraz|w|jesli|kiedy|gdy|o|zanim|az|miedzy|przez|bo|jak", "nie",
     "dlaczego|czemu|jesli|ja|moge", k_pl},
    {"pt", "por favor|se faz favor",
     "antes|depois|ate|hoje|amanha|agora|de|as|na|no|se|quando|entre|enquanto|durante|cedo|tarde|a|ao|"
     "porque|esta|este", "nao|nunca", "", k_pt},
    {"nl", "alstublieft|alsjeblieft|aub|graag|gewoon|nou",
     "voor|na|tot|vandaag|morgen|nu|om|tussen|als|wanneer|tijdens|terwijl|in|op|zo|deze|maandag|dinsdag|"
     "woensdag|donderdag|vrijdag|zaterdag|zondag|omdat|vanavond|gehad|gekregen", "niet",
     "ik kan|ik zal|ik ga|waarom|ik|wij", k_nl},
    // Turkish and Hindi put the time before the verb: there the time is what turns it round.
    {"tr", "lutfen", "",
     "once|sonra|simdi|bugun|yarin|sabah|aksam|gece|kadar|sonu|gunu|saatinde|iken|saatte|evvel|ogle|"
     "toplantidayken", "", k_tr},
    {"ar", "من فضلك|لو سمحت|رجاء|ارجوك",
     "قبل|بعد|حتي|اليوم|غدا|الان|في|اذا|عندما|الا|بكره|هلق|دلوقتي|الساعه", "", "", k_ar},
    {"hi", "प्लीज|कृपया|please", "",
     "पहले|बाद|अभी|आज|कल|सुबह|शाम|रात|दोपहर|बजे|में|को|तक|क्यों|पहले मुझे|बाद मुझे|अभी मुझे|आज मुझे|"
     "में मुझे|को मुझे|तक मुझे", "", k_hi},
    {NULL, NULL, NULL, NULL, NULL, NULL},
};
// clang-format on
