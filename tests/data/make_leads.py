#!/usr/bin/env python3
"""Writes the test data of this folder: leads, what must become of them, a do-not-call list, old calls.

Deterministic: the same script gives the same bytes. Numbers come from ranges that the regulators keep
for fiction where we know of such (North America 555-01xx, Ofcom, BNetzA, ARCEP, ACMA, PTS, ComReg);
elsewhere from a pattern with 555 that is plainly made up. Run: python3 tests/data/make_leads.py
"""
import csv
import io
import json
import os
import random

HERE = os.path.dirname(os.path.abspath(__file__))
R = random.Random(20261120)

# --- countries: calling code, trunk prefix, how people group a national number ------------------
# ranges: (area, pattern of the subscriber with n for a free digit). Area without trunk prefix.
US_AREAS = "212 646 213 310 415 503 206 303 312 214 512 713 305 404 617 702 602 801 612 615".split()
CA_AREAS = "416 604 514 403 613 902 204 306".split()
COUNTRIES = {
    "DE": ("49", "0", [("30", "23125nnn"), ("69", "90009nnn"), ("40", "66969nnn"), ("221", "4710nnn"),
                       ("89", "99998nnn"), ("171", "39200nn"), ("176", "040690nn")]),
    "AT": ("43", "0", [("1", "5550nnn"), ("316", "5550nn"), ("662", "5550nn")]),
    "CH": ("41", "0", [("44", "5550nnn"), ("31", "5550nnn"), ("61", "5550nnn")]),
    "US": ("1", "", [(a, "55501nn") for a in US_AREAS]),
    "CA": ("1", "", [(a, "55501nn") for a in CA_AREAS]),
    "GB": ("44", "0", [("20", "79460nnn"), ("161", "4960nnn"), ("121", "4960nnn"), ("131", "4960nnn"),
                       ("7700", "900nnn")]),
    "ES": ("34", "", [("91", "5550nnn"), ("93", "5550nnn"), ("95", "5550nnn")]),
    "MX": ("52", "", [("55", "55550nnn"), ("81", "85550nnn"), ("33", "35550nnn")]),
    "FR": ("33", "0", [("1", "9900nnnn"), ("2", "6191nnnn"), ("6", "3998nnnn")]),
    "IT": ("39", "", [("06", "5550nnnn"), ("02", "5550nnnn")]),
    "PL": ("48", "", [("22", "5550nnn"), ("12", "5550nnn")]),
    "NL": ("31", "0", [("20", "5550nnn"), ("10", "5550nnn")]),
    "IN": ("91", "0", [("98", "55550nnn"), ("99", "55550nnn")]),
    "AE": ("971", "0", [("4", "5550nnn"), ("50", "5550nnn")]),
    "BR": ("55", "0", [("11", "955550nnn"), ("21", "955550nnn")]),
    "AU": ("61", "0", [("2", "5550nnnn"), ("3", "7010nnnn"), ("7", "5550nnnn"), ("8", "7010nnnn")]),
    "SE": ("46", "0", [("31", "39006nn"), ("8", "465004nn"), ("70", "17406nn")]),
    "IE": ("353", "0", [("20", "91nnnnn")]),
}
SHARE = {"DE": 420, "US": 380, "GB": 200, "ES": 190, "MX": 130, "AT": 90, "CH": 80, "CA": 80, "FR": 60,
         "IT": 50, "PL": 50, "NL": 50, "IN": 40, "AE": 40, "BR": 40, "AU": 40, "SE": 30, "IE": 30}
NAMES_OF = {"DE": ["DE", "DE", "DE", "DEU", "Germany", "Deutschland"], "AT": ["AT", "Austria", "AT"],
            "US": ["US", "US", "USA", "United States"], "GB": ["GB", "GB", "GBR", "United Kingdom"],
            "ES": ["ES", "ES", "Spain", "ESP"], "CH": ["CH", "CH", "Switzerland"],
            "MX": ["MX", "Mexico"], "FR": ["FR", "France"]}
LANGUAGE = {"DE": "de", "AT": "de", "CH": "de", "ES": "es", "MX": "es"}
FIRST = {"de": "Anna Jürgen Björn Käthe Müller-Luise Sören Heike Günter Zoë Jörg Lena Uwe Änne Max".split(),
         "en": "Mary John Priya O'Neil Grace Liam Chloé Aoife Sean Fatima Wei Omar Ella Noah".split(),
         "es": "José María Íñigo Begoña Ángel Lucía Martín Nuria Jesús Sofía Raúl Inés Óscar Pilar".split()}
