-- stopped
return (('a'):rep(300)):find(('a?'):rep(60) .. ('a'):rep(300) .. 'b')
