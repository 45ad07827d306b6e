# Prints the statements of the SQL blocks of a Markdown page that run without an error, as rows of CSV: page, anchor of the section,
# statement. A statement ends at a semicolon at the end of its line, outside of dollar quotes, or at \gset; comments before it go.
#
# Variable: page, what the page is called in links.

/^#/ && !inside {
    anchor = tolower($0)
    sub(/^#+ */, "", anchor)
    gsub(/[^a-z0-9 _-]/, "", anchor)
    gsub(/ /, "-", anchor)
    next
}

!inside && /^```sql *$/ { inside = 1; statement = ""; next }
inside && /^```/ { inside = 0; next }
!inside { next }

statement == "" && /^(--|\\|$)/ { next }
{
    statement = statement (statement == "" ? "" : "\n") $0
    quotes += gsub(/\$\$/, "&")
    if (quotes % 2 == 1 || !/(;|\\gset)( *--.*)?$/) next
    sub(/ *\\gset$/, ";", statement)
    gsub(/"/, "\"\"", statement)
    printf "\"%s\",\"%s\",\"%s\"\n", page, anchor, statement
    statement = ""
}
