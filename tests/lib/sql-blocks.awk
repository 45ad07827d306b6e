# Turns the SQL blocks of a Markdown page into one psql script.
#
#   ```sql         must run without an error
#   ```sql error   its last statement must fail; where that is in a transaction, the page itself ends the transaction
#
# Variable: page, the name for messages.

!inside && /^```sql *$/ {
    inside = "sql"
    start_block()
    next
}

!inside && /^```sql +error *$/ {
    inside = "error"
    start_block()
    print "\\set ON_ERROR_STOP off"
    next
}

# The end of a block. psql keeps in :ERROR whether the last statement failed.
inside && /^``` *$/ {
    if (inside == "error") {
        print "\\set ON_ERROR_STOP on"
        print "\\if :ERROR"
        print "\\else"
        print "DO $$ BEGIN RAISE '" page ":" line ": the last statement of this block should fail'; END $$;"
        print "\\endif"
    }
    inside = ""
    next
}

inside { print }

# Tells the reader of the log where the following statements come from.
function start_block() {
    line = NR
    print "\\echo '-- " page ":" line "'"
}
