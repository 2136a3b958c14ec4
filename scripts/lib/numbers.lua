-- Numbers as people say and as speech recognition writes them, in English, German and Spanish.
local numbers = {}

local function list(text, first, step, into)
  local value = first
  for word in text:gmatch("%S+") do
    into[word] = value
    value = value + step
  end
  return into
end

local units = { en = {}, de = {}, es = {} }
list("zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
  .. "sixteen seventeen eighteen nineteen", 0, 1, units.en)
list("twenty thirty forty fifty sixty seventy eighty ninety", 20, 10, units.en)
list("null eins zwei drei vier funf sechs sieben acht neun zehn elf zwolf dreizehn vierzehn funfzehn "
  .. "sechzehn siebzehn achtzehn neunzehn", 0, 1, units.de)
list("zwanzig dreissig vierzig funfzig sechzig siebzig achtzig neunzig", 20, 10, units.de)
units.de.ein, units.de.eine, units.de.zwo = 1, 1, 2
list("cero uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince "
  .. "dieciseis diecisiete dieciocho diecinueve veinte veintiuno veintidos veintitres veinticuatro "
  .. "veinticinco veintiseis veintisiete veintiocho veintinueve", 0, 1, units.es)
list("treinta cuarenta cincuenta sesenta setenta ochenta noventa", 30, 10, units.es)
list("cien doscientos trescientos cuatrocientos quinientos seiscientos setecientos ochocientos "
  .. "novecientos", 100, 100, units.es)
units.es.ciento, units.es.un, units.es.una = 100, 1, 1

local scales = {
  en = { hundred = 100, thousand = 1000, k = 1000, grand = 1000, million = 1000000 },
  de = { hundert = 100, tausend = 1000, million = 1000000, millionen = 1000000, k = 1000 },
  es = { mil = 1000, millon = 1000000, millones = 1000000, k = 1000 },
}

local joins = { en = { ["and"] = true, a = true }, de = { und = true }, es = { y = true, e = true } }

-- "funfundzwanzig", "viertausendzweihundert": German writes them in one word.
local function german(word)
  if word == "" then return nil end
  if units.de[word] then return units.de[word] end
  for _, scale in ipairs({ "tausend", "hundert" }) do
    local left, right = word:match("^(.-)" .. scale .. "(.*)$")
    if left then
      local factor = left == "" and 1 or german(left)
      local rest = right == "" and 0 or german((right:gsub("^und", "")))
      return factor and rest and factor * scales.de[scale] + rest or nil
    end
  end
  local small, large = word:match("^(%l+)und(%l+)$")
  small, large = units.de[small or ""], units.de[large or ""]
  return small and large and small + large or nil
end

-- "8.000" is eight thousand, "3.5" is not; a comma between digits has become a point before.
local function digits(word)
  local plain, k = word:match("^([%d.]+)(k?)$")
  if not plain then return nil end
  if plain:match("^%d%d?%d?%.%d%d%d$") or plain:match("^%d%d?%d?%.%d%d%d%.%d%d%d$") then
    plain = plain:gsub("%.", "")
  end
  local value = tonumber(plain)
  return value and (k == "k" and value * 1000 or value)
end

local function known(language)
  local short = language:sub(1, 2)
  return units[short] and short or "en"
end

-- The number that begins at words[at] and the position behind it, or nil.
local function read(words, at, language)
  local total, current, seen, spelled = 0, 0, false, nil
  while words[at] do
    local word = words[at]
    local written = digits(word)
    local unit = units[language][word] or (language == "de" and german(word)) or nil
    local scale = scales[language][word]
    if written and not seen then
      current, seen, spelled = written, true, false
    elseif unit and (spelled ~= false or current == 0) then
      current, seen, spelled = current + unit, true, true
    elseif scale == 100 and seen then
      current = (current == 0 and 1 or current) * scale
    elseif scale and scale > 100 and (seen or scale == 1000 and language == "es") then
      total, current, seen = total + (current == 0 and 1 or current) * scale, 0, true
      spelled = nil
    elseif not (seen and joins[language][word] and words[at + 1]
        and (units[language][words[at + 1]] or german(words[at + 1]))) then
      break
    end
    at = at + 1
  end
  if seen then return total + current, at end
end

-- The first number of a text: digits go before words ("one moment, about 4000"), nil when none.
function numbers.find(text, language)
  language = known(language or "en")
  local words = kejue.text.words((text:gsub("(%d),(%d)", "%1.%2")))
  for at, word in ipairs(words) do
    if digits(word) then return (read(words, at, language)) end
  end
  for at in ipairs(words) do
    local value = read(words, at, language)
    if value then return value end
  end
  return nil
end

return numbers
