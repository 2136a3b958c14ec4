-- refused was stopped
-- Each "and" walks over the jumps of all before it.
local a = 1
local x = a @repeat 170000  and a@
return kejue.rules { name = 'p' }
