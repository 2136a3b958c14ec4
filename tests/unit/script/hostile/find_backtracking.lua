-- stopped
return (('a'):rep(4000)):find('.-.-.-.-b')
