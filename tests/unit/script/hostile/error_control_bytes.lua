-- fault
error('a\27[2Jb\0c\r\n')
