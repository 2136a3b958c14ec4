-- refused was stopped
while true do end
return kejue.rules { name = 'p' }
