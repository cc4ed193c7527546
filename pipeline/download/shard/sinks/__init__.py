"""In what other files than tars the images of a plan are stored: a folder of files, a column of the table."""
