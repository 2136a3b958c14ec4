-- good
-- The reason is no text: it is left out, not converted.
return true, setmetatable({}, { __tostring = function() while true do end end })