LAST = {"de": "Schmidt Müller Weiß Özdemir Groß Jäger König Schäfer Kühn Böhm Vogel Lorenz".split(),
        "en": "Smith O'Connor Brown Patel Nguyen Fitzgerald Jones Kowalski MacLeod Rossi Chen".split(),
        "es": "García Núñez Peña Fernández Ibáñez Muñoz Sánchez Ordóñez López Castaño".split()}
COMPANIES = ["Sonnendach GmbH", "Brightroof Ltd.", 'Casa "El Sol" S.L.', "Müller & Söhne", "Acme, Inc.",
             "Nordlicht AG", "Harbour Homes", "", "", ""]
TITLES = ["CEO", "Head of Sales, EMEA", "Geschäftsführerin", "Owner", "Jefe de obra", "Buyer", "", ""]
NOTES = ["Met at the fair, wants a call back.", 'Said: "call me after 5", then hung up.',
         "Owns the house, flat roof\nasked for a second offer", "Rückruf erbeten, möglichst vormittags",
         "Prefiere por la tarde; habla con su mujer", "line one\r\nline two, with a comma",
         "price too high last time", "Größe: 120 m², Dach nach Süden", "=cmd is only text", "-", "☎ bitte kurz"]
TAGS = ["solar", "solar;newsletter", "newsletter", "vip", "event-2026;vip", "", "", ""]
BUDGETS = ["10-20k", "€ 15.000", "unknown", "< 5000", "25,000 USD", "", "", ""]
PRIORITIES = ["", "", "low", "medium", "high", "10", "50", "90"]
HEADER = ["First Name", "Last Name", "Phone", "Country", "Language", "Email", "Company", "Job Title", "Notes",
          "Priority", "Tags", "Budget hint"]


class Number:
    def __init__(self, country, area, subscriber):
        self.country, self.area, self.subscriber = country, area, subscriber
        self.code, self.trunk, _ = COUNTRIES[country]
        self.e164 = "+" + self.code + area + subscriber


def new_number(country, seen):
    while True:
        area, pattern = R.choice(COUNTRIES[country][2])
        subscriber = "".join(str(R.randrange(10)) if c == "n" else c for c in pattern)
        number = Number(country, area, subscriber)
        if number.e164 not in seen:
            seen.add(number.e164)
            return number


def grouped(digits, separator):
    if len(digits) <= 4:
        return digits
    head = len(digits) % 3 or 3
    parts = [digits[:head]] + [digits[i:i + 3] for i in range(head, len(digits), 3)]
    return separator.join(parts)


def international(n, plus_only=False):
    dialed = n.code == "1" or n.country == "AU" or plus_only  # 00 means nothing there, or to nobody
    return R.choice([
        n.e164,
        "+%s %s %s" % (n.code, n.area, grouped(n.subscriber, " ")),
        "+%s-%s-%s" % (n.code, n.area, n.subscriber),
        n.e164 if dialed else "00%s %s %s" % (n.code, n.area, n.subscriber),
        "+%s (%s) %s" % (n.code, n.area, grouped(n.subscriber, "-")),
        "+%s (0)%s %s" % (n.code, n.area, grouped(n.subscriber, " ")) if n.trunk else n.e164,
        "+%s.%s.%s" % (n.code, n.area, n.subscriber),
    ])


def local(n):
    area = n.trunk + n.area
    if n.code == "1":
        a, b = n.subscriber[:3], n.subscriber[3:]
        return R.choice(["(%s) %s-%s" % (n.area, a, b), "%s-%s-%s" % (n.area, a, b),
                         "%s.%s.%s" % (n.area, a, b), "1 %s %s %s" % (n.area, a, b),
                         "%s%s%s" % (n.area, a, b)])
    return R.choice([
        "%s %s" % (area, grouped(n.subscriber, " ")),
        "(%s) %s" % (area, n.subscriber),
        "%s/%s" % (area, n.subscriber),
        "%s-%s" % (area, n.subscriber),
        "%s%s" % (area, n.subscriber),
        "%s\u00a0%s" % (area, n.subscriber),
    ])


