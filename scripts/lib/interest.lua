-- How interested a lead sounded at the end of a call, by what people say in English, German and
-- Spanish when they are asked whether they want to hear more.
local extract = require "extract"

local interest = {}

local EAGER = {
  "sounds great", "very interested", "send me the details", "everything you have",
  "klingt sehr gut", "sehr interessiert", "schicken sie mir alles", "bitte die unterlagen",
  "suena muy bien", "me interesa mucho", "toda la información", "envíeme los detalles",
}
local OPEN = {
  "send me something", "send me some information", "have a look",
  "etwas schicken", "ruhig unterlagen", "schaue es mir an",
  "enviarme algo", "mandarme información", "la miraré",
}
local COLD = {
  "not interested", "nothing for me", "not for now", "some other time",
  "kein interesse", "nichts für mich", "im moment nicht", "ein anderes mal",
  "no me interesa", "no es para mí", "por ahora no", "en otro momento",
}
local WRONG = {
  "wrong number", "falsche nummer", "verwählt", "equivocado de número", "número equivocado",
}

-- "eager", "open", "cold", or nil; and the turn that shows it.
function interest.level(c)
  local found, turn = extract.said(c, EAGER)
  if found then return "eager", turn end
  found, turn = extract.said(c, OPEN)
  if found then return "open", turn end
  found, turn = extract.said(c, COLD)
  if found then return "cold", turn end
  return nil
end

function interest.wrong_person(c)
  return extract.said(c, WRONG)
end

return interest
