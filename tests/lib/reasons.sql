-- The member `reason` of DETAIL: every one that there is, with the errors that have it.
CREATE TEMP VIEW reason AS
SELECT reason, array_to_string(sqlstates, ' ') AS sqlstates, meaning, remedy FROM quire_store.error_reasons();