def written(n, with_country):
    text = local(n) if with_country and R.random() < 0.65 else international(n, not with_country)
    roll = R.random()
    if roll < 0.015:
        return text + R.choice([" ext. 12", " x 345", ";ext=7"])
    if roll < 0.03:
        return " " + text + " "
    if roll < 0.04:
        return R.choice(["tel: ", "Tel. "]) + text
    return text


def person(country):
    language = LANGUAGE.get(country, "en")
    first, last = R.choice(FIRST[language]), R.choice(LAST[language])
    roll = R.random()
    if roll < 0.05:
        first = ""
    elif roll < 0.09:
        last = ""
    elif roll < 0.11:
        first = last = ""
    return first, last, language


def row_of(country, phone, shown_country):
    first, last, language = person(country)
    email = ""
    if R.random() < 0.6:
        email = "lead%05d@example.%s" % (R.randrange(100000), R.choice(["com", "org", "net"]))
    return [first, last, phone, shown_country, language if R.random() < 0.9 else "", email,
            R.choice(COMPANIES), R.choice(TITLES), R.choice(NOTES) if R.random() < 0.35 else "",
            R.choice(PRIORITIES), R.choice(TAGS), R.choice(BUDGETS)]


# Cells that are no number, and the reason: "" = any reason will do.
GARBAGE = [("n/a", "not_a_number"), ("", "no_phone"), ("-", "not_a_number"), ("unknown", "not_a_number"),
           ("call my office", "not_a_number"), ("5", ""), ("0", ""), ("+", "not_a_number"), ("+49", ""),
           ("+1 555", ""), ("#REF!", "not_a_number"), ("12345678901234567890123", ""),
           ("+49 30 23125 00123456789012", ""), ("max@example.com", "not_a_number"), ("??", "not_a_number"),
           ("+999 123 456 789", ""), ("none", "not_a_number"), ("+44 20", ""), ("00", ""), ("tbd", "not_a_number")]


def make_leads():
    seen, rows, numbers = set(), [], []  # rows: (cells, outcome, e164 or reason)
    total = sum(SHARE.values())
    plan = [c for c, share in SHARE.items() for _ in range(round(share * 1875 / total))]
    R.shuffle(plan)
    for country in plan:
        number = new_number(country, seen)
        numbers.append(number)
        shown = R.choice(NAMES_OF.get(country, [country]))
        without = R.random() < 0.05
        phone = written(number, not without)
        rows.append((row_of(country, phone, "" if without else shown), "accepted", number.e164))
    while len(rows) < 2000 - 60 - 40 - 25:
        number = new_number("DE", seen)
        numbers.append(number)
        rows.append((row_of("DE", written(number, True), "DE"), "accepted", number.e164))
    rows = rows[:2000 - 60 - 40 - 25]
    numbers = numbers[:len(rows)]
    for number in R.sample(numbers, 60):
        rows.append((row_of(number.country, written(number, True), number.country), "duplicate", number.e164))
    for i in range(40):
        text, reason = GARBAGE[i % len(GARBAGE)]
        rows.append((row_of("DE", text, R.choice(["DE", "US", "GB"])), "refused", reason))
    for _ in range(25):
        country = R.choice(["DE", "ES", "GB", "US"])
        number = new_number(country, seen)
        rows.append((row_of(country, local(number), ""), "refused", "no_country"))
    R.shuffle(rows)
    first = set()
    told = []
    for cells, outcome, what in rows:  # whichever comes first is the one that is accepted
        if outcome != "refused":
            outcome = "duplicate" if what in first else "accepted"
            first.add(what)
        told.append((cells, outcome, what))
    return told, numbers


def cell(text):
    if any(c in text for c in ',"\r\n') or text != text.strip():
        return '"' + text.replace('"', '""') + '"'
    return text


def write_leads(rows):
    line, out, expected = 2, io.StringIO(), []
    out.write(",".join(HEADER) + "\n")
    for cells, outcome, what in rows:
        text = ",".join(cell(c) for c in cells) + "\n"
        out.write(text)
        expected.append((line, outcome, what))
        line += text.count("\n")
    save("leads.csv", out.getvalue())
    save("leads-expected.csv", "line,outcome,number_or_reason\n" +
         "".join("%d,%s,%s\n" % e for e in expected))


