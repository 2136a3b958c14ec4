-- refused there is no module
require('../../../etc/passwd')
return kejue.rules { name = 'p' }
