-- Reading answers from the transcript with patterns alone: for packs that must work without a model.
--
-- A variable that is asked aloud gives its question texts to one of these functions and takes the
-- result as its `from`; the turn that shows the value comes back as evidence:
--
--   local ask = { en = "Do you own the house?", de = "Gehört Ihnen das Haus?" }
--   owner = { type = "boolean", ask = ask, from = extract.yes_no(ask) }
local numbers = require("numbers")

local extract = {}

-- Phrases to be found among words, by their first word: each answer is looked through for all of
-- them at once. Made ready when the pack loads.
local function phrases(list)
  local ready = {}
  for _, phrase in ipairs(list) do
    local words = kejue.text.words(phrase)
    ready[words[1]] = ready[words[1]] or {}
    table.insert(ready[words[1]], words)
  end
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

local function stands_at(words, at, phrase)
  for i = 2, #phrase do
    if words[at + i - 1] ~= phrase[i] then return false end
  end
  return true
end

-- At which word the first of the phrases stands, or nil.
local function first_of(words, list)
  for at = 1, #words do
    local some = list[words[at]]
    for i = 1, some and #some or 0 do
      if stands_at(words, at, some[i]) then return at end
    end
  end
  return nil
end

local function folded_questions(ask)
  local questions = {}
  for _, text in pairs(ask) do questions[#questions + 1] = kejue.text.fold(text) end
  return questions
end

local function read_turns(transcript)
  local turns = {}
  for turn, said in ipairs(transcript) do
    local text = said.text
    turns[turn] = { text = text, turn = turn, folded = said.speaker ~= "lead" and kejue.text.fold(text) }
  end
  return turns
end

-- Every variable looks for its question in the same transcript, which is read once a call: before
-- the next call these two are nil again.
local known_transcript, known_turns

local function turns_of(c)
  local transcript = c.transcript
  if transcript ~= known_transcript then
    known_turns = read_turns(transcript)
    known_transcript = transcript
  end
  return known_turns
end

local function answers_to(turns, questions)
  local found, open = {}, false
  for at = 1, #turns do
    local said = turns[at]
    local folded = said.folded
    if not folded then
      if open then table.insert(found, 1, said) end
    else
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
  local answers = {}
  for at, said in ipairs(answers_to(read_turns(c.transcript), folded_questions(ask))) do
    answers[at] = { text = said.text, turn = said.turn }
  end
  return answers
end

-- A `from` function out of `read(text, c, words)`, which returns a value or nil.
local function from(ask, read)
  local questions = folded_questions(ask)
  return function(c)
    for _, answer in ipairs(answers_to(turns_of(c), questions)) do
      local words = kejue.text.words(answer.text)
      if not first_of(words, vague) then
        local value = read(answer.text, c, words)
        if value ~= nil then return value, answer.turn end
      end
    end
  end
end

local function agreement(words)
  local agreed, refused = first_of(words, yes), first_of(words, no)
  if agreed and (not refused or agreed < refused) then return true end
  if refused then return false end
  return nil
end

-- "Yes, I do." true, "Nein, eigentlich nicht." false, anything else nil.
function extract.is_yes(text)
  local words = kejue.text.words(text)
  if first_of(words, vague) then return nil end
  return agreement(words)
end

function extract.yes_no(ask)
  return from(ask, function(_, _, words) return agreement(words) end)
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
