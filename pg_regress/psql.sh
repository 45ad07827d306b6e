#!/bin/sh
# Runs the psql of pg_regress so that results are a line of column names and lines of values, without frames: a value that gets longer
# changes one line of an expected output. A result without rows is the line of names alone.
exec "$@" --no-align --pset=footer=off
