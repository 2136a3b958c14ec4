-- fault io
io.open('/etc/passwd')
