# The programs: each a folder or a file under tools/, kejued from core/app.
