// The column headers of real lists, in nine languages, to the fields of a lead.
#include "model/lead.h"

#include "base/alloc.h"
#include "model/fold.h"

// clang-format off
static const struct {
    const char *field, *headers; // folded
} k_headers[] = {
    {"phone_number",
     "phone|phone number|phone no|phonenumber|telephone|telephone number|tel|tel no|tel number|mobile|"
     "mobile number|mobile phone|cell|cell phone|cellphone|cell number|number|contact number|msisdn|"
     "primary phone|phone 1|phone1|work phone|home phone|business phone|direct dial|lead phone|to|to number|"
     "telefon|telefonnummer|telefonnr|telefon nr|tel nr|rufnummer|handy|handynummer|handynr|mobil|"
     "mobilnummer|mobiltelefon|mobilfunknummer|festnetz|festnetznummer|telefon mobil|telefon privat|"
     "telefon geschaftlich|telefono|numero de telefono|telefono movil|movil|numero movil|celular|"
     "numero de celular|numero|telefone|numero de telefone|telemovel|fone|telephone portable|"
     "numero de telephone|portable|mobile 1|cellulare|numero di telefono|numero di cellulare|numer telefonu|"
     "nr telefonu|komorka|telefon komorkowy|nr tel|telefoonnummer|telefoon|mobiel|mobiele nummer|gsm|"
     "mobiel nummer|telefon numarasi|telefon no|cep telefonu|cep|gsm no|cep no|numara|e164|tlf|tfno|"
     "الهاتف|رقم الهاتف|الجوال|رقم الجوال|موبايل|फोन|फोन नंबर|मोबाइल|मोबाइल नंबर"},
    {"whatsapp_number",
     "whatsapp|whatsapp number|whatsapp nummer|whatsappnummer|whatsapp no|numero de whatsapp|"
     "numero whatsapp|whatsapp numero|wa|wa number|nr whatsapp|numer whatsapp|whatsapp numarasi"},
    {"first_name",
     "first name|firstname|first|given name|givenname|forename|fname|vorname|rufname|nombre|primer nombre|"
     "nombre de pila|prenom|nome proprio|primeiro nome|imie|voornaam|roepnaam|ad|adi|isim|الاسم الاول"},
    {"last_name",
     "last name|lastname|last|surname|family name|familyname|lname|nachname|familienname|zuname|apellido|"
     "apellidos|primer apellido|nom de famille|nom|cognome|sobrenome|apelido|ultimo nome|nazwisko|achternaam|"
     "familienaam|soyad|soyadi|soyisim|اسم العائله"},
    {"full_name",
     "name|full name|fullname|contact name|contact|customer name|client name|lead name|customer|ansprechpartner|"
     "kontakt|kontaktname|kunde|kundenname|vollstandiger name|vor und nachname|name vorname|nombre completo|"
     "nombre y apellidos|contacto|cliente|nom complet|nom et prenom|nome e cognome|nome completo|nome cognome|"
     "nome|imie i nazwisko|volledige naam|naam|contactpersoon|ad soyad|adi soyadi|isim soyisim|الاسم|नाम"},
    {"email",
     "email|e mail|email address|e mail address|mail|mail address|emailadresse|e mail adresse|mailadresse|"
     "correo|correo electronico|direccion de correo|courriel|adresse email|adresse e mail|adresse mail|"
     "indirizzo email|posta elettronica|adres email|adres e mail|poczta|e mailadres|emailadres|eposta|e posta|"
     "e posta adresi|البريد الالكتروني|ईमेल"},
    {"company",
     "company|company name|organisation|organization|organisation name|organization name|business|"
     "business name|account|account name|employer|firma|firmenname|unternehmen|organisations name|betrieb|"
     "empresa|nombre de la empresa|compania|razon social|societe|entreprise|raison sociale|nom de l entreprise|"
     "azienda|societa|ragione sociale|nome da empresa|nazwa firmy|bedrijf|bedrijfsnaam|sirket|sirket adi|الشركه"},
    {"job_title",
     "job title|jobtitle|job|title|position|role|occupation|job role|stelle|berufsbezeichnung|beruf|funktion|"
     "jobbezeichnung|cargo|puesto|puesto de trabajo|poste|fonction|intitule du poste|posizione|ruolo|mansione|"
     "funcao|stanowisko|functie|functietitel|unvan|pozisyon|gorev"},
    {"country",
     "country|country code|country name|nation|country iso|land|landercode|landeskurzel|staat|landerkurzel|pais|"
     "codigo de pais|pays|code pays|paese|nazione|stato|kraj|ulke|البلد|الدوله|देश"},
    {"language",
     "language|lang|locale|preferred language|language code|sprache|bevorzugte sprache|korrespondenzsprache|"
     "idioma|lengua|langue|lingua|jezyk|taal|dil|اللغه|भाषा"},
    {"timezone",
     "timezone|time zone|tz|zeitzone|zona horaria|huso horario|fuseau horaire|fuso orario|fuso horario|"
     "strefa czasowa|tijdzone|saat dilimi"},
    {"priority",
     "priority|prio|importance|prioritat|dringlichkeit|prioridad|priorite|priorita|prioridade|priorytet|"
     "prioriteit|oncelik"},
    {"notes",
     "notes|note|comment|comments|remarks|remark|description|memo|notiz|notizen|bemerkung|bemerkungen|"
     "anmerkung|anmerkungen|kommentar|notas|nota|comentarios|comentario|observaciones|commentaire|"
     "commentaires|remarques|commenti|osservazioni|observacoes|uwagi|notatki|komentarz|opmerking|"
     "opmerkingen|notities|notlar|aciklama"},
    {"tags",
     "tags|tag|label|labels|segment|segments|schlagworte|schlagwort|schlagworter|kategorie|kategorien|etiquetas|"
     "etiqueta|etiquettes|etichette|etykiety|tagi|marcadores|etiketler"},
    {"external_reference",
     "external reference|external id|externalid|external ref|crm id|crm_id|reference|customer id|customer number|"
     "customer no|lead id|contact id|record id|kundennummer|kunden nr|kundennr|referenz|externe id|id cliente|"
     "numero de cliente|numero client|reference client|codice cliente|numer klienta|klantnummer|musteri no"},
    {"consent_at", "consent at|consent date|consent given at|opt in date|optin date|opt in at|einwilligung am|"
     "einwilligungsdatum|datum der einwilligung|fecha de consentimiento|date de consentement"},
    {"consent_text", "consent text|consent wording|einwilligungstext|text der einwilligung"},
    {"consent_channel", "consent channel|consent source|opt in source|einwilligungskanal|quelle der einwilligung"},
    {"consent_scope", "consent scope|einwilligungsumfang"},
    {"consent_expires_at", "consent expires at|consent expires|consent expiry|consent valid until|"
     "einwilligung bis|einwilligung gultig bis"},
};
// clang-format on

const char *kj_lead_field(const char *header)
{
    const char *found = NULL;
    struct kj_buf folded;
    kj_buf_init(&folded, 1024);
    kj_fold(header, 0, &folded);
    for (size_t i = 0; i < KJ_COUNT(k_headers) && found == NULL && folded.length; i++)
        if (kj_fold_lists(k_headers[i].headers, folded.data, folded.length))
            found = k_headers[i].field;
    kj_buf_fini(&folded);
    return found;
}
