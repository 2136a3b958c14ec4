-- refused
@repeat 100000 return function() @
-- kejue.rules
