#!/bin/sh
# Brings Temporal's two schemas up to the version of this image. Running it again changes nothing.
set -eu

for schema in temporal:temporal temporal_visibility:visibility; do
	database=${schema%:*} folder=${schema#*:}
	temporal-sql-tool --database "$database" setup-schema --version 0.0
	temporal-sql-tool --database "$database" update-schema --schema-name "postgresql/v12/$folder"
done
