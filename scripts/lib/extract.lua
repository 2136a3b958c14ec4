-- What a lead answered to a question that the assistant asked aloud: found by patterns, without a
-- model. Every function gives a value and the number of the turn that shows it, or nil.
local extract = {}

local YES = { yes = true, yeah = true, yep = true, sure = true, ja = true, gern = true,
              natuerlich = true, naturlich = true, si = true, claro = true }
local NO = { no = true, nope = true, nein = true, nicht = true, kein = true, keine = true }

-- Answers that say nothing, in the words people use for it.
local VAGUE = {
  "rather not say", "hard to say", "not sure", "don't know", "no idea", "prefer not",
  "weiss ich nicht", "weiß ich nicht", "lieber nicht sagen", "schwer zu sagen", "keine ahnung",
  "no sabría", "prefiero no", "difícil de decir", "no lo sé",
}

local NUMBERS = {
  zero = 0, one = 1, two = 2, three = 3, four = 4, five = 5, six = 6, seven = 7, eight = 8, nine = 9,
  ten = 10, eleven = 11, twelve = 12, thirteen = 13, fourteen = 14, fifteen = 15, sixteen = 16,
  seventeen = 17, eighteen = 18, nineteen = 19, twenty = 20, thirty = 30, forty = 40, fifty = 50,
  sixty = 60, seventy = 70, eighty = 80, ninety = 90,
  null = 0, eins = 1, ein = 1, eine = 1, zwei = 2, drei = 3, vier = 4, fuenf = 5, funf = 5, sechs = 6,
  sieben = 7, acht = 8, neun = 9, zehn = 10, elf = 11, zwoelf = 12, zwolf = 12, dreizehn = 13,
  vierzehn = 14, fuenfzehn = 15, funfzehn = 15, sechzehn = 16, siebzehn = 17, achtzehn = 18,
  neunzehn = 19, zwanzig = 20, dreissig = 30, vierzig = 40, fuenfzig = 50, funfzig = 50,
  cero = 0, uno = 1, un = 1, una = 1, dos = 2, tres = 3, cuatro = 4, cinco = 5, seis = 6, siete = 7,
  ocho = 8, nueve = 9, diez = 10, once = 11, doce = 12, trece = 13, catorce = 14, quince = 15,
  dieciseis = 16, diecisiete = 17, dieciocho = 18, diecinueve = 19, veinte = 20, treinta = 30,
  cuarenta = 40, cincuenta = 50,
}
local SCALES = { hundred = 100, hundert = 100, cien = 100, thousand = 1000, tausend = 1000,
                 mil = 1000, million = 1000000, millionen = 1000000, millon = 1000000, k = 1000 }

local function is_vague(text)
  for _, phrase in ipairs(VAGUE) do
    if kejue.text.contains(text, phrase) then return true end
  end
  return false
end

-- The lead's turn right after the question was asked for the last time (it may be repeated on a bad
-- line): its text and number, or nil. `ask` is the variable's table of questions by language.
function extract.answer(c, ask)
  local question = ask[c.call.language or "en"] or ask.en
  if not question then return nil end
  for turn = #c.transcript - 1, 1, -1 do
    local said = c.transcript[turn]
    if said.speaker ~= "lead" and kejue.text.contains(said.text, question) then
      local reply = c.transcript[turn + 1]
      if reply.speaker == "lead" and not is_vague(reply.text) then return reply.text, turn + 1 end
      return nil
    end
  end
  return nil
end

-- "Yes, I do." -> true, "Nein, eigentlich nicht." -> false: the first word that decides.
function extract.yes_no(c, ask)
  local text, turn = extract.answer(c, ask)
  if not text then return nil end
  for _, word in ipairs(kejue.text.words(text)) do
    if YES[word] then return true, turn end
    if NO[word] then return false, turn end
  end
  return nil
end

local function digits(word)
  local plain = string.gsub(word, "[.,](%d%d%d)", "%1") -- 8.000 and 8,000
  return tonumber(plain)
end

-- A number in digits or words: "around 8000 euros", "about four thousand", "unos doce".
function extract.number(c, ask)
  local text, turn = extract.answer(c, ask)
  if not text then return nil end
  local value
  for _, word in ipairs(kejue.text.words(text)) do
    local number = digits(word) or NUMBERS[word]
    if number and not value then
      value = number
    elseif value and SCALES[word] then
      value = value * SCALES[word]
    elseif not value and SCALES[word] and word ~= "k" then
      value = SCALES[word]
    elseif value then
      break
    end
  end
  if value then return value, turn end
  return nil
end

function extract.integer(c, ask)
  local value, turn = extract.number(c, ask)
  if value then return math.floor(value + 0.5), turn end
  return nil
end

-- The one value whose label, or own name, stands in the answer; nil when none or several do.
-- `labels` is {value = {en = "…", de = "…"}}.
function extract.choice(c, ask, values, labels)
  local text, turn = extract.answer(c, ask)
  if not text then return nil end
  local language, found = c.call.language or "en", nil
  for _, value in ipairs(values) do
    local label = labels and labels[value] and (labels[value][language] or labels[value].en)
    local name = string.gsub(value, "_", " ")
    if kejue.text.contains(text, label or name) then
      if found then return nil end
      found = value
    end
  end
  if found then return found, turn end
  return nil
end

-- The answer itself, without the full stop.
function extract.phrase(c, ask)
  local text, turn = extract.answer(c, ask)
  if not text then return nil end
  local phrase = string.gsub(text, "[%.%s]+$", "")
  if phrase == "" then return nil end
  return phrase, turn
end

-- Did the lead say one of these phrases? (true and the turn, or false)
function extract.said(c, phrases)
  for turn = 1, #c.transcript do
    local said = c.transcript[turn]
    if said.speaker == "lead" then
      for _, phrase in ipairs(phrases) do
        if kejue.text.contains(said.text, phrase) then return true, turn end
      end
    end
  end
  return false
end

return extract
