#!/bin/sh
# Runs once, when the database server is new: one account and its databases for each of the two that use it, so that
# neither reads what is the other's. throughline owns the record and migrates it; throughline_app works on it, and the
# database holds it to what each request may see.
set -eu

psql --no-psqlrc --username postgres --dbname postgres -v ON_ERROR_STOP=1 -v throughline="$THROUGHLINE_DB_PASSWORD" -v app="$THROUGHLINE_APP_PASSWORD" -v temporal="$TEMPORAL_DB_PASSWORD" <<'SQL'
CREATE ROLE throughline LOGIN PASSWORD :'throughline';
CREATE ROLE throughline_app LOGIN PASSWORD :'app';
CREATE ROLE temporal LOGIN PASSWORD :'temporal';
CREATE DATABASE throughline OWNER throughline;
CREATE DATABASE temporal OWNER temporal;
CREATE DATABASE temporal_visibility OWNER temporal;
REVOKE CONNECT ON DATABASE throughline FROM PUBLIC;
REVOKE CONNECT ON DATABASE temporal FROM PUBLIC;
REVOKE CONNECT ON DATABASE temporal_visibility FROM PUBLIC;
SQL
