-- Reading answers from the transcript with patterns alone: for packs that must work without a model.
--
-- A variable that is asked aloud gives its question texts to one of these functions and takes the
-- result as its `from`; the turn that shows the value comes back as evidence:
--
--   local ask = { en = "Do you own the house?", de = "Gehört Ihnen das Haus?" }
--   owner = { type = "boolean", ask = ask, from = extract.yes_no(ask) }
local numbers = require("numbers")

local extract = {}

-- Phrases to be found in spaced text. What does not change is made ready once, when the pack loads:
-- each call looks for all of it.
local function phrases(list)
  local ready = {}
  for at, phrase in ipairs(list) do ready[at] = " " .. phrase .. " " end
  return ready
end

local vague = phrases {
  "rather not", "hard to say", "not sure", "no idea", "i dont know",
  "weiss ich nicht", "weiss nicht", "lieber nicht", "schwer zu sagen", "keine ahnung", "nicht sicher",
  "no sabria", "prefiero no", "dificil de decir", "no lo se", "no estoy seguro", "no estoy segura",
}

local yes = phrases {
  "yes", "yeah", "yep", "sure", "of course", "absolutely", "definitely", "correct", "thats right", "exactly",
  "ja", "jawohl", "genau", "klar", "naturlich", "stimmt", "richtig", "auf jeden fall", "gern", "gerne",
  "si", "claro", "asi es", "por supuesto", "correcto", "exacto", "desde luego",
}

local no = phrases {
  "no", "nope", "not really", "not at all", "not interested", "i dont", "never",
  "nein", "nee", "eigentlich nicht", "leider nicht", "nicht wirklich", "auf keinen fall", "kein interesse",
}

local function spaced(text)
  return " " .. kejue.text.fold(text) .. " "
end

-- Where the first of the phrases stands in the folded text, or nil.
local function first_of(text, list)
  local best
  for i = 1, #list do -- by number: what ipairs calls for each step costs more than most finds
    local at = text:find(list[i], 1, true)
    if at and (not best or at < best) then best = at end
  end
  return best
end

local function is_vague(text)
  return first_of(spaced(text), vague) ~= nil
end

local function folded_questions(ask)
  local questions = {}
  for _, text in pairs(ask) do questions[#questions + 1] = kejue.text.fold(text) end
  return questions
end

local function answers_to(c, questions)
  local found, open = {}, false
  for turn, said in ipairs(c.transcript) do
    if said.speaker == "lead" then
      if open then table.insert(found, 1, { text = said.text, turn = turn }) end
    else
      local folded = kejue.text.fold(said.text)
      open = false
      for i = 1, #questions do
        open = open or folded:find(questions[i], 1, true) ~= nil
      end
    end
  end
  return found
end

-- What the lead said right after a question: a list of { text, turn }, the last answer first, since
-- people correct themselves.
function extract.answers(c, ask)
  return answers_to(c, folded_questions(ask))
end

-- A `from` function out of `read(text, c)`, which returns a value or nil.
local function from(ask, read)
  local questions = folded_questions(ask)
  return function(c)
    for _, answer in ipairs(answers_to(c, questions)) do
      if not is_vague(answer.text) then
        local value = read(answer.text, c)
        if value ~= nil then return value, answer.turn end
      end
    end
  end
end

-- "Yes, I do." true, "Nein, eigentlich nicht." false, anything else nil.
function extract.is_yes(text)
  local folded = spaced(text)
  if first_of(folded, vague) then return nil end
  local agreed, refused = first_of(folded, yes), first_of(folded, no)
  if agreed and (not refused or agreed < refused) then return true end
  if refused then return false end
  return nil
end

function extract.yes_no(ask)
  return from(ask, extract.is_yes)
end

local function language_of(c)
  return c.call.language or c.lead.language or "en"
end

-- A number in digits or words: "around 8.000 euros", "about four thousand", "dos mil quinientos".
function extract.number(ask)
  return from(ask, function(text, c) return numbers.find(text, language_of(c)) end)
end

-- The same, rounded to a whole number.
function extract.integer(ask)
  return from(ask, function(text, c)
    local value = numbers.find(text, language_of(c))
    return value and math.tointeger(math.floor(value + 0.5))
  end)
end

-- The first number behind a word: find_number_after("I have 3 cars and a budget of 5k", "budget").
function extract.find_number_after(text, word, language)
  local folded = spaced(text)
  local _, stop = folded:find(" " .. kejue.text.fold(word) .. " ", 1, true)
  return stop and numbers.find(folded:sub(stop), language or "en") or nil
end

-- One value of an enum, by its labels (a text, or texts by language) or its own name. The longest
-- label that stands in the answer wins.
function extract.choice(ask, values, labels)
  local named = {} -- { value, phrase }
  local function name(value, label)
    named[#named + 1] = { value, " " .. kejue.text.fold(label) .. " " }
  end
  for _, value in ipairs(values) do
    name(value, (value:gsub("_", " ")))
    local label = labels and labels[value]
    if type(label) == "string" then name(value, label) end
    if type(label) == "table" then
      for _, one in pairs(label) do name(value, one) end
    end
  end
  return from(ask, function(text)
    local folded, best, length = spaced(text), nil, 2 -- more than the blanks
    for _, one in ipairs(named) do
      local value, phrase = one[1], one[2]
      if #phrase > length and folded:find(phrase, 1, true) then best, length = value, #phrase end
    end
    return best
  end)
end

-- The answer in the lead's words, without the full stop.
function extract.text(ask)
  return from(ask, function(text)
    local words = text:match("^%s*(.-)[%s%.!]*$")
    return words ~= "" and words or nil
  end)
end

-- Did the lead say one of these phrases anywhere? Returns true and the turn, or false.
function extract.said(c, phrases)
  for turn, said in ipairs(c.transcript) do
    if said.speaker == "lead" and kejue.text.contains(said.text, phrases) then return true, turn end
  end
  return false
end

return extract
