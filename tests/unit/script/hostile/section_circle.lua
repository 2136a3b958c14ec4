-- fault circle
return kejue.rules { name = 'p', success = { { 'good', function(c) return c.success == 'good' end }, { 'poor' } },
  tags = { { 'later', function() return true end } } }
