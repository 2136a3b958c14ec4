-- refused
local x = @repeat 100000 {@
return kejue.rules { name = 'p' }
