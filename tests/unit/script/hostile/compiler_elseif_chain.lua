-- refused was stopped
local a = 1
if a == 0 then @repeat 50000 elseif a then @ end
return kejue.rules { name = 'p' }
