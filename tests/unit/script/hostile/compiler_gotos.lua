-- refused
@repeat 30000 goto x@
@repeat 60000 do end@
::x::
return kejue.rules { name = 'p' }
