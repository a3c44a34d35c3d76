#!/bin/sh
# Answers git's questions for a user and password, for one origin only. The values come from the environment.
case "$1" in
"Username for '$REPERTOIRE_ASKPASS_ORIGIN': ")
  printf '%s\n' "$REPERTOIRE_ASKPASS_USERNAME"
  ;;
"Password for '${REPERTOIRE_ASKPASS_ORIGIN%%://*}://"*"@${REPERTOIRE_ASKPASS_ORIGIN#*://}': ")
  printf '%s\n' "$REPERTOIRE_ASKPASS_PASSWORD"
  ;;
*)
  exit 1
  ;;
esac
