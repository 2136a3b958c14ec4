-- fault require belongs at the top
return require('self')
