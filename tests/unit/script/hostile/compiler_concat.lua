-- refused
local a = 'x'
local x = a @repeat 100000 .. a@
return kejue.rules { name = 'p' }
