-- refused
local t = { @repeat 400000 {},@ }
return kejue.rules { name = 'p' }
