-- refused circle
require('self')
return kejue.rules { name = 'p' }
