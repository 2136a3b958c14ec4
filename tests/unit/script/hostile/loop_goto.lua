-- stopped
::again:: local x = {} goto again
