-- refused
return load('\27Lua' , '=x', 'b'), kejue.rules { name = 'p' }
