-- good
-- What one call writes the next must not see.
local seen, box = 0, {}
return kejue.rules { name = 'p', success = { { 'good', function(c)
  seen = seen + 1
  return seen == 1 and not pcall(function() box.x = 1 end) and box.x == nil
end }, { 'poor' } }, tags = { { 'later', function() return true end } } }