def write_do_not_call(numbers):
    listed = R.sample(numbers, 34)
    seen = {n.e164 for n in numbers}
    others = [new_number(c, seen) for c in ["DE", "US", "GB", "ES", "FR", "MX"]]
    rows = [(n, R.random() < 0.7) for n in listed + others]
    R.shuffle(rows)
    text = "Number,Country,Reason,Added\n"
    for number, abroad in rows:
        phone = international(number) if abroad else local(number)
        reason = R.choice(["asked by phone", "written complaint", "Robinsonliste", "lawyer, see file", ""])
        added = "2026-%02d-%02d" % (R.randrange(1, 10), R.randrange(1, 29))
        text += ",".join(cell(c) for c in [phone, number.country, reason, added]) + "\n"
    save("do-not-call.csv", text)


# --- recorded calls -----------------------------------------------------------------------------
# (disposition, [turns: a = assistant, l = lead])
TALKS = {
    "en": [
        ("completed", ["l Hello?", "a Hello {name}, this is the AI assistant of Brightroof. Do you own the house you live in?",
                       "l Yes, I do.", "a How much would you like to spend on a solar roof?", "l About 12000 pounds.",
                       "a Thank you. May I send you the details?", "l That sounds great, please send me the details.",
                       "a I will. Goodbye."]),
        ("completed", ["l Yes, hello?", "a Hello {name}, this is the AI assistant of Brightroof. Do you have a moment?",
                       "l It's a bad time. Could you call me back tomorrow at two?",
                       "a Of course, tomorrow at two. Goodbye.", "l Thanks, bye."]),
        ("completed", ["l Who is this?", "a Hello, this is the AI assistant of Brightroof.",
                       "l Stop calling me and take me off your list!", "a I am sorry. I have removed your number. Goodbye."]),
        ("completed", ["l Hello?", "a Hello {name}, this is the AI assistant of Brightroof. Do you own your house?",
                       "l No, we rent.", "a Thank you, then I will not keep you. Goodbye.", "l Bye."]),
        ("completed", ["l Hello?", "a Hello {name}, this is the AI assistant of Brightroof.",
                       "l Wait, are you a robot?", "a Yes, I am an AI assistant. May I go on?", "l Fine.",
                       "a Do you own your house?", "l Yes. And someone could come by on Tuesday at three.",
                       "a I have noted Tuesday at three. Goodbye."]),
        ("completed", ["l Hello?", "a Hello, is this {name}?", "l You have the wrong number, that is not me.",
                       "a I am sorry to have disturbed you. Goodbye."]),
        ("voicemail", ["l Hi, I can't take your call right now. Leave a message after the beep."]),
    ],
    "de": [
        ("completed", ["l Ja, hallo?", "a Guten Tag {name}, hier ist der KI-Assistent von Sonnendach. Gehört Ihnen das Haus?",
                       "l Ja, das stimmt.", "a Welches Budget haben Sie?", "l Ungefähr 15000 Euro.",
                       "a Darf ich Ihnen Unterlagen schicken?", "l Das klingt sehr gut, schicken Sie mir bitte alles.",
                       "a Sehr gern. Auf Wiederhören."]),
        ("completed", ["l Hallo?", "a Guten Tag {name}, hier ist der KI-Assistent von Sonnendach.",
                       "l Gerade passt es nicht. Können Sie mich morgen um zehn Uhr zurückrufen?",
                       "a Natürlich, morgen um zehn Uhr. Auf Wiederhören.", "l Danke, tschüss."]),
        ("completed", ["l Ja?", "a Guten Tag, hier ist der KI-Assistent von Sonnendach.",
                       "l Rufen Sie mich nie wieder an! Löschen Sie meine Nummer.",
                       "a Das tut mir leid, ich habe Ihre Nummer gelöscht. Auf Wiederhören."]),
        ("completed", ["l Ja, bitte?", "a Guten Tag {name}, hier ist der KI-Assistent von Sonnendach. Gehört Ihnen das Haus?",
                       "l Nein, eigentlich nicht, wir wohnen zur Miete.", "a Danke für die Auskunft. Auf Wiederhören."]),
        ("completed", ["l Hallo?", "a Guten Tag {name}, hier ist der KI-Assistent von Sonnendach. Welches Budget haben Sie?",
                       "l Das weiß ich nicht genau. Rufen Sie nächste Woche noch einmal an.",
                       "a Gern. Auf Wiederhören."]),
        ("completed", ["l Hallo?", "a Guten Tag {name}, hier ist der KI-Assistent von Sonnendach. Gehört Ihnen das Haus?",
                       "l Ja. Könnte am Donnerstag um 17 Uhr jemand vorbeikommen?",
                       "a Ich habe Donnerstag um 17 Uhr notiert. Auf Wiederhören.", "l Danke schön."]),
        ("voicemail", ["l Hier ist die Mailbox. Bitte hinterlassen Sie eine Nachricht nach dem Signalton."]),
    ],
    "es": [
        ("completed", ["l ¿Diga?", "a Buenos días {name}, soy el asistente de inteligencia artificial de El Sol. ¿La casa es suya?",
                       "l Sí, claro.", "a ¿Qué presupuesto tiene?", "l Unos 9000 euros.",
                       "a ¿Puedo enviarle información?", "l Suena muy bien, envíeme los detalles, por favor.",
                       "a Muchas gracias. Adiós."]),
        ("completed", ["l ¿Sí?", "a Buenos días {name}, soy el asistente de inteligencia artificial de El Sol.",
                       "l Ahora no puedo. ¿Me puede llamar mañana a las cuatro de la tarde?",
                       "a Por supuesto, mañana a las cuatro de la tarde. Hasta entonces."]),
        ("completed", ["l Hola, ¿quién es?", "a Soy el asistente de inteligencia artificial de El Sol.",
                       "l ¡No me llame más! ¡Quíteme de su lista!", "a Lo siento, he eliminado su número. Adiós."]),
        ("completed", ["l ¿Diga?", "a Buenos días {name}, soy el asistente de inteligencia artificial de El Sol. ¿La casa es suya?",
                       "l No, la verdad es que no.", "a Gracias por su tiempo. Adiós.", "l Hasta luego."]),
        ("voicemail", ["l Ha llamado al buzón de voz. Deje su mensaje después de la señal."]),
    ],
}
SILENT = ["no_answer", "busy", "rejected", "unreachable", "invalid_number"]


