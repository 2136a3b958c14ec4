-- refused
local x = @repeat 100000 (@ 1
return kejue.rules { name = 'p' }
