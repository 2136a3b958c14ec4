-- refused
return kejue.rules { name = 'p', extends = 'p' }
