// The countries: ISO 3166-1 codes and the names that lists use, in ten languages.
// Codes and names as of 2026; a name that could mean two countries stands only in one row.
#include "model/country_table.h"

// clang-format off
const struct kj_country_row kj_country_table[] = {
    {"AD", "AND", "Andorra|Andorre|Andora"},
    {"AE", "ARE",
     "United Arab Emirates|Vereinigte Arabische Emirate|Emiratos Árabes Unidos|"
     "Émirats arabes unis|Emirati Arabi Uniti|Zjednoczone Emiraty Arabskie|"
     "Emirados Árabes Unidos|Verenigde Arabische Emiraten|Birleşik Arap Emirlikleri|UAE|"
     "VAE|Emirates|EAU"},
    {"AF", "AFG", "Afghanistan|Afganistán|Afganistan|Afeganistão"},
    {"AG", "ATG",
     "Antigua & Barbuda|Antigua und Barbuda|Antigua y Barbuda|Antigua-et-Barbuda|"
     "Antigua e Barbuda|Antigua i Barbuda|Antígua e Barbuda|Antigua en Barbuda|"
     "Antigua ve Barbuda"},
    {"AI", "AIA", "Anguilla|Anguila"},
    {"AL", "ALB", "Albania|Albanien|Albanie|Albânia|Albanië|Arnavutluk"},
    {"AM", "ARM", "Armenia|Armenien|Arménie|Armênia|Armenië|Ermenistan"},
    {"AO", "AGO", "Angola"},
    {"AQ", "ATA", "Antarctica|Antarktis|Antártida|Antarctique|Antartide|Antarktyda|Antarktika"},
    {"AR", "ARG", "Argentina|Argentinien|Argentine|Argentyna|Argentinië|Arjantin"},
    {"AS", "ASM",
     "American Samoa|Amerikanisch-Samoa|Samoa Americana|Samoa américaines|"
     "Samoa Americane|Samoa Amerykańskie|Amerikaans-Samoa|Amerikan Samoası"},
    {"AT", "AUT", "Austria|Österreich|Autriche|Áustria|Oostenrijk|Avusturya"},
    {"AU", "AUS", "Australia|Australien|Australie|Austrália|Australië|Avustralya"},
    {"AW", "ABW", "Aruba"},
    {"AX", "ALA",
     "Åland Islands|Ålandinseln|Islas Aland|Îles Åland|Isole Åland|Wyspy Alandzkie|"
     "Ilhas Aland|Åland|Åland Adaları"},
    {"AZ", "AZE",
     "Azerbaijan|Aserbaidschan|Azerbaiyán|Azerbaïdjan|Azerbaigian|Azerbejdżan|"
     "Azerbaijão|Azerbeidzjan|Azerbaycan"},
    {"BA", "BIH",
     "Bosnia & Herzegovina|Bosnien und Herzegowina|Bosnia y Herzegovina|"
     "Bosnie-Herzégovine|Bosnia ed Erzegovina|Bośnia i Hercegowina|Bósnia e Herzegovina|"
     "Bosnië en Herzegovina|Bosna-Hersek|Bosnia"},
    {"BB", "BRB", "Barbados|Barbade"},
    {"BD", "BGD", "Bangladesh|Bangladesch|Bangladés|Bangladesz|Bangladeş"},
    {"BE", "BEL", "Belgium|Belgien|Bélgica|Belgique|Belgio|Belgia|België|Belçika"},
    {"BF", "BFA", "Burkina Faso|Burquina Faso"},
    {"BG", "BGR", "Bulgaria|Bulgarien|Bulgarie|Bułgaria|Bulgária|Bulgarije|Bulgaristan"},
    {"BH", "BHR", "Bahrain|Baréin|Bahreïn|Bahrein|Bahrajn|Barein|Bahreyn"},
    {"BI", "BDI", "Burundi"},
    {"BJ", "BEN", "Benin|Benín|Bénin"},
    {"BL", "BLM", "St. Barthélemy|San Bartolomé|Saint-Barthélemy|São Bartolomeu|Saint Barthelemy"},
    {"BM", "BMU", "Bermuda|Bermudas|Bermudes|Bermudy"},
    {"BN", "BRN", "Brunei|Brunei Darussalam|Brunéi"},
    {"BO", "BOL", "Bolivia|Bolivien|Bolivie|Boliwia|Bolívia|Bolivya"},
    {"BQ", "BES",
     "Caribbean Netherlands|Karibische Niederlande|Caribe neerlandés|Pays-Bas caribéens|"
     "Caraibi Olandesi|Niderlandy Karaibskie|Países Baixos Caribenhos|"
     "Caribisch Nederland|Karayip Hollandası"},
    {"BR", "BRA", "Brazil|Brasilien|Brasil|Brésil|Brasile|Brazylia|Brazilië|Brezilya"},
    {"BS", "BHS", "Bahamas|Bahamy|Bahama’s|Bahamalar"},
    {"BT", "BTN", "Bhutan|Bután|Bhoutan|Butão|Butan"},
    {"BV", "BVT",
     "Bouvet Island|Bouvetinsel|Isla Bouvet|Île Bouvet|Isola Bouvet|Wyspa Bouveta|"
     "Ilha Bouvet|Bouveteiland|Bouvet Adası"},
    {"BW", "BWA", "Botswana|Botsuana|Botsvana"},
    {"BY", "BLR",
     "Belarus|Bielorrusia|Biélorussie|Bielorussia|Białoruś|Bielorrússia|Weißrussland|"
     "Belorussia"},
    {"BZ", "BLZ", "Belize|Belice"},
    {"CA", "CAN", "Canada|Kanada|Canadá"},
    {"CC", "CCK",
     "Cocos (Keeling) Islands|Kokosinseln|Islas Cocos|Îles Cocos|Isole Cocos (Keeling)|"
     "Wyspy Kokosowe|Ilhas Cocos (Keeling)|Cocoseilanden|Cocos (Keeling) Adaları"},
    {"CD", "COD",
     "Congo - Kinshasa|Kongo-Kinshasa|República Democrática del Congo|Congo-Kinshasa|"
     "Demokratyczna Republika Konga|Kongo - Kinşasa|DR Congo|"
     "Democratic Republic of the Congo|Congo (DRC)"},
    {"CF", "CAF",
     "Central African Republic|Zentralafrikanische Republik|República Centroafricana|"
     "République centrafricaine|Repubblica Centrafricana|Republika Środkowoafrykańska|"
     "República Centro-Africana|Centraal-Afrikaanse Republiek|Orta Afrika Cumhuriyeti"},
    {"CG", "COG",
     "Congo - Brazzaville|Kongo-Brazzaville|Congo|Congo-Brazzaville|Kongo|"
     "República do Congo|Kongo - Brazavil|Republic of the Congo"},
    {"CH", "CHE", "Switzerland|Schweiz|Suiza|Suisse|Svizzera|Szwajcaria|Suíça|Zwitserland|İsviçre"},
    {"CI", "CIV", "Côte d’Ivoire|Costa d’Avorio|Costa do Marfim|Ivoorkust|Ivory Coast"},
    {"CK", "COK",
     "Cook Islands|Cookinseln|Islas Cook|Îles Cook|Isole Cook|Wyspy Cooka|Ilhas Cook|"
     "Cookeilanden|Cook Adaları"},
    {"CL", "CHL", "Chile|Chili|Cile|Şili"},
    {"CM", "CMR", "Cameroon|Kamerun|Camerún|Cameroun|Camerun|Camarões|Kameroen"},
    {"CN", "CHN", "China|Chine|Cina|Chiny|Çin"},
    {"CO", "COL", "Colombia|Kolumbien|Colombie|Kolumbia|Colômbia|Kolombiya"},
    {"CR", "CRI", "Costa Rica|Kostaryka|Kosta Rika"},
    {"CU", "CUB", "Cuba|Kuba|Küba"},
    {"CV", "CPV",
     "Cape Verde|Cabo Verde|Cap-Vert|Capo Verde|Republika Zielonego Przylądka|Kaapverdië"},
    {"CW", "CUW", "Curaçao|Curazao"},
    {"CX", "CXR",
     "Christmas Island|Weihnachtsinsel|Isla de Navidad|Île Christmas|Isola Christmas|"
     "Wyspa Bożego Narodzenia|Ilha Christmas|Christmaseiland|Christmas Adası"},
    {"CY", "CYP", "Cyprus|Zypern|Chipre|Chypre|Cipro|Cypr|Kıbrıs"},
    {"CZ", "CZE",
     "Czechia|Tschechien|Chequia|Tchéquie|Cechia|Czechy|Tchéquia|Tsjechië|Çekya|"
     "Czech Republic|Tschechische Republik|República Checa"},
    {"DE", "DEU",
     "Germany|Deutschland|Alemania|Allemagne|Germania|Niemcy|Alemanha|Duitsland|Almanya|"
     "BRD|Federal Republic of Germany|Bundesrepublik Deutschland"},
    {"DJ", "DJI", "Djibouti|Dschibuti|Yibuti|Gibuti|Dżibuti|Djibuti|Cibuti"},
    {"DK", "DNK", "Denmark|Dänemark|Dinamarca|Danemark|Danimarca|Dania|Denemarken|Danimarka"},
    {"DM", "DMA", "Dominica|Dominique|Dominika"},
    {"DO", "DOM",
     "Dominican Republic|Dominikanische Republik|República Dominicana|"
     "République dominicaine|Repubblica Dominicana|Dominikana|Dominicaanse Republiek|"
     "Dominik Cumhuriyeti"},
    {"DZ", "DZA", "Algeria|Algerien|Argelia|Algérie|Algieria|Argélia|Algerije|Cezayir"},
    {"EC", "ECU", "Ecuador|Équateur|Ekwador|Equador|Ekvador"},
    {"EE", "EST", "Estonia|Estland|Estonie|Estônia|Estonya"},
    {"EG", "EGY", "Egypt|Ägypten|Egipto|Égypte|Egitto|Egipt|Egito|Egypte|Mısır|مصر"},
    {"EH", "ESH",
     "Western Sahara|Westsahara|Sáhara Occidental|Sahara occidental|Sahara Occidentale|"
     "Sahara Zachodnia|Saara Ocidental|Westelijke Sahara|Batı Sahra"},
    {"ER", "ERI", "Eritrea|Érythrée|Erytrea|Eritreia|Eritre"},
    {"ES", "ESP", "Spain|Spanien|España|Espagne|Spagna|Hiszpania|Espanha|Spanje|İspanya"},
    {"ET", "ETH", "Ethiopia|Äthiopien|Etiopía|Éthiopie|Etiopia|Etiópia|Ethiopië|Etiyopya"},
    {"FI", "FIN", "Finland|Finnland|Finlandia|Finlande|Finlândia|Finlandiya"},
    {"FJ", "FJI", "Fiji|Fidschi|Fiyi|Fidji|Figi|Fidżi"},
    {"FK", "FLK",
     "Falkland Islands|Falklandinseln|Islas Malvinas|Îles Malouines|Isole Falkland|"
     "Falklandy|Ilhas Malvinas|Falklandeilanden|Falkland Adaları"},
    {"FM", "FSM", "Micronesia|Mikronesien|Micronésie|Mikronezja|Micronésia|Mikronezya"},
    {"FO", "FRO",
     "Faroe Islands|Färöer|Islas Feroe|Îles Féroé|Isole Fær Øer|Wyspy Owcze|Ilhas Faroé|"
     "Faeröer|Faroe Adaları"},
    {"FR", "FRA", "France|Frankreich|Francia|Francja|França|Frankrijk|Fransa"},
    {"GA", "GAB", "Gabon|Gabun|Gabón|Gabão"},
    {"GB", "GBR",
     "United Kingdom|Vereinigtes Königreich|Reino Unido|Royaume-Uni|Regno Unito|"
     "Wielka Brytania|Verenigd Koninkrijk|Birleşik Krallık|UK|U.K.|Great Britain|"
     "Britain|England|Scotland|Wales|Northern Ireland|Großbritannien|Gran Bretaña|"
     "Grande-Bretagne|Gran Bretagna|Inglaterra|Angleterre|Schottland"},
    {"GD", "GRD", "Grenada|Granada|Grenade"},
    {"GE", "GEO", "Georgia|Georgien|Géorgie|Gruzja|Geórgia|Georgië|Gürcistan"},
    {"GF", "GUF",
     "French Guiana|Französisch-Guayana|Guayana Francesa|Guyane française|"
     "Guyana Francese|Gujana Francuska|Guiana Francesa|Frans-Guyana|Fransız Guyanası"},
    {"GG", "GGY", "Guernsey|Guernesey"},
    {"GH", "GHA", "Ghana|Gana"},
    {"GI", "GIB", "Gibraltar|Gibilterra|Cebelitarık"},
    {"GL", "GRL", "Greenland|Grönland|Groenlandia|Groenland|Grenlandia|Groenlândia"},
    {"GM", "GMB", "Gambia|Gambie|Gâmbia|Gambiya"},
    {"GN", "GIN", "Guinea|Guinée|Gwinea|Guiné|Guinee|Gine"},
    {"GP", "GLP", "Guadeloupe|Guadalupe|Guadalupa|Gwadelupa"},
    {"GQ", "GNQ",
     "Equatorial Guinea|Äquatorialguinea|Guinea Ecuatorial|Guinée équatoriale|"
     "Guinea Equatoriale|Gwinea Równikowa|Guiné Equatorial|Equatoriaal-Guinea|"
     "Ekvator Ginesi"},
    {"GR", "GRC", "Greece|Griechenland|Grecia|Grèce|Grecja|Grécia|Griekenland|Yunanistan"},
    {"GS", "SGS",
     "South Georgia & South Sandwich Islands|"
     "Südgeorgien und die Südlichen Sandwichinseln|"
     "Islas Georgia del Sur y Sandwich del Sur|"
     "Géorgie du Sud-et-les Îles Sandwich du Sud|Georgia del Sud e Sandwich Australi|"
     "Georgia Południowa i Sandwich Południowy|Ilhas Geórgia do Sul e Sandwich do Sul|"
     "Zuid-Georgia en Zuidelijke Sandwicheilanden|"
     "Güney Georgia ve Güney Sandwich Adaları"},
    {"GT", "GTM", "Guatemala|Gwatemala"},
    {"GU", "GUM", "Guam"},
    {"GW", "GNB",
     "Guinea-Bissau|Guinea-Bisáu|Guinée-Bissau|Gwinea Bissau|Guiné-Bissau|Guinee-Bissau|"
     "Gine-Bissau"},
    {"GY", "GUY", "Guyana|Gujana|Guiana"},
    {"HK", "HKG",
     "Hong Kong SAR China|Sonderverwaltungsregion Hongkong|RAE de Hong Kong (China)|"
     "R.A.S. chinoise de Hong Kong|RAS di Hong Kong|SRA Hongkong (Chiny)|"
     "Hong Kong, RAE da China|Hongkong SAR van China|Çin Hong Kong ÖİB|Hong Kong|"
     "Hongkong"},
    {"HM", "HMD",
     "Heard & McDonald Islands|Heard und McDonaldinseln|Islas Heard y McDonald|"
     "Îles Heard-et-MacDonald|Isole Heard e McDonald|Wyspy Heard i McDonalda|"
     "Ilhas Heard e McDonald|Heard en McDonaldeilanden|Heard Adası ve McDonald Adaları"},
    {"HN", "HND", "Honduras"},
    {"HR", "HRV", "Croatia|Kroatien|Croacia|Croatie|Croazia|Chorwacja|Croácia|Kroatië|Hırvatistan"},
    {"HT", "HTI", "Haiti|Haití|Haïti"},
    {"HU", "HUN", "Hungary|Ungarn|Hungría|Hongrie|Ungheria|Węgry|Hungria|Hongarije|Macaristan"},
    {"ID", "IDN", "Indonesia|Indonesien|Indonésie|Indonezja|Indonésia|Indonesië|Endonezya"},
    {"IE", "IRL",
     "Ireland|Irland|Irlanda|Irlande|Irlandia|Ierland|İrlanda|Eire|Republic of Ireland"},
    {"IL", "ISR", "Israel|Israël|Israele|Izrael|İsrail"},
    {"IM", "IMN",
     "Isle of Man|Isla de Man|Île de Man|Isola di Man|Wyspa Man|Ilha de Man|Man Adası"},
    {"IN", "IND", "India|Indien|Inde|Indie|Índia|Hindistan|भारत|Bharat"},
    {"IO", "IOT",
     "British Indian Ocean Territory|Britisches Territorium im Indischen Ozean|"
     "Territorio Británico del Océano Índico|Territoire britannique de l’océan Indien|"
     "Territorio Britannico dell’Oceano Indiano|"
     "Brytyjskie Terytorium Oceanu Indyjskiego|Território Britânico do Oceano Índico|"
     "Brits Indische Oceaanterritorium|Britanya Hint Okyanusu Toprakları"},
    {"IQ", "IRQ", "Iraq|Irak|Iraque"},
    {"IR", "IRN", "Iran|Irán|Irã|İran|Islamic Republic of Iran"},
    {"IS", "ISL", "Iceland|Island|Islandia|Islande|Islanda|Islândia|IJsland|İzlanda"},
    {"IT", "ITA", "Italy|Italien|Italia|Italie|Włochy|Itália|Italië|İtalya"},
    {"JE", "JEY", "Jersey"},
    {"JM", "JAM", "Jamaica|Jamaika|Jamaïque|Giamaica|Jamajka"},
    {"JO", "JOR", "Jordan|Jordanien|Jordania|Jordanie|Giordania|Jordânia|Jordanië|Ürdün|الأردن"},
    {"JP", "JPN", "Japan|Japón|Japon|Giappone|Japonia|Japão|Japonya"},
    {"KE", "KEN", "Kenya|Kenia|Quênia"},
    {"KG", "KGZ",
     "Kyrgyzstan|Kirgisistan|Kirguistán|Kirghizstan|Kirghizistan|Kirgistan|Quirguistão|"
     "Kirgizië|Kırgızistan"},
    {"KH", "KHM",
     "Cambodia|Kambodscha|Camboya|Cambodge|Cambogia|Kambodża|Camboja|Cambodja|Kamboçya"},
    {"KI", "KIR", "Kiribati|Quiribati"},
    {"KM", "COM", "Comoros|Komoren|Comoras|Comores|Comore|Komory|Comoren|Komorlar"},
    {"KN", "KNA",
     "St. Kitts & Nevis|St. Kitts und Nevis|San Cristóbal y Nieves|"
     "Saint-Christophe-et-Niévès|Saint Kitts e Nevis|Saint Kitts i Nevis|"
     "São Cristóvão e Névis|Saint Kitts en Nevis|Saint Kitts ve Nevis"},
    {"KP", "PRK",
     "North Korea|Nordkorea|Corea del Norte|Corée du Nord|Corea del Nord|Korea Północna|"
     "Coreia do Norte|Noord-Korea|Kuzey Kore|Korea (North)"},
    {"KR", "KOR",
     "South Korea|Südkorea|Corea del Sur|Corée du Sud|Corea del Sud|Korea Południowa|"
     "Coreia do Sul|Zuid-Korea|Güney Kore|Korea|Republic of Korea|Korea (South)"},
    {"KW", "KWT", "Kuwait|Koweït|Kuwejt|Koeweit|Kuveyt"},
    {"KY", "CYM",
     "Cayman Islands|Kaimaninseln|Islas Caimán|Îles Caïmans|Isole Cayman|Kajmany|"
     "Ilhas Cayman|Kaaimaneilanden|Cayman Adaları"},
    {"KZ", "KAZ", "Kazakhstan|Kasachstan|Kazajistán|Kazakistan|Kazachstan|Cazaquistão"},
    {"LA", "LAO", "Laos|Lao"},
    {"LB", "LBN", "Lebanon|Libanon|Líbano|Liban|Libano|Lübnan"},
    {"LC", "LCA", "St. Lucia|Santa Lucía|Sainte-Lucie|Saint Lucia|Santa Lúcia"},
    {"LI", "LIE", "Liechtenstein"},
    {"LK", "LKA", "Sri Lanka"},
    {"LR", "LBR", "Liberia|Libéria|Liberya"},
    {"LS", "LSO", "Lesotho|Lesoto"},
    {"LT", "LTU", "Lithuania|Litauen|Lituania|Lituanie|Litwa|Lituânia|Litouwen|Litvanya"},
    {"LU", "LUX", "Luxembourg|Luxemburg|Luxemburgo|Lussemburgo|Luksemburg|Lüksemburg"},
    {"LV", "LVA", "Latvia|Lettland|Letonia|Lettonie|Lettonia|Łotwa|Letônia|Letland|Letonya"},
    {"LY", "LBY", "Libya|Libyen|Libia|Libye|Líbia|Libië"},
    {"MA", "MAR", "Morocco|Marokko|Marruecos|Maroc|Marocco|Maroko|Marrocos|Fas"},
    {"MC", "MCO", "Monaco|Mónaco|Monako|Mônaco"},
    {"MD", "MDA",
     "Moldova|Republik Moldau|Moldavia|Moldavie|Mołdawia|Moldávia|Moldavië|"
     "Republic of Moldova"},
    {"ME", "MNE", "Montenegro|Monténégro|Czarnogóra|Karadağ"},
    {"MF", "MAF", "St. Martin|San Martín|Saint-Martin|Saint Martin|São Martinho"},
    {"MG", "MDG", "Madagascar|Madagaskar"},
    {"MH", "MHL",
     "Marshall Islands|Marshallinseln|Islas Marshall|Îles Marshall|Isole Marshall|"
     "Wyspy Marshalla|Ilhas Marshall|Marshalleilanden|Marshall Adaları"},
    {"MK", "MKD",
     "North Macedonia|Nordmazedonien|Macedonia del Norte|Macédoine du Nord|"
     "Macedonia del Nord|Macedonia Północna|Macedônia do Norte|Noord-Macedonië|"
     "Kuzey Makedonya|Macedonia|FYROM"},
    {"ML", "MLI", "Mali"},
    {"MM", "MMR",
     "Myanmar (Burma)|Myanmar|Myanmar (Birmania)|Myanmar (Birmanie)|Mjanma (Birma)|"
     "Mianmar (Birmânia)|Myanmar (Birma)|Burma"},
    {"MN", "MNG", "Mongolia|Mongolei|Mongolie|Mongólia|Mongolië|Moğolistan"},
    {"MO", "MAC",
     "Macao SAR China|Sonderverwaltungsregion Macau|RAE de Macao (China)|"
     "R.A.S. chinoise de Macao|RAS di Macao|SRA Makau (Chiny)|Macau, RAE da China|"
     "Macau SAR van China|Çin Makao ÖİB|Macau|Macao"},
    {"MP", "MNP",
     "Northern Mariana Islands|Nördliche Marianen|Islas Marianas del Norte|"
     "Îles Mariannes du Nord|Isole Marianne Settentrionali|Mariany Północne|"
     "Ilhas Marianas do Norte|Noordelijke Marianen|Kuzey Mariana Adaları"},
    {"MQ", "MTQ", "Martinique|Martinica|Martynika|Martinik"},
    {"MR", "MRT", "Mauritania|Mauretanien|Mauritanie|Mauretania|Mauritânia|Mauritanië|Moritanya"},
    {"MS", "MSR", "Montserrat"},
    {"MT", "MLT", "Malta|Malte"},
    {"MU", "MUS", "Mauritius|Mauricio|Maurice|Maurício"},
    {"MV", "MDV", "Maldives|Malediven|Maldivas|Maldive|Malediwy|Maldiven|Maldivler"},
    {"MW", "MWI", "Malawi|Malaui|Malavi"},
    {"MX", "MEX", "Mexico|Mexiko|México|Mexique|Messico|Meksyk|Meksika"},
    {"MY", "MYS", "Malaysia|Malasia|Malaisie|Malezja|Malásia|Maleisië|Malezya"},
    {"MZ", "MOZ", "Mozambique|Mosambik|Mozambico|Mozambik|Moçambique"},
    {"NA", "NAM", "Namibia|Namibie|Namíbia|Namibië|Namibya"},
    {"NC", "NCL",
     "New Caledonia|Neukaledonien|Nueva Caledonia|Nouvelle-Calédonie|Nuova Caledonia|"
     "Nowa Kaledonia|Nova Caledônia|Nieuw-Caledonië|Yeni Kaledonya"},
    {"NE", "NER", "Niger|Níger|Nijer"},
    {"NF", "NFK",
     "Norfolk Island|Norfolkinsel|Isla Norfolk|Île Norfolk|Isola Norfolk|Norfolk|"
     "Ilha Norfolk|Norfolk Adası"},
    {"NG", "NGA", "Nigeria|Nigéria|Nijerya"},
    {"NI", "NIC", "Nicaragua|Nikaragua|Nicarágua"},
    {"NL", "NLD",
     "Netherlands|Niederlande|Países Bajos|Pays-Bas|Paesi Bassi|Holandia|Países Baixos|"
     "Nederland|Hollanda|Holland|The Netherlands|Holanda|Pays Bas"},
    {"NO", "NOR", "Norway|Norwegen|Noruega|Norvège|Norvegia|Norwegia|Noorwegen|Norveç"},
    {"NP", "NPL", "Nepal|Népal"},
    {"NR", "NRU", "Nauru"},
    {"NU", "NIU", "Niue"},
    {"NZ", "NZL",
     "New Zealand|Neuseeland|Nueva Zelanda|Nouvelle-Zélande|Nuova Zelanda|Nowa Zelandia|"
     "Nova Zelândia|Nieuw-Zeeland|Yeni Zelanda"},
    {"OM", "OMN", "Oman|Omán|Omã|Umman"},
    {"PA", "PAN", "Panama|Panamá"},
    {"PE", "PER", "Peru|Perú|Pérou|Perù"},
    {"PF", "PYF",
     "French Polynesia|Französisch-Polynesien|Polinesia Francesa|Polynésie française|"
     "Polinesia Francese|Polinezja Francuska|Polinésia Francesa|Frans-Polynesië|"
     "Fransız Polinezyası"},
    {"PG", "PNG",
     "Papua New Guinea|Papua-Neuguinea|Papúa Nueva Guinea|Papouasie-Nouvelle-Guinée|"
     "Papua Nuova Guinea|Papua-Nowa Gwinea|Papua-Nova Guiné|Papoea-Nieuw-Guinea|"
     "Papua Yeni Gine"},
    {"PH", "PHL", "Philippines|Philippinen|Filipinas|Filippine|Filipiny|Filipijnen|Filipinler"},
    {"PK", "PAK", "Pakistan|Pakistán|Paquistão"},
    {"PL", "POL", "Poland|Polen|Polonia|Pologne|Polska|Polônia|Polonya"},
    {"PM", "SPM",
     "St. Pierre & Miquelon|St. Pierre und Miquelon|San Pedro y Miquelón|"
     "Saint-Pierre-et-Miquelon|Saint-Pierre e Miquelon|Saint-Pierre i Miquelon|"
     "São Pedro e Miquelão|Saint-Pierre en Miquelon|Saint Pierre ve Miquelon"},
    {"PN", "PCN",
     "Pitcairn Islands|Pitcairninseln|Islas Pitcairn|Îles Pitcairn|Isole Pitcairn|"
     "Pitcairn|Ilhas Pitcairn|Pitcairneilanden|Pitcairn Adaları"},
    {"PR", "PRI", "Puerto Rico|Porto Rico|Portorico|Portoryko|Porto Riko"},
    {"PS", "PSE",
     "Palestinian Territories|Palästinensische Autonomiegebiete|Territorios Palestinos|"
     "Territoires palestiniens|Territori Palestinesi|Terytoria Palestyńskie|"
     "Territórios palestinos|Palestijnse gebieden|Filistin Bölgeleri|Palestine"},
    {"PT", "PRT", "Portugal|Portogallo|Portugalia|Portekiz"},
    {"PW", "PLW", "Palau|Palaos"},
    {"PY", "PRY", "Paraguay|Paragwaj|Paraguai"},
    {"QA", "QAT", "Qatar|Katar|Catar"},
    {"RE", "REU", "Réunion|Reunión|La Réunion|Riunione|Reunion|Reunião"},
    {"RO", "ROU", "Romania|Rumänien|Rumanía|Roumanie|Rumunia|Romênia|Roemenië|Romanya"},
    {"RS", "SRB", "Serbia|Serbien|Serbie|Sérvia|Servië|Sırbistan"},
    {"RU", "RUS",
     "Russia|Russland|Rusia|Russie|Rosja|Rússia|Rusland|Rusya|Russian Federation|"
     "Russische Föderation"},
    {"RW", "RWA", "Rwanda|Ruanda"},
    {"SA", "SAU",
     "Saudi Arabia|Saudi-Arabien|Arabia Saudí|Arabie saoudite|Arabia Saudita|"
     "Arabia Saudyjska|Arábia Saudita|Saoedi-Arabië|Suudi Arabistan|KSA|"
     "المملكة العربية السعودية|السعودية"},
    {"SB", "SLB",
     "Solomon Islands|Salomonen|Islas Salomón|Îles Salomon|Isole Salomone|"
     "Wyspy Salomona|Ilhas Salomão|Salomonseilanden|Solomon Adaları"},
    {"SC", "SYC", "Seychelles|Seychellen|Seszele|Seicheles|Seyşeller"},
    {"SD", "SDN", "Sudan|Sudán|Soudan|Sudão|Soedan"},
    {"SE", "SWE", "Sweden|Schweden|Suecia|Suède|Svezia|Szwecja|Suécia|Zweden|İsveç"},
    {"SG", "SGP", "Singapore|Singapur|Singapour|Singapura"},
    {"SH", "SHN",
     "St. Helena|Santa Elena|Sainte-Hélène|Sant’Elena|Wyspa Świętej Heleny|Santa Helena|"
     "Sint-Helena|Saint Helena"},
    {"SI", "SVN", "Slovenia|Slowenien|Eslovenia|Slovénie|Słowenia|Eslovênia|Slovenië|Slovenya"},
    {"SJ", "SJM",
     "Svalbard & Jan Mayen|Spitzbergen und Jan Mayen|Svalbard y Jan Mayen|"
     "Svalbard et Jan Mayen|Svalbard e Jan Mayen|Svalbard i Jan Mayen|"
     "Spitsbergen en Jan Mayen|Svalbard ve Jan Mayen"},
    {"SK", "SVK",
     "Slovakia|Slowakei|Eslovaquia|Slovaquie|Slovacchia|Słowacja|Eslováquia|Slowakije|"
     "Slovakya|Slovak Republic"},
    {"SL", "SLE", "Sierra Leone|Sierra Leona|Serra Leoa"},
    {"SM", "SMR", "San Marino|Saint-Marin"},
    {"SN", "SEN", "Senegal|Sénégal"},
    {"SO", "SOM", "Somalia|Somalie|Somália|Somalië|Somali"},
    {"SR", "SUR", "Suriname|Surinam"},
    {"SS", "SSD",
     "South Sudan|Südsudan|Sudán del Sur|Soudan du Sud|Sud Sudan|Sudan Południowy|"
     "Sudão do Sul|Zuid-Soedan|Güney Sudan"},
    {"ST", "STP",
     "São Tomé & Príncipe|São Tomé und Príncipe|Santo Tomé y Príncipe|"
     "Sao Tomé-et-Principe|São Tomé e Príncipe|Wyspy Świętego Tomasza i Książęca|"
     "Sao Tomé en Principe|Sao Tome ve Principe"},
    {"SV", "SLV", "El Salvador|Salvador|Salwador"},
    {"SX", "SXM", "Sint Maarten|Saint-Martin (partie néerlandaise)|Sint-Maarten"},
    {"SY", "SYR", "Syria|Syrien|Siria|Syrie|Síria|Syrië|Suriye|Syrian Arab Republic"},
    {"SZ", "SWZ", "Eswatini|Esuatini|Essuatíni|Esvatini|Swaziland"},
    {"TC", "TCA",
     "Turks & Caicos Islands|Turks- und Caicosinseln|Islas Turcas y Caicos|"
     "Îles Turques-et-Caïques|Isole Turks e Caicos|Turks i Caicos|Ilhas Turcas e Caicos|"
     "Turks- en Caicoseilanden|Turks ve Caicos Adaları"},
    {"TD", "TCD", "Chad|Tschad|Tchad|Ciad|Czad|Chade|Tsjaad|Çad"},
    {"TF", "ATF",
     "French Southern Territories|Französische Süd- und Antarktisgebiete|"
     "Territorios Australes Franceses|Terres australes françaises|"
     "Terre Australi Francesi|Francuskie Terytoria Południowe i Antarktyczne|"
     "Territórios Franceses do Sul|Franse Gebieden in de zuidelijke Indische Oceaan|"
     "Fransız Güney Toprakları"},
    {"TG", "TGO", "Togo"},
    {"TH", "THA", "Thailand|Tailandia|Thaïlande|Thailandia|Tajlandia|Tailândia|Tayland"},
    {"TJ", "TJK",
     "Tajikistan|Tadschikistan|Tayikistán|Tadjikistan|Tagikistan|Tadżykistan|"
     "Tadjiquistão|Tadzjikistan|Tacikistan"},
    {"TK", "TKL", "Tokelau"},
    {"TL", "TLS", "Timor-Leste|Timor oriental|Timor Est|Timor Wschodni|Oost-Timor|East Timor"},
    {"TM", "TKM", "Turkmenistan|Turkmenistán|Turkménistan|Turcomenistão|Türkmenistan"},
    {"TN", "TUN", "Tunisia|Tunesien|Túnez|Tunisie|Tunezja|Tunísia|Tunesië|Tunus"},
    {"TO", "TON", "Tonga"},
    {"TR", "TUR", "Türkiye|Türkei|Turquía|Turquie|Turchia|Turcja|Turquia|Turkije|Turkey"},
    {"TT", "TTO",
     "Trinidad & Tobago|Trinidad und Tobago|Trinidad y Tobago|Trinité-et-Tobago|"
     "Trinidad e Tobago|Trynidad i Tobago|Trinidad en Tobago|Trinidad ve Tobago"},
    {"TV", "TUV", "Tuvalu"},
    {"TW", "TWN", "Taiwan|Taiwán|Taïwan|Tajwan|Tayvan"},
    {"TZ", "TZA", "Tanzania|Tansania|Tanzanie|Tanzânia|Tanzanya|United Republic of Tanzania"},
    {"UA", "UKR", "Ukraine|Ucrania|Ucraina|Ukraina|Ucrânia|Oekraïne|Ukrayna"},
    {"UG", "UGA", "Uganda|Ouganda|Oeganda"},
    {"UM", "UMI",
     "U.S. Outlying Islands|Amerikanische Überseeinseln|"
     "Islas menores alejadas de EE. UU.|Îles mineures éloignées des États-Unis|"
     "Isole Minori Esterne degli Stati Uniti|"
     "Dalekie Wyspy Mniejsze Stanów Zjednoczonych|Ilhas Menores Distantes dos EUA|"
     "Kleine afgelegen eilanden van de Verenigde Staten|ABD Küçük Harici Adaları"},
    {"US", "USA",
     "United States|Vereinigte Staaten|Estados Unidos|États-Unis|Stati Uniti|"
     "Stany Zjednoczone|Verenigde Staten|Amerika Birleşik Devletleri|USA|U.S.A.|America|"
     "United States of America|Vereinigte Staaten von Amerika|Amerika|EEUU|EE.UU.|"
     "États-Unis d’Amérique|VS"},
    {"UY", "URY", "Uruguay|Urugwaj|Uruguai"},
    {"UZ", "UZB",
     "Uzbekistan|Usbekistan|Uzbekistán|Ouzbékistan|Uzbequistão|Oezbekistan|Özbekistan"},
    {"VA", "VAT",
     "Vatican City|Vatikanstadt|Ciudad del Vaticano|État de la Cité du Vatican|"
     "Città del Vaticano|Watykan|Cidade do Vaticano|Vaticaanstad|Vatikan|Vatican|"
     "Holy See"},
    {"VC", "VCT",
     "St. Vincent & Grenadines|St. Vincent und die Grenadinen|"
     "San Vicente y las Granadinas|Saint-Vincent-et-les Grenadines|"
     "Saint Vincent e Grenadine|Saint Vincent i Grenadyny|São Vicente e Granadinas|"
     "Saint Vincent en de Grenadines|Saint Vincent ve Grenadinler"},
    {"VE", "VEN", "Venezuela|Wenezuela"},
    {"VG", "VGB",
     "British Virgin Islands|Britische Jungferninseln|Islas Vírgenes Británicas|"
     "Îles Vierges britanniques|Isole Vergini Britanniche|Brytyjskie Wyspy Dziewicze|"
     "Ilhas Virgens Britânicas|Britse Maagdeneilanden|Britanya Virjin Adaları"},
    {"VI", "VIR",
     "U.S. Virgin Islands|Amerikanische Jungferninseln|Islas Vírgenes de EE. UU.|"
     "Îles Vierges des États-Unis|Isole Vergini Americane|"
     "Wyspy Dziewicze Stanów Zjednoczonych|Ilhas Virgens Americanas|"
     "Amerikaanse Maagdeneilanden|ABD Virjin Adaları"},
    {"VN", "VNM", "Vietnam|Viêt Nam|Wietnam|Vietnã|Viet Nam"},
    {"VU", "VUT", "Vanuatu"},
    {"WF", "WLF",
     "Wallis & Futuna|Wallis und Futuna|Wallis y Futuna|Wallis-et-Futuna|"
     "Wallis e Futuna|Wallis i Futuna|Wallis en Futuna|Wallis ve Futuna"},
    {"WS", "WSM", "Samoa"},
    {"YE", "YEM", "Yemen|Jemen|Yémen|Iêmen"},
    {"YT", "MYT", "Mayotte|Majotta"},
    {"ZA", "ZAF",
     "South Africa|Südafrika|Sudáfrica|Afrique du Sud|Sudafrica|"
     "Republika Południowej Afryki|África do Sul|Zuid-Afrika|Güney Afrika"},
    {"ZM", "ZMB", "Zambia|Sambia|Zambie|Zâmbia|Zambiya"},
    {"ZW", "ZWE", "Zimbabwe|Simbabwe|Zimbabue|Zimbábue|Zimbabve"},
};
// clang-format on
const size_t kj_country_table_count = sizeof kj_country_table / sizeof *kj_country_table;
