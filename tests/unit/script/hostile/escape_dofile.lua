-- fault dofile
dofile('/etc/passwd')
