#!/bin/sh
# Makes the namespace that Throughline's workflows live in. Running it again changes nothing.
set -eu

temporal operator namespace describe --namespace "$TEMPORAL_NAMESPACE" ||
	temporal operator namespace create --namespace "$TEMPORAL_NAMESPACE" --retention 30d