def turns(lines, name):
    at, out = 400, []
    for line in lines:
        text = line[2:].replace(" {name}", " " + name if name else "").replace("{name}", name)
        end = at + 250 + 55 * len(text)
        out.append({"speaker": "lead" if line[0] == "l" else "assistant", "text": text, "start_ms": at, "end_ms": end})
        at = end + R.randrange(300, 900)
    return out


def stamp(day, second):
    return "2026-%02d-%02dT%02d:%02d:%02dZ" % (9 + day // 28, day % 28 + 1, 9 + second // 3600, second // 60 % 60, second % 60)


def write_recorded(numbers):
    by_language = {l: [n for n in numbers if LANGUAGE.get(n.country, "en") == l] for l in TALKS}
    groups = {"en": "solar-uk", "de": "solar-dach", "es": "solar-es"}
    lines, index = [], 0
    cases = [(l, d, t) for l in TALKS for d, t in TALKS[l]] * 2 + [(l, d, []) for l in TALKS for d in SILENT[:3]]
    R.shuffle(cases)
    for language, disposition, talk in cases:
        index += 1
        number = R.choice(by_language[language])
        name = R.choice(FIRST[language])
        said, begin = turns(talk, name), R.randrange(0, 28000)
        length = said[-1]["end_ms"] // 1000 + 12 if said else R.choice([4, 30])
        day = index % 50
        lines.append(json.dumps({
            "external_id": "old-%03d" % index,
            "lead": {"phone_number": number.e164, "first_name": name, "language": language, "country": number.country},
            "group": groups[language], "started_at": stamp(day, begin), "ended_at": stamp(day, begin + length),
            "disposition": disposition, "language": language, "transcript": said}, ensure_ascii=False))
    good = json.loads(lines[0])
    bad = [dict(good, external_id="bad-%d" % i) for i in range(1, 6)]
    del bad[1]["lead"]
    bad[2]["started_at"] = "31.02.2026 25:00"
    bad[3]["disposition"] = "went_well"
    bad[4].update(disposition="completed", transcript=[])
    texts = [json.dumps(b, ensure_ascii=False) for b in bad]
    texts[0] = texts[0][:-20]  # not JSON any more
    for i, text in enumerate(texts):
        lines.insert(5 + 8 * i, text)
    save("recorded-calls.jsonl", "\n".join(lines) + "\n")


def save(name, text):
    with open(os.path.join(HERE, name), "w", encoding="utf-8", newline="") as file:
        file.write(text)


def main():
    rows, numbers = make_leads()
    write_leads(rows)
    write_do_not_call(numbers)
    write_recorded(numbers)


if __name__ == "__main__":
    main()
